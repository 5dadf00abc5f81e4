"""Between the HTTP API and the domain: who calls, the body that came, the answer that goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from homing.errors import FieldError, InvalidMessageError
from homing.identifiers import ENDPOINT_ID, SENDER_ID
from homing.reception.problem import no_route
from homing.reception.raw_json import as_handed_on, from_base64
from homing.senders.ownership import acting_sender

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

    from homing.reception.answer import Answer

_MARK = "webhook-id"
_SIGNATURE = "x-amz-"  # SigV4 may sign a request in its query


def json_api() -> APIGatewayHttpResolver:
    """Make a resolver of routes that answers what it has no route for with a problem document.

    The API hands on no other path or method. But it may find a route for a path that Powertools
    does not: `/v1/messages/"` has a character that Powertools sees in no path.
    """
    app = APIGatewayHttpResolver()

    @app.not_found
    def not_found(_: Exception) -> Response[str]:
        return respond(no_route(app.current_event.http_method, app.current_event.path))

    return app


def key_owner(event: BaseProxyEvent) -> str | None:
    """Give the sender whose API key the request brought; None at the IAM API.

    The API has checked the caller before it calls us, and only it writes here.
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    if "lambda" not in authorizer:
        return None
    sender_id: str = authorizer["lambda"]["senderId"]
    return sender_id


def signer(event: BaseProxyEvent) -> dict[str, str]:
    """Give the ARN of who signed a request under IAM, as the log field `caller`; else nothing.

    A function URL has no access log that would tell it.
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    arn = authorizer.get("iam", {}).get("userArn")  # what is only logged must not fail a request
    return {"caller": arn} if arn else {}


def query(event: BaseProxyEvent, *known: str) -> dict[str, str]:
    """Return the query parameters of a request, but for those of its signature.

    Args:
        event: the request.
        known: the names that the route has a meaning for.

    Raises:
        InvalidMessageError: when there is any other.
    """
    given = {
        name: value
        for name, value in (event.query_string_parameters or {}).items()
        if not name.lower().startswith(_SIGNATURE)
    }
    if unknown := [name for name in given if name not in known]:
        raise InvalidMessageError(
            [FieldError(name, "is not a known query parameter") for name in unknown]
        )
    return given


def queried_sender(event: BaseProxyEvent, *others: str) -> str:
    """Return the sender that a request without a body acts for: its key's, or `?senderId=`.

    Args:
        event: the request.
        others: the names of further query parameters that the route knows.

    Raises:
        InvalidMessageError: 400 for an unknown query parameter and for what cannot be a senderId;
            403 where it asks for another sender than its key's.
    """
    sender_id = acting_sender(query(event, "senderId", *others).get("senderId"), key_owner(event))
    try:
        return SENDER_ID.check(sender_id)
    except ValueError as error:
        raise InvalidMessageError([FieldError("senderId", str(error))]) from error


def own_host(event: BaseProxyEvent) -> str:
    """Return the host name that a request came to, as the service in front of us knows it."""
    host: str = event["requestContext"].get("domainName", "")
    return host


def refuse_delivery(event: BaseProxyEvent) -> None:
    """Refuse a request that is itself a delivery: then messages would make messages without end.

    Each request that Homing makes has a `webhook-id`, which no sender can take away. Our own hosts
    are no targets (docs/decisions/0030); a proxy before them may be one.

    Raises:
        InvalidMessageError: when it has a `webhook-id`.
    """
    if _MARK in event.headers:
        message = "marks this request as the delivery of a webhook; send it without this header"
        raise InvalidMessageError([FieldError(_MARK, message)])


def named_endpoint(id_in_path: str) -> str:
    """Return the id of the endpoint that a path names.

    Raises:
        InvalidMessageError: 404 when none can have this id.
    """
    endpoint_id = unquote(id_in_path)
    if not ENDPOINT_ID.allows(endpoint_id):
        raise InvalidMessageError([FieldError("endpointId", "names no endpoint")], 404)
    return endpoint_id


def request_body(event: BaseProxyEvent) -> str | bytes:
    """Return the body of a request; what the API takes for no text arrives in base64.

    Raises:
        InvalidMessageError: when it should be base64 and is not, or was not UTF-8.
    """
    body = event.body or ""
    return from_base64(body) if event.is_base64_encoded else as_handed_on(body)


def respond(answer: Answer) -> Response[str]:
    """Write an answer as the response of a route."""
    return Response(
        status_code=answer.status,
        content_type=answer.content_type,
        body=json.dumps(answer.document),
        headers=dict(answer.headers),
    )

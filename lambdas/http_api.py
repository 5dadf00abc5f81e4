"""What all functions of the HTTP API share: resolver, caller, request body and response.

A handler creates its resolver with `json_api`, serves routes of `homing.api.routes` with `serve`,
and raises errors, which this module turns into responses.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from botocore.exceptions import BotoCoreError, ClientError

from homing.api import problem
from homing.errors import DependencyError, FieldError, InvalidMessageError
from homing.identifiers import ENDPOINT_ID, SENDER_ID
from homing.json_text import dump
from homing.reception.raw_json import as_handed_on, from_base64
from homing.senders.acting_sender import acting_sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

    from homing.api.answer import Answer
    from homing.api.routes import Route

_DELIVERY_HEADER = "webhook-id"
_SIGNATURE = "x-amz-"  # how the names of query parameters with a SigV4 signature begin


def json_api(
    log_failure: Callable[..., None],
    *,
    log_invalid: Callable[[Answer], None] | None = None,
    invalid: Callable[[InvalidMessageError], Answer] = problem.invalid,
    aws_failed: Callable[[], Answer] = problem.dependency_failed,
    no_route: Callable[[str, str], Answer] = problem.no_route,
) -> APIGatewayHttpResolver:
    """Return a resolver that turns errors of its routes into problem documents (RFC 9457).

    Args:
        log_failure: logs that a dependency has failed; called with `reason`, and with the ids that
            the route has put into the resolver's context.
        log_invalid: logs the response to an invalid request.
        invalid: returns the response to an InvalidMessageError.
        aws_failed: returns the response to an error of an AWS call.
        no_route: returns the response for a method and path without a route. Although an API
            forwards only requests for its routes, Powertools does not find a route for a path with
            characters that it does not accept, such as the `"` of `/v1/messages/"`.
    """
    app = APIGatewayHttpResolver()

    @app.not_found
    def not_found(_: Exception) -> Response[str]:
        return respond(no_route(app.current_event.http_method, app.current_event.path))

    @app.exception_handler(InvalidMessageError)  # type: ignore[untyped-decorator]  # Powertools' gap
    def answer_invalid(error: InvalidMessageError) -> Response[str]:
        answer = invalid(error)
        if log_invalid:
            log_invalid(answer)
        return respond(answer)

    @app.exception_handler(DependencyError)  # type: ignore[untyped-decorator]  # as above
    def answer_failed_dependency(error: DependencyError) -> Response[str]:
        log_failure(reason=str(error), **_ids(app))
        return respond(problem.dependency_failed())

    @app.exception_handler([BotoCoreError, ClientError])  # type: ignore[untyped-decorator]  # as above
    def answer_failed_aws_call(error: Exception) -> Response[str]:
        log_failure(reason=f"{type(error).__name__}: {error}", **_ids(app))
        return respond(aws_failed())

    return app


def serve(app: APIGatewayHttpResolver, route: Route) -> Callable[..., Any]:
    """Return a decorator for the function that serves a route.

    The function takes the route's path parameters by their names in snake case. Their values may be
    percent-encoded, since API Gateway does not decode them.
    """
    rule = re.sub(r"\{(\w+)\}", lambda name: f"<{_in_snake_case(name[1])}>", route.path)
    return app.route(rule, method=route.method)


def _in_snake_case(name: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", name).lower()


def _ids(app: APIGatewayHttpResolver) -> dict[str, str]:
    """Return the ids that a route has added to the context, without Powertools' own entries."""
    return {name: value for name, value in app.context.items() if not name.startswith("_")}


def key_sender(event: BaseProxyEvent) -> str | None:
    """Return the sender to which the request's API key belongs; None if the request has no key.

    Requests to the IAM API and to the function URL have none. The result can be trusted: API
    Gateway has checked the key, and nothing else writes this part of the event.
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    if "lambda" not in authorizer:
        return None
    sender_id: str = authorizer["lambda"]["senderId"]
    return sender_id


def signer(event: BaseProxyEvent) -> dict[str, str]:
    """Return the log field `caller`: the ARN of the IAM principal that signed the request.

    The result is empty if the request is not signed. The field is needed because the function URL
    has no access log.
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    arn = authorizer.get("iam", {}).get("userArn")  # None if it is missing: it is only logged
    return {"caller": arn} if arn else {}


def query(event: BaseProxyEvent, route: Route) -> dict[str, str]:
    """Return the query parameters of a request, except those of its signature.

    Raises:
        InvalidMessageError: when there is a parameter that the route does not take.
    """
    given = {
        name: value
        for name, value in (event.query_string_parameters or {}).items()
        if not name.lower().startswith(_SIGNATURE)
    }
    if unknown := [name for name in given if name not in route.query]:
        raise InvalidMessageError(
            [FieldError(name, "is not a known query parameter") for name in unknown]
        )
    return given


def queried_sender(event: BaseProxyEvent, route: Route) -> str:
    """Return the sender for which a request acts: the sender of its API key, or `?senderId=`.

    Raises:
        InvalidMessageError: 400 for a query parameter that the route does not take and for an
            invalid senderId; 403 when `senderId` is not the sender of the key.
    """
    sender_id = acting_sender(query(event, route).get("senderId"), key_sender(event))
    try:
        return SENDER_ID.check(sender_id)
    except ValueError as error:
        raise InvalidMessageError([FieldError("senderId", str(error))]) from error


def own_host(event: BaseProxyEvent) -> str:
    """Return the host name that a request was sent to, as API Gateway or Lambda reports it."""
    host: str = event["requestContext"].get("domainName", "")
    return host


def refuse_delivery(event: BaseProxyEvent) -> None:
    """Refuse a request that is itself a delivery of Homing, since that could cause an endless loop.

    Every delivery has the header `webhook-id`, which a sender cannot remove. The stack's own hosts
    are refused as targets (docs/decisions/0030), but a proxy in front of them could be a target.

    Raises:
        InvalidMessageError: when the request has a `webhook-id`.
    """
    if _DELIVERY_HEADER in event.headers:
        message = "marks this request as a webhook delivery; send it without this header"
        raise InvalidMessageError([FieldError(_DELIVERY_HEADER, message)])


def named_endpoint(id_in_path: str) -> str:
    """Return the endpoint id in a path.

    Raises:
        InvalidMessageError: 404 when it is not a valid id.
    """
    endpoint_id = unquote(id_in_path)
    if not ENDPOINT_ID.allows(endpoint_id):
        raise InvalidMessageError([FieldError("endpointId", "is not the id of an endpoint")], 404)
    return endpoint_id


def request_body(event: BaseProxyEvent) -> str | bytes:
    """Return the body of a request, decoded if API Gateway has encoded it in base64.

    API Gateway does so if it takes the body for binary data.

    Raises:
        InvalidMessageError: when the body is not valid UTF-8, or is encoded in invalid base64.
    """
    body = event.body or ""
    return from_base64(body) if event.is_base64_encoded else as_handed_on(body)


def respond(answer: Answer) -> Response[str]:
    """Return the HTTP response for an `Answer`."""
    return Response(
        status_code=answer.status,
        content_type=answer.content_type,
        body=dump(answer.document),
        headers=dict(answer.headers),
    )

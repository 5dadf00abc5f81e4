"""Trigger `endpoints`: what senders do with their endpoints, `/v1/endpoints`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from botocore.exceptions import BotoCoreError, ClientError

from homing import deadline
from homing.aws import client
from homing.endpoints.registry import (
    Change,
    ChangedMeanwhileError,
    modify,
    rotate_secret,
    secret_document,
    set_up,
)
from homing.endpoints.store import EndpointStore
from homing.errors import InvalidMessageError
from homing.reception.answer import Answer
from homing.reception.endpoint_request import (
    EndpointChange,
    EndpointRequest,
    check_id,
    read_endpoint,
    read_page,
    read_rotation,
)
from homing.reception.problem import (
    dependency_failed,
    endpoint_changed,
    invalid_endpoint,
    no_endpoint,
)
from homing.settings import EndpointsSettings
from homing.timestamps import to_text
from lambdas.http_api import (
    json_api,
    named_endpoint,
    queried_sender,
    refuse_delivery,
    request_body,
    respond,
)
from lambdas.observation import log_message, logger

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response

    from homing.endpoints.endpoint import Endpoint

app = json_api()


@cache
def _settings() -> EndpointsSettings:
    return EndpointsSettings.from_env()


@cache
def _store() -> EndpointStore:
    settings = _settings()
    dynamodb = client("dynamodb", read_seconds=2, tries=3)
    return EndpointStore(settings.endpoints_table, settings.secrets_table, dynamodb)


def _change(model: type[EndpointChange]) -> Change:
    settings = _settings()
    body = request_body(app.current_event)
    return Change(*read_endpoint(model, body, settings.guard, settings.default_policy))


def _answer(endpoint: Endpoint | None, endpoint_id: str, status: int = 200) -> Response[str]:
    if endpoint is None:
        return respond(no_endpoint(endpoint_id))
    return respond(Answer(status, endpoint.to_document()))


def _log(event: str, sender_id: str, endpoint_id: str) -> None:
    log_message(event, "EndpointChanged", senderId=sender_id, endpointId=endpoint_id)


@app.get("/v1/endpoints")
def list_endpoints() -> Response[str]:
    """Answer with some of a sender's endpoints, ordered by id, and where the next ones begin."""
    sender_id = queried_sender(app.current_event, "after", "limit")
    after, limit = read_page(app.current_event.query_string_parameters or {})
    found, behind = _store().endpoints.page(sender_id, after=after, limit=limit)
    more = {} if behind is None else {"after": behind}
    return respond(Answer(200, {"endpoints": [each.to_document() for each in found], **more}))


@app.get("/v1/endpoints/<endpoint_id>")
def get_endpoint(endpoint_id: str) -> Response[str]:
    """Answer with an endpoint."""
    endpoint_id = named_endpoint(endpoint_id)
    sender_id = queried_sender(app.current_event)
    return _answer(_store().endpoints.find(sender_id, endpoint_id), endpoint_id)


@app.put("/v1/endpoints/<endpoint_id>")
def put_endpoint(endpoint_id: str) -> Response[str]:
    """Make an endpoint (201, with its secret, this once) or replace one (200)."""
    endpoint_id = check_id(unquote(endpoint_id))
    sender_id = queried_sender(app.current_event)
    change = _change(EndpointRequest)
    endpoint, secret = set_up(_store(), sender_id, endpoint_id, change, datetime.now(UTC))
    _log("endpoint.set-up", sender_id, endpoint_id)
    if secret is None:
        return _answer(endpoint, endpoint_id)
    return respond(Answer(201, endpoint.to_document() | secret_document(secret)))


@app.patch("/v1/endpoints/<endpoint_id>")
def patch_endpoint(endpoint_id: str) -> Response[str]:
    """Change some of an endpoint."""
    endpoint_id = named_endpoint(endpoint_id)
    sender_id = queried_sender(app.current_event)
    changed = modify(_store(), sender_id, endpoint_id, _change(EndpointChange), datetime.now(UTC))
    _log("endpoint.changed", sender_id, endpoint_id)
    return _answer(changed, endpoint_id)


@app.delete("/v1/endpoints/<endpoint_id>")
def delete_endpoint(endpoint_id: str) -> Response[str]:
    """Delete an endpoint with its secrets; what is on its way to it is dead-lettered."""
    endpoint_id = named_endpoint(endpoint_id)
    sender_id = queried_sender(app.current_event)
    if not _store().delete(sender_id, endpoint_id):
        return respond(no_endpoint(endpoint_id))
    _log("endpoint.deleted", sender_id, endpoint_id)
    return respond(Answer(200, {"endpointId": endpoint_id, "senderId": sender_id}))


@app.post("/v1/endpoints/<endpoint_id>/rotate-secret")
def post_rotation(endpoint_id: str) -> Response[str]:
    """Give an endpoint a new secret, shown this once; those of before sign on for a while."""
    endpoint_id = named_endpoint(endpoint_id)
    sender_id = queried_sender(app.current_event)
    refuse_delivery(app.current_event)
    given = read_rotation(request_body(app.current_event))
    endpoint = _store().endpoints.find(sender_id, endpoint_id)
    if endpoint is None:
        return respond(no_endpoint(endpoint_id))
    secret, signing = rotate_secret(_store(), endpoint, given, datetime.now(UTC))
    _log("endpoint.secret-rotated", sender_id, endpoint_id)
    ends = [to_text(each.expires_at) for each in signing if each.expires_at]
    return respond(Answer(200, secret_document(secret) | {"oldSecretsEndAt": ends}))


@app.exception_handler(InvalidMessageError)  # type: ignore[untyped-decorator]  # Powertools' own gap
def refuse(error: InvalidMessageError) -> Response[str]:
    """Answer 400, 403 or 413 with the fields that are wrong."""
    return respond(invalid_endpoint(error))


@app.exception_handler(ChangedMeanwhileError)  # type: ignore[untyped-decorator]  # as above
def lost_race(error: ChangedMeanwhileError) -> Response[str]:
    """Answer 409 where somebody else has changed the endpoint at the same time."""
    return respond(endpoint_changed())


@app.exception_handler([BotoCoreError, ClientError])  # type: ignore[untyped-decorator]  # as above
def ask_again(error: Exception) -> Response[str]:
    """Answer 503 where the tables cannot be reached."""
    logger.error("endpoints.failed", reason=f"{type(error).__name__}: {error}")
    return respond(dependency_failed())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API (payload format 2.0)."""
    deadline.begin(context)
    return app.resolve(event, context)

"""The function `endpoints`: it lists, creates, changes and deletes endpoints (`/v1/endpoints`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from homing import deadline
from homing.api.answer import Answer
from homing.api.endpoint_request import (
    EndpointChange,
    EndpointRequest,
    check_id,
    read_endpoint,
    read_page,
    read_rotation,
)
from homing.api.event_match import matched, read_event
from homing.api.problem import endpoint_changed, invalid_endpoint, no_endpoint
from homing.api.routes import (
    DELETE_ENDPOINT,
    GET_ENDPOINT,
    LIST_ENDPOINTS,
    MATCH_EVENT,
    PATCH_ENDPOINT,
    PUT_ENDPOINT,
    ROTATE_SECRET,
)
from homing.aws import client
from homing.endpoints.registry import (
    ChangedMeanwhileError,
    modify,
    rotate_secret,
    secret_document,
    set_up,
)
from homing.endpoints.store import EndpointStore
from homing.settings import EndpointsSettings
from homing.timestamps import to_text
from lambdas.http_api import (
    json_api,
    named_endpoint,
    queried_sender,
    refuse_delivery,
    request_body,
    respond,
    serve,
)
from lambdas.initialization import initialize
from lambdas.observation import log_message, logger

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response

    from homing.endpoints.endpoint import Endpoint
    from homing.endpoints.registry import Change

app = json_api(partial(logger.error, "endpoints.failed"), invalid=invalid_endpoint)


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
    return read_endpoint(model, body, settings.guard, settings.default_policy)


def _answer(endpoint: Endpoint | None, endpoint_id: str, status: int = 200) -> Response[str]:
    if endpoint is None:
        return respond(no_endpoint(endpoint_id))
    return respond(Answer(status, endpoint.to_document()))


def _log(event: str, sender_id: str, endpoint_id: str) -> None:
    log_message(event, "EndpointChanged", senderId=sender_id, endpointId=endpoint_id)


@serve(app, LIST_ENDPOINTS)
def list_endpoints() -> Response[str]:
    """Return a page of a sender's endpoints, ordered by id, and the start of the next page."""
    sender_id = queried_sender(app.current_event, LIST_ENDPOINTS)
    after, limit = read_page(app.current_event.query_string_parameters or {})
    found, behind = _store().endpoints.page(sender_id, after=after, limit=limit)
    more = {} if behind is None else {"after": behind}
    return respond(Answer(200, {"endpoints": [each.to_document() for each in found], **more}))


@serve(app, GET_ENDPOINT)
def get_endpoint(endpoint_id: str) -> Response[str]:
    """Return an endpoint."""
    endpoint_id = named_endpoint(endpoint_id)
    sender_id = queried_sender(app.current_event, GET_ENDPOINT)
    return _answer(_store().endpoints.find(sender_id, endpoint_id), endpoint_id)


@serve(app, PUT_ENDPOINT)
def put_endpoint(endpoint_id: str) -> Response[str]:
    """Create an endpoint (201) or replace one (200).

    The response 201 contains the endpoint's secret, which is not shown again.
    """
    endpoint_id = check_id(unquote(endpoint_id))
    sender_id = queried_sender(app.current_event, PUT_ENDPOINT)
    change = _change(EndpointRequest)
    endpoint, secret = set_up(_store(), sender_id, endpoint_id, change, datetime.now(UTC))
    _log("endpoint.set-up", sender_id, endpoint_id)
    if secret is None:
        return _answer(endpoint, endpoint_id)
    return respond(Answer(201, endpoint.to_document() | secret_document(secret)))


@serve(app, PATCH_ENDPOINT)
def patch_endpoint(endpoint_id: str) -> Response[str]:
    """Change the given fields of an endpoint."""
    endpoint_id = named_endpoint(endpoint_id)
    sender_id = queried_sender(app.current_event, PATCH_ENDPOINT)
    changed = modify(_store(), sender_id, endpoint_id, _change(EndpointChange), datetime.now(UTC))
    _log("endpoint.changed", sender_id, endpoint_id)
    return _answer(changed, endpoint_id)


@serve(app, DELETE_ENDPOINT)
def delete_endpoint(endpoint_id: str) -> Response[str]:
    """Delete an endpoint and its secrets. Deliveries that still wait for it are dead-lettered."""
    endpoint_id = named_endpoint(endpoint_id)
    sender_id = queried_sender(app.current_event, DELETE_ENDPOINT)
    if not _store().delete(sender_id, endpoint_id):
        return respond(no_endpoint(endpoint_id))
    _log("endpoint.deleted", sender_id, endpoint_id)
    return respond(Answer(200, {"endpointId": endpoint_id, "senderId": sender_id}))


@serve(app, ROTATE_SECRET)
def post_rotation(endpoint_id: str) -> Response[str]:
    """Replace the secret of an endpoint, and return the new one, which is not shown again."""
    endpoint_id = named_endpoint(endpoint_id)
    sender_id = queried_sender(app.current_event, ROTATE_SECRET)
    refuse_delivery(app.current_event)
    request = read_rotation(request_body(app.current_event))
    endpoint = _store().endpoints.find(sender_id, endpoint_id)
    if endpoint is None:
        return respond(no_endpoint(endpoint_id))
    grace = timedelta(seconds=request.grace_seconds)
    secret, signing = rotate_secret(
        _store(), endpoint, datetime.now(UTC), secret=request.secret, grace=grace
    )
    _log("endpoint.secret-rotated", sender_id, endpoint_id)
    ends = [to_text(each.expires_at) for each in signing if each.expires_at]
    return respond(Answer(200, secret_document(secret) | {"oldSecretsEndAt": ends}))


@serve(app, MATCH_EVENT)
def match_event() -> Response[str]:
    """Return which endpoints would get an event now. Nothing is sent."""
    sender_id = queried_sender(app.current_event, MATCH_EVENT)
    refuse_delivery(app.current_event)
    event = read_event(request_body(app.current_event), sender_id, datetime.now(UTC))
    return respond(matched(event, _store().endpoints.of_sender(sender_id)))


@app.exception_handler(ChangedMeanwhileError)  # type: ignore[untyped-decorator]  # Powertools' gap
def answer_conflict(_: ChangedMeanwhileError) -> Response[str]:
    """Return 409 if other requests keep changing the endpoint at the same time."""
    return respond(endpoint_changed())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the response to a request of an HTTP API (payload format 2.0)."""
    deadline.begin(context)
    return app.resolve(event, context)


initialize(_store)

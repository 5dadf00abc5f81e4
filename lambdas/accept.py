"""Trigger `accept`: accept messages, `POST /v1/messages` and test messages to endpoints.

It serves the HTTP APIs, which pass on only its routes, and a function URL, which passes on
everything.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from homing import deadline
from homing.errors import AcceptanceError
from homing.reception.acceptance import Acceptance
from homing.reception.answer import Answer, accepted
from homing.reception.message import Message, Rules, parse_message, trial_message
from homing.reception.problem import acceptance_failed, not_here
from homing.reception.routes import POST_MESSAGE, TEST_ENDPOINT
from homing.settings import AcceptSettings
from lambdas.http_api import (
    json_api,
    key_owner,
    named_endpoint,
    own_host,
    queried_sender,
    query,
    refuse_delivery,
    request_body,
    respond,
    serve,
    signer,
)
from lambdas.observation import log_message, log_reception

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response


def _log_invalid(answer: Answer) -> None:
    fields = [each["field"] for each in answer.document["errors"]]
    _log("message.rejected", "MessageRejected", status=answer.status, fields=fields)


def _log_failure(*, reason: str, **ids: str) -> None:
    _log("message.failed", "AcceptanceFailed", is_fault=True, **ids, reason=reason)


app = json_api(_log_failure, log_invalid=_log_invalid, no_route=not_here)


@cache
def _settings() -> AcceptSettings:
    return AcceptSettings.from_env()


@cache
def _acceptance() -> Acceptance:
    return Acceptance.connect(_settings())


@lru_cache(maxsize=16)
def _rules(host: str) -> Rules:
    """Return the rules for messages that are sent to this host, which is refused as a target.

    The stack cannot tell this function the host of its own function URL, which is created after it.
    """
    settings = _settings()
    return Rules.of_deployment(settings, settings.guard.refusing([host]))


def _parse(body: str | bytes, now: datetime) -> Message:
    return parse_message(
        body,
        now=now,
        rules=_rules(own_host(app.current_event)),
        owner=key_owner(app.current_event),
        find_endpoints=_acceptance().find_endpoints,
        find_subscribers=_acceptance().find_subscribers,
    )


@serve(app, POST_MESSAGE)
def accept() -> Response[str]:
    """Accept a message: 202, or 200 for a duplicate."""
    query(app.current_event, POST_MESSAGE)
    return _accept(request_body(app.current_event))


@serve(app, TEST_ENDPOINT)
def accept_test(endpoint_id: str) -> Response[str]:
    """Accept a test message to an endpoint; it is delivered like any other."""
    sender_id = queried_sender(app.current_event, TEST_ENDPOINT)
    return _accept(trial_message(named_endpoint(endpoint_id), sender_id))


def _accept(body: str | bytes) -> Response[str]:
    refuse_delivery(app.current_event)
    now = datetime.now(UTC)
    message = _parse(body, now)
    message_id, sender_id = message.idempotency.message_id, message.idempotency.sender_id
    try:
        reception = _acceptance().accept(message, now=now)
    except AcceptanceError as error:
        _log_failure(reason=str(error), messageId=message_id, senderId=sender_id)
        return respond(acceptance_failed(message_id, sender_id))
    log_reception(reception, **signer(app.current_event))
    return respond(accepted(reception))


def _log(event: str, metric: str, *, is_fault: bool = False, **fields: Any) -> None:
    log_message(event, metric, is_fault=is_fault, **fields | signer(app.current_event))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the response to a request of an HTTP API or the function URL (payload format 2.0)."""
    deadline.begin(context)
    return app.resolve(event, context)

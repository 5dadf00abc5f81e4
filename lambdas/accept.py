"""Trigger `accept`: take messages in, `POST /v1/messages`.

It stands behind the HTTP APIs, which hand on what it has a route for, and behind a URL of its own,
to which anything may come.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from homing import deadline
from homing.errors import AcceptanceError, DependencyError, InvalidMessageError
from homing.reception.acceptance import Acceptance
from homing.reception.answer import accepted
from homing.reception.message import Message, Rules, parse_message, trial_message
from homing.reception.problem import acceptance_failed, dependency_failed, invalid, not_here
from homing.settings import AcceptSettings
from lambdas.http_api import (
    key_owner,
    named_endpoint,
    own_host,
    queried_sender,
    query,
    refuse_delivery,
    request_body,
    respond,
    signer,
)
from lambdas.observation import log_message

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.event_handler.exceptions import NotFoundError

app = APIGatewayHttpResolver()


@cache
def _settings() -> AcceptSettings:
    return AcceptSettings.from_env()


@cache
def _acceptance() -> Acceptance:
    return Acceptance.connect(_settings())


def _new_id() -> str:
    return f"msg_{secrets.token_hex(16)}"


@lru_cache(maxsize=16)
def _rules(host: str) -> Rules:
    """Return the rules for messages that come in at one of our hosts, which none may go to.

    The function URL is known to `deliver` alone, since it is made after this function.
    """
    settings = _settings()
    return Rules(
        default_policy=settings.default_policy,
        retention=timedelta(days=settings.retention_days),
        guard=settings.guard.refusing([host]),
        new_id=_new_id,
    )


def _parse(body: str | bytes, now: datetime) -> Message:
    return parse_message(
        body,
        now=now,
        rules=_rules(own_host(app.current_event)),
        owner=key_owner(app.current_event),
        find_endpoints=_acceptance().find_endpoints,
    )


@app.post("/v1/messages")
def accept() -> Response[str]:
    """Check a message and take it in: 202, or 200 where it had been taken in before."""
    query(app.current_event)
    return _take_in(request_body(app.current_event))


@app.post("/v1/endpoints/<endpoint_id>/test")
def accept_test(endpoint_id: str) -> Response[str]:
    """Take in a test message to an endpoint; it goes the way of every other."""
    sender_id = queried_sender(app.current_event)
    return _take_in(trial_message(named_endpoint(endpoint_id), sender_id))


def _take_in(body: str | bytes) -> Response[str]:
    refuse_delivery(app.current_event)
    now = datetime.now(UTC)
    message = _parse(body, now)
    ids: dict[str, Any] = {
        "messageId": message.idempotency.message_id,
        "senderId": message.idempotency.sender_id,
    }
    try:
        reception = _acceptance().accept(message, now=now)
    except AcceptanceError as error:
        _log_fault(error, **ids)
        return respond(
            acceptance_failed(message.idempotency.message_id, message.idempotency.sender_id)
        )
    event, metric = (
        ("message.duplicate", "MessageDuplicate")
        if reception.is_duplicate
        else ("message.accepted", "MessageAccepted")
    )
    _log(event, metric, **ids, correlationId=reception.idempotency.correlation_id)
    return respond(accepted(reception))


def _log(event: str, metric: str, *, is_fault: bool = False, **fields: Any) -> None:
    log_message(event, metric, is_fault=is_fault, **fields | signer(app.current_event))


def _log_fault(error: Exception, **ids: Any) -> None:
    _log("message.failed", "AcceptanceFailed", is_fault=True, **ids, reason=str(error))


@app.exception_handler(InvalidMessageError)  # type: ignore[untyped-decorator]  # Powertools' own gap
def refuse(error: InvalidMessageError) -> Response[str]:
    """Answer 400, 409 or 413 with the fields that are wrong."""
    answer = invalid(error)
    fields = [each["field"] for each in answer.document["errors"]]
    _log("message.rejected", "MessageRejected", status=answer.status, fields=fields)
    return respond(answer)


@app.exception_handler(DependencyError)  # type: ignore[untyped-decorator]  # Powertools' own gap
def ask_again(error: DependencyError) -> Response[str]:
    """Answer 503 where the endpoints that a message names cannot be read."""
    _log_fault(error)
    return respond(dependency_failed())


@app.not_found
def send_elsewhere(error: NotFoundError) -> Response[str]:
    """Answer 404 to what else is asked at the function URL."""
    return respond(not_here(app.current_event.http_method, app.current_event.path))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP APIs or of the function URL (payload format 2.0, both)."""
    deadline.begin(context)
    return app.resolve(event, context)

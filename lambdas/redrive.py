"""Trigger `redrive`: redrive a message, `POST /v1/messages/{messageId}/redrive`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from homing import deadline
from homing.delivery import Reference
from homing.dispatch.executions import Workflow
from homing.ledger.table import Ledger
from homing.payloads.store import PayloadStore
from homing.reception.answer import redriven
from homing.reception.message_query import MessageQuery
from homing.reception.problem import not_found, redrive_failed
from homing.reception.routes import REDRIVE_MESSAGE
from homing.recovery.interventions import Interventions
from homing.settings import RedriveSettings
from lambdas.http_api import json_api, queried_sender, refuse_delivery, respond, serve
from lambdas.initialization import initialize
from lambdas.observation import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response

app = json_api(partial(logger.error, "redrive.failed"), aws_failed=redrive_failed)


@cache
def _settings() -> RedriveSettings:
    return RedriveSettings.from_env()


@cache
def _query() -> MessageQuery:
    return MessageQuery.connect(_settings())


@cache
def _interventions() -> Interventions:
    return Interventions(
        Ledger(_settings().ledger_table),
        Workflow(_settings().state_machine_arn),
        PayloadStore(_settings().payload_bucket).renew,
    )


@serve(app, REDRIVE_MESSAGE)
def redrive(message_id: str) -> Response[str]:
    """Redrive each failed delivery and return the results: 202 if any was redriven, else 200."""
    message_id = unquote(message_id)
    sender_id = queried_sender(app.current_event, REDRIVE_MESSAGE)
    refuse_delivery(app.current_event)
    app.context.update(messageId=message_id, senderId=sender_id)
    now = datetime.now(UTC)
    document = _query().find(message_id, sender_id, now=now)
    if document is None:
        return respond(not_found(message_id, sender_id))
    found = [Reference.from_document(one) for one in document["deliveries"]]
    results = [(one, _interventions().redrive(one, now=now)) for one in found]
    for one, result in results:
        logger.info("message.redriven", deliveryId=one.delivery_id, result=result)
    return respond(redriven(message_id, sender_id, results))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the response to a request of an HTTP API (payload format 2.0)."""
    deadline.begin(context)
    return app.resolve(event, context)


initialize(_query, _interventions)

"""Trigger `redrive`: bring a message's failed deliveries back, `POST /v1/messages/{id}/redrive`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from botocore.exceptions import BotoCoreError, ClientError

from homing import deadline
from homing.aws import client
from homing.delivery import Reference
from homing.dispatch.executions import Workflow
from homing.errors import DependencyError, InvalidMessageError
from homing.ledger.interventions import InterventionTable
from homing.payloads.store import PayloadStore
from homing.reception.answer import redriven
from homing.reception.message_query import MessageQuery
from homing.reception.problem import dependency_failed, invalid, not_found, redrive_failed
from homing.recovery.interventions import Interventions
from homing.settings import RedriveSettings
from lambdas.http_api import json_api, queried_sender, refuse_delivery, respond
from lambdas.observation import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response

app = json_api()


@cache
def _settings() -> RedriveSettings:
    return RedriveSettings.from_env()


@cache
def _query() -> MessageQuery:
    return MessageQuery.connect(_settings())


@cache
def _interventions() -> Interventions:
    return Interventions(
        InterventionTable(_settings().ledger_table, client("dynamodb", read_seconds=2, tries=3)),
        Workflow(_settings().state_machine_arn),
        PayloadStore(_settings().payload_bucket).renew,
    )


@app.post("/v1/messages/<message_id>/redrive")
def redrive(message_id: str) -> Response[str]:
    """Answer what came of each delivery: 202 if any starts anew, else 200; 404; 503 to repeat."""
    message_id = unquote(message_id)
    sender_id = queried_sender(app.current_event)
    refuse_delivery(app.current_event)
    now = datetime.now(UTC)
    try:
        document = _query().find(message_id, sender_id, now=now)
        if document is None:
            return respond(not_found(message_id, sender_id))
        found = [Reference.from_document(one) for one in document["deliveries"]]
        results = [(one, _interventions().redrive(one, now=now)) for one in found]
    except DependencyError as error:
        _log_failure(message_id, sender_id, error)
        return respond(dependency_failed())
    except (BotoCoreError, ClientError) as error:
        _log_failure(message_id, sender_id, error)
        return respond(redrive_failed())
    for one, result in results:
        logger.info("message.redriven", deliveryId=one.delivery_id, result=result)
    return respond(redriven(message_id, sender_id, results))


@app.exception_handler(InvalidMessageError)  # type: ignore[untyped-decorator]  # Powertools' own gap
def refuse(error: InvalidMessageError) -> Response[str]:
    """Answer 403 to a redrive of another sender's message than the key's."""
    return respond(invalid(error))


def _log_failure(message_id: str, sender_id: str, error: Exception) -> None:
    logger.error("redrive.failed", messageId=message_id, senderId=sender_id, reason=str(error))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API (payload format 2.0)."""
    deadline.begin(context)
    return app.resolve(event, context)

"""The function `redrive`: it redrives a message, or all failed deliveries that match a filter."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from homing import deadline
from homing.api.answer import Answer, redrive_preview, redriven
from homing.api.delivery_request import check_length, read_bulk_redrive
from homing.api.message_query import MessageQuery
from homing.api.problem import no_redrive, not_found, redrive_failed
from homing.api.routes import GET_REDRIVE, POST_REDRIVE, REDRIVE_MESSAGE, STOP_REDRIVE
from homing.aws import client
from homing.delivery import Reference
from homing.dispatch.executions import Workflow
from homing.errors import FieldError, InvalidMessageError
from homing.ledger.delivery_index import DeliveryIndex
from homing.ledger.table import Ledger
from homing.payloads.store import PayloadStore
from homing.recovery.bulk_redrives import BulkRedrives, WatchdogFunction
from homing.recovery.interventions import Interventions
from homing.recovery.redrives_table import RedrivesTable
from homing.senders.acting_sender import acting_sender
from homing.settings import RedriveSettings
from lambdas.http_api import (
    json_api,
    key_sender,
    queried_sender,
    query,
    refuse_delivery,
    request_body,
    respond,
    serve,
)
from lambdas.initialization import initialize
from lambdas.observation import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response

    from homing.recovery.bulk_redrive import BulkRedrive

_ID_IN_USE = FieldError("redriveId", "is in use; choose another one, or leave it out")

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


@cache
def _bulk() -> BulkRedrives:
    dynamodb = client("dynamodb", read_seconds=2, tries=3)
    return BulkRedrives(
        RedrivesTable(_settings().redrives_table, dynamodb),
        DeliveryIndex(_settings().ledger_table, dynamodb),
        WatchdogFunction(_settings().watchdog_arn, client("lambda", read_seconds=3, tries=3)),
    )


@serve(app, REDRIVE_MESSAGE)
def redrive(message_id: str) -> Response[str]:
    """Redrive each failed delivery of a message, and return the results.

    The status is 202 if at least one delivery is redriven, else 200.
    """
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


@serve(app, POST_REDRIVE)
def post_redrive() -> Response[str]:
    """Start a bulk redrive (202) or, with `dryRun`, return what it would redrive (200)."""
    refuse_delivery(app.current_event)
    query(app.current_event, POST_REDRIVE)
    request = read_bulk_redrive(request_body(app.current_event))
    sender_id = acting_sender(request.sender_id, key_sender(app.current_event))
    app.context.update(senderId=sender_id)
    wanted, now = request.filter.for_sender(sender_id), datetime.now(UTC)
    groups = _bulk().preview(wanted, now)
    matched = sum(group.count for group in groups)
    check_length(matched, request.rate_per_second)
    if request.dry_run:
        return respond(redrive_preview(groups))
    redrive_id = request.redrive_id or secrets.token_hex(16)
    rate = request.rate_per_second
    begun = _bulk().begin(redrive_id, wanted, rate, matched=matched, now=now)
    if begun.wanted.sender_id != sender_id:
        raise InvalidMessageError([_ID_IN_USE])
    logger.info("redrive.begun", redriveId=redrive_id, senderId=sender_id, matched=matched)
    return respond(Answer(202, begun.to_document()))


@serve(app, GET_REDRIVE)
def get_redrive(redrive_id: str) -> Response[str]:
    """Return the progress of a bulk redrive."""
    sender_id = queried_sender(app.current_event, GET_REDRIVE)
    return _shown(_bulk().redrives.find(unquote(redrive_id)), sender_id, redrive_id)


@serve(app, STOP_REDRIVE)
def stop_redrive(redrive_id: str) -> Response[str]:
    """Stop a bulk redrive: no further deliveries are redriven; those already redriven continue."""
    sender_id = queried_sender(app.current_event, STOP_REDRIVE)
    found = _bulk().redrives.find(unquote(redrive_id))
    if found and found.wanted.sender_id == sender_id:
        found = _bulk().redrives.stop(found.redrive_id)
        logger.info("redrive.stopped", redriveId=redrive_id, senderId=sender_id)
    return _shown(found, sender_id, redrive_id)


def _shown(found: BulkRedrive | None, sender_id: str, redrive_id: str) -> Response[str]:
    if found is None or found.wanted.sender_id != sender_id:
        return respond(no_redrive(redrive_id))
    return respond(Answer(200, found.to_document()))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the response to a request of an HTTP API (payload format 2.0)."""
    deadline.begin(context)
    return app.resolve(event, context)


initialize(_query, _interventions, _bulk)

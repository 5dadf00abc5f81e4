"""The function `ingest`: it accepts a batch of messages from an ingest queue.

Invalid messages go straight to the queue of unaccepted messages. Messages that cannot be accepted
for now stay on the ingest queue, which redelivers them with the same id. If the function
crashes after accepting a message, the redelivered message is a duplicate and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from homing import deadline
from homing.api import problem
from homing.aws import client
from homing.errors import InvalidMessageError
from homing.queues.unaccepted import UnacceptedQueue
from homing.reception.acceptance import Acceptance, Reception
from homing.reception.ingested import ATTRIBUTES, default_id, read_ingested
from homing.reception.message import Rules, parse_message
from homing.settings import IngestSettings
from lambdas.initialization import connect, initialize
from lambdas.observation import log_message, log_reception
from lambdas.warm_up import WarmUp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

# One try less than in `accept`: the queue tries again anyway, and this leaves more time for the
# rest of a batch.
_TRIES = 2

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What a container needs to accept messages.

    Args:
        acceptance: accepts messages.
        rules: the rules of the deployment.
        unaccepted: the queue that takes invalid messages.
        senders: the sender of each queue's messages, by the queue's ARN.
    """

    acceptance: Acceptance
    rules: Rules
    unaccepted: UnacceptedQueue
    senders: Mapping[str, str]


@cache
def _settings() -> IngestSettings:
    return IngestSettings.from_env()


@cache
def _warm_up() -> WarmUp:
    return WarmUp.connect(_settings().warm_up_topic_arn)


@cache
def _desk() -> _Desk:
    settings = _settings()
    sqs = client("sqs", read_seconds=2, tries=_TRIES)
    return _Desk(
        # `senderRatePerSecond` does not apply: the queue itself buffers messages, and there is no
        # caller that could be told to send them later.
        Acceptance.connect(settings, tries=_TRIES, is_rated=False),
        Rules.of_deployment(settings, guard=settings.guard),
        UnacceptedQueue(settings.unaccepted_queue_url, sqs),
        settings.senders,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _ingest(record: SQSRecord) -> None:
    try:
        _settle(record)
    except Exception as error:
        log_message(
            "message.failed",
            "AcceptanceFailed",
            is_fault=True,
            queueMessageId=record.message_id,
            reason=f"{type(error).__name__}: {error}",
            exc_info=error,
        )
        raise


def _settle(record: SQSRecord) -> None:
    try:
        reception = _accept(record)
    except InvalidMessageError as error:
        _set_aside(record, error)
    else:
        log_reception(reception, queueMessageId=record.message_id)


def _accept(record: SQSRecord) -> Reception:
    desk, now = _desk(), _now()
    sender = desk.senders[record.event_source_arn]
    ingested = read_ingested(record.body, _attributes(record), record.message_id, sender)
    message = parse_message(
        ingested.body,
        now=now,
        rules=replace(desk.rules, new_id=lambda: ingested.default_id),
        only_sender=ingested.only_sender,
        find_endpoints=desk.acceptance.find_endpoints,
        find_subscribers=desk.acceptance.find_subscribers,
    )
    return desk.acceptance.accept(message, now=now)


def _set_aside(record: SQSRecord, error: InvalidMessageError) -> None:
    answer, attributes = problem.invalid(error), _attributes(record)
    message_id = default_id(attributes, record.message_id)
    _desk().unaccepted.send(
        record.body,
        {**attributes, "messageId": message_id},
        queue_arn=record.event_source_arn,
        problem=answer.document,
    )
    log_message(
        "message.rejected",
        "MessageRejected",
        queueMessageId=record.message_id,
        status=answer.status,
        fields=[each["field"] for each in answer.document["errors"]],
    )


def _attributes(record: SQSRecord) -> dict[str, str]:
    given = {name: record.message_attributes[name] for name in ATTRIBUTES}
    return {name: each.string_value for name, each in given.items() if each and each.string_value}


def handler(event: dict[str, Any], context: Any) -> Any:
    """Accept a batch of messages; those that cannot be accepted for now go back to the queue."""
    deadline.begin(context)
    return process_partial_response(
        event=event, record_handler=_ingest, processor=_processor, context=context
    )


def _look_at_endpoints() -> None:
    _desk().acceptance.look_at_endpoints()


def _look_at_queue() -> None:
    _desk().acceptance.look_at_queue()


initialize(_desk, _warm_up)
connect(lambda: _warm_up().begin(), _look_at_endpoints, _look_at_queue)

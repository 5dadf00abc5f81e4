"""Trigger `dispatch`: start one execution per delivery that stands on the queue."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from homing.settings import DispatchSettings
from homing.workflow import Workflow
from lambdas.observation import log_started, logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@cache
def _workflow() -> Workflow:
    return Workflow(DispatchSettings.from_env().state_machine_arn)


def _start(record: SQSRecord) -> None:
    try:
        started = _workflow().start(record.body)
    except Exception:
        logger.exception("dispatch.failed", queueMessageId=record.message_id)
        raise
    log_started(started, queue_message_id=record.message_id)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Acknowledge the records whose execution has started; give back only the others."""
    return process_partial_response(
        event=event, record_handler=_start, processor=_processor, context=context
    )

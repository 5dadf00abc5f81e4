"""Trigger `dispatch`: settle the deliveries of a batch, all of them at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    EventType,
    async_process_partial_response,
)

from homing.dead_letters import DeadLetterQueue
from homing.endpoint_gate import EndpointGate
from homing.lane import Lane
from homing.ledger import Ledger
from homing.settings import DispatchSettings
from homing.workflow import FirstAttempts, Workflow
from lambdas.observation import log_settled, log_unsettled

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

_processor = AsyncBatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
_threads = ThreadPoolExecutor(max_workers=10)  # one for each record of a batch; most of it waits


@cache
def _lane() -> Lane:
    settings = DispatchSettings.from_env()
    arn, timeout_seconds = settings.first_attempt_arn, settings.first_attempt_timeout_seconds
    return Lane(
        workflow=Workflow(settings.state_machine_arn),
        first_attempts=FirstAttempts(arn, timeout_seconds) if arn else None,
        records=Ledger(settings.ledger_table),
        dead_letters=DeadLetterQueue(settings.dead_letter_queue_url),
        gate=EndpointGate(
            settings.attempts_per_endpoint,
            attempt_timeout=timedelta(seconds=settings.attempt_timeout_seconds),
            slow_after=timedelta(seconds=settings.slow_after_seconds),
        ),
    )


def _settle(record: SQSRecord) -> None:
    try:
        reference, settled = _lane().settle(
            record.body, receive_count=int(record.attributes.approximate_receive_count)
        )
    except Exception as error:
        group = record.attributes.message_group_id
        log_unsettled(record.body, error, delivery_id=group, queue_message_id=record.message_id)
        raise
    log_settled(reference, settled, queue_message_id=record.message_id)


class _Turns:
    """Settles records at once, but those of one delivery one after the other.

    A FIFO queue never hands out a group that is in flight, but it may hand out several messages of
    a group in one batch; side by side they would make the same first attempt.
    """

    def __init__(self) -> None:
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def settle(self, record: SQSRecord) -> None:
        async with self._turns[record.attributes.message_group_id or record.message_id]:
            await asyncio.get_running_loop().run_in_executor(_threads, _settle, record)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Acknowledge the records that are settled; give back only the others."""
    _lane()  # here and not in the threads, since making boto3 clients is not safe there
    return async_process_partial_response(
        event=event, record_handler=_Turns().settle, processor=_processor, context=context
    )

"""Trigger `dispatch`: settle the deliveries of a batch, all of them at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    EventType,
    async_process_partial_response,
)

from homing import deadline
from homing.dispatch.admission import Admission
from homing.dispatch.bounded_wait import BoundedWait
from homing.dispatch.bulkhead import Bulkhead, Limits
from homing.dispatch.executions import FirstAttempts, Workflow
from homing.dispatch.express_path import ExpressPath
from homing.errors import DetachedError
from homing.ledger.table import Ledger
from homing.queues.dead_letters import DeadLetterQueue, sqs_client
from homing.queues.visibility import Redelivery, seconds_until_over
from homing.settings import DispatchSettings
from lambdas.observation import log_detached, log_settled, log_unsettled

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

_BATCH = 10
MOST_DETACHED = 50  # first attempts detached at once; each keeps a thread and a connection

_processor = AsyncBatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
_threads = ThreadPoolExecutor(max_workers=_BATCH)  # one for each record; they mostly wait


@dataclass(frozen=True, slots=True)
class _Desk:
    """The services that a container settles queue messages with.

    Args:
        express_path: settles them.
        redelivery: sets when those that are detached or have failed are redelivered.
        over_in: the seconds after which a detached first attempt must have ended.
    """

    express_path: ExpressPath
    redelivery: Redelivery
    over_in: int


@cache
def _desk() -> _Desk:
    settings = DispatchSettings.from_env()
    arn, timeout_seconds = settings.first_attempt_arn, settings.first_attempt_timeout_seconds
    sqs, over_in = sqs_client(), seconds_until_over(timeout_seconds)
    limits = Limits(
        settings.attempts_per_endpoint,
        attempt_timeout=timedelta(seconds=settings.attempt_timeout_seconds),
        over_after=timedelta(seconds=over_in),
        slow_threshold=timedelta(seconds=settings.slow_threshold_seconds),
    )
    express_path = ExpressPath(
        workflow=Workflow(settings.state_machine_arn),
        first_attempts=(
            FirstAttempts(arn, timeout_seconds, at_once=_BATCH + MOST_DETACHED) if arn else None
        ),
        records=Ledger(settings.ledger_table),
        dead_letters=DeadLetterQueue(settings.dead_letter_queue_url, sqs),
        admission=Admission(
            Bulkhead(limits),
            BoundedWait(settings.slow_threshold_seconds, most_detached=MOST_DETACHED),
        ),
    )
    return _Desk(express_path, Redelivery(settings.delivery_queue_url, sqs), over_in)


def _settle(record: SQSRecord) -> None:
    try:
        reference, settled = _desk().express_path.settle(record.body)
    except DetachedError:
        _detach(record)
        raise
    except Exception as error:
        log_unsettled(
            record.body,
            error,
            delivery_id=record.attributes.message_group_id,
            queue_message_id=record.message_id,
            redelivered_in=_put_off(record),
        )
        raise
    log_settled(reference, settled, queue_message_id=record.message_id)


def _detach(record: SQSRecord) -> None:
    log_detached(
        record.body,
        delivery_id=record.attributes.message_group_id,
        queue_message_id=record.message_id,
        redelivered_in=_put_off(record),
    )


def _put_off(record: SQSRecord) -> int | None:
    """Postpone redelivery until the first attempt must have ended; return the seconds.

    Then a detached attempt is settled from its record, and a message that failed temporarily is
    delayed by this time at most. From the second receive on the queue's visibility timeout applies,
    and None is returned: five receives must outlast an outage (docs/decisions/0067).
    """
    desk = _desk()
    is_set = _receives(record) == 1 and desk.redelivery.put_off(record.receipt_handle, desk.over_in)
    return desk.over_in if is_set else None


def _receives(record: SQSRecord) -> int:
    return int(record.attributes.approximate_receive_count)


class _InOrder:
    """Settles the records of a batch concurrently, but those of one delivery in order.

    A FIFO queue never hands out a group that is in flight, but it may hand out several messages of
    a group in one batch. Settled concurrently, they would make the same first attempt. So where one
    of them is detached, those after it go back to the queue as well.
    """

    def __init__(self) -> None:
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._detached: set[str] = set()

    async def settle(self, record: SQSRecord) -> None:
        group = record.attributes.message_group_id or record.message_id
        loop = asyncio.get_running_loop()
        async with self._turns[group]:
            if group in self._detached:
                await loop.run_in_executor(_threads, _detach, record)
                raise DetachedError
            try:
                await loop.run_in_executor(_threads, _settle, record)
            except DetachedError:
                self._detached.add(group)
                raise


def handler(event: dict[str, Any], context: Any) -> Any:
    """Settle a batch; return the records that are not settled to the queue."""
    deadline.begin(context)
    _desk()  # not in the threads, where creating boto3 clients is not safe
    return async_process_partial_response(
        event=event, record_handler=_InOrder().settle, processor=_processor, context=context
    )

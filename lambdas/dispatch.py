"""Trigger `dispatch`: settle the deliveries of a batch, all of them at once."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from homing import deadline
from homing.delivery import read_delivery
from homing.dispatch.admission import Admission
from homing.dispatch.bounded_wait import BoundedWait
from homing.dispatch.bulkhead import Bulkhead, Limits
from homing.dispatch.executions import FirstAttempts, Workflow
from homing.dispatch.express_path import ExpressPath, is_scheduled
from homing.errors import DetachedError, MalformedDeliveryError
from homing.ledger.read_ahead import ReadAhead
from homing.queues.dead_letters import DeadLetterQueue, sqs_client
from homing.queues.visibility import Redelivery, seconds_until_over
from homing.settings import DispatchSettings
from lambdas.initialization import connect, initialize
from lambdas.observation import log_detached, log_settled, log_unsettled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from homing.delivery import Reference

_BATCH = 10
MOST_DETACHED = 50  # first attempts detached at once; each keeps a thread and a connection

_threads = ThreadPoolExecutor(max_workers=_BATCH)  # one for each record; they mostly wait


@dataclass(frozen=True, slots=True)
class _Desk:
    """The services that a container settles queue messages with.

    Args:
        express_path: settles them.
        redelivery: sets when those that are detached or have failed are redelivered.
        over_in: the seconds after which a detached first attempt must have ended.
        records: the ledger that reads ahead; None where the express path is off, which reads none.
        first_attempts: the Express workflow; None as above.
    """

    express_path: ExpressPath
    redelivery: Redelivery
    over_in: int
    records: ReadAhead | None = None
    first_attempts: FirstAttempts | None = None


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
        first_wait=timedelta(seconds=settings.first_wait_seconds),
    )
    records = ReadAhead(settings.ledger_table)
    at_once = _BATCH + MOST_DETACHED
    first_attempts = FirstAttempts(arn, timeout_seconds, at_once=at_once) if arn else None
    express_path = ExpressPath(
        workflow=Workflow(settings.state_machine_arn),
        first_attempts=first_attempts,
        records=records,
        dead_letters=DeadLetterQueue(settings.dead_letter_queue_url, sqs),
        admission=Admission(
            Bulkhead(limits),
            BoundedWait(settings.slow_threshold_seconds, most_detached=MOST_DETACHED),
        ),
    )
    redelivery = Redelivery(settings.delivery_queue_url, sqs, settings.bulk_queue_url)
    return _Desk(express_path, redelivery, over_in, records if arn else None, first_attempts)


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
    if _receives(record) > 1:
        return None
    queue = (record.get("eventSourceARN") or "").rpartition(":")[2]
    is_set = desk.redelivery.put_off(record.receipt_handle, desk.over_in, queue)
    return desk.over_in if is_set else None


def _receives(record: SQSRecord) -> int:
    return int(record.attributes.approximate_receive_count)


def _settle_in_order(records: Sequence[SQSRecord]) -> list[str]:
    """Settle the messages of one delivery in order; return the ids of those that are not settled.

    A FIFO queue never hands out a group that is in flight, but it may hand out several messages of
    a group in one batch. Settled concurrently, they would make the same first attempt. So where one
    of them is detached, those after it go back to the queue as well.
    """
    unsettled: list[str] = []
    for number, record in enumerate(records):
        try:
            _settle(record)
        except DetachedError:
            for later in records[number + 1 :]:
                _detach(later)
            return [*unsettled, *(each.message_id for each in records[number:])]
        except Exception:  # noqa: BLE001  # `_settle` has logged it
            unsettled.append(record.message_id)
    return unsettled


def _by_delivery(records: Iterable[SQSRecord]) -> list[list[SQSRecord]]:
    groups: defaultdict[str, list[SQSRecord]] = defaultdict(list)
    for record in records:
        groups[record.attributes.message_group_id or record.message_id].append(record)
    return list(groups.values())


def _read_first(records: Iterable[SQSRecord]) -> Iterator[Reference]:
    """Yield the deliveries whose record is read before anything else is done with them."""
    for record in records:
        with suppress(MalformedDeliveryError):
            _, delivery = read_delivery(record.body)
            if not is_scheduled(delivery):
                yield delivery.reference


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Settle a batch; return the records that are not settled to the queue."""
    deadline.begin(context)
    desk = _desk()  # not in the threads, where creating clients is not safe
    records = [SQSRecord(each) for each in event["Records"]]
    if desk.records is not None and len(records) > 1:
        desk.records.read_ahead(_read_first(records))
    groups = _by_delivery(records)
    at_once = _threads.map if len(groups) > 1 else map
    unsettled = chain.from_iterable(at_once(_settle_in_order, groups))
    return {"batchItemFailures": [{"itemIdentifier": each} for each in unsettled]}


def _look_at_ledger() -> None:
    if records := _desk().records:
        records.look()


def _look_at_workflow() -> None:
    if first_attempts := _desk().first_attempts:
        first_attempts.look()


initialize(_desk)
connect(_look_at_ledger, _look_at_workflow)

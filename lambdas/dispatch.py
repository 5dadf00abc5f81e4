"""The function `dispatch`: it processes a batch of queue messages, each of which is a delivery."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

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
from homing.queues.received import Received
from homing.queues.visibility import Redelivery, seconds_until_over
from homing.settings import DispatchSettings
from lambdas.initialization import connect, initialize
from lambdas.observation import log_detached, log_settled, log_unsettled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from homing.delivery import Reference

_BATCH = 10
# How many first attempts may be detached at a time; each keeps a thread and a connection.
MOST_DETACHED = 50

_threads = ThreadPoolExecutor(max_workers=_BATCH)  # one for each message; they mostly wait


@dataclass(frozen=True, slots=True)
class _Desk:
    """What a container needs to process queue messages.

    Args:
        express_path: processes one queue message.
        redelivery: sets the time of a message's redelivery, if its first attempt is detached or
            fails.
        over_in: the seconds after which a detached first attempt must have ended.
        records: reads the ledger records of a batch in advance; None if the express path is off.
        first_attempts: the Express workflow; None if the express path is off.
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


def _settle(message: Received) -> None:
    try:
        reference, settled = _desk().express_path.settle(message.body)
    except DetachedError:
        _detach(message)
        raise
    except Exception as error:
        log_unsettled(
            message.body,
            error,
            delivery_id=message.group,
            queue_message_id=message.message_id,
            redelivered_in=_put_off(message),
        )
        raise
    log_settled(reference, settled, queue_message_id=message.message_id)


def _detach(message: Received) -> None:
    log_detached(
        message.body,
        delivery_id=message.group,
        queue_message_id=message.message_id,
        redelivered_in=_put_off(message),
    )


def _put_off(message: Received) -> int | None:
    """Postpone a message's redelivery until its first attempt must have ended; return the seconds.

    By that time, the ledger shows how a detached attempt has ended. A message that could not be
    processed is postponed in the same way.

    Return None if the queue's visibility timeout applies instead: because the time could not be
    set, or because the message has been received before. The visibility timeout is longer, so that
    five receives outlast an outage (docs/decisions/0055).
    """
    desk = _desk()
    if message.receives > 1:
        return None
    is_set = desk.redelivery.put_off(message.receipt_handle, desk.over_in, message.queue)
    return desk.over_in if is_set else None


def _settle_in_order(messages: Sequence[Received]) -> list[str]:
    """Process the messages of one delivery in order; return the ids of those to be redelivered.

    While a message of a group is in flight, a FIFO queue returns no others of that group, but one
    batch may contain several. If they were processed concurrently, each would cause the same first
    attempt. For the same reason, if the first attempt of one message is detached, all messages
    after it go back to the queue, too.
    """
    unsettled: list[str] = []
    for number, message in enumerate(messages):
        try:
            _settle(message)
        except DetachedError:
            for later in messages[number + 1 :]:
                _detach(later)
            return [*unsettled, *(each.message_id for each in messages[number:])]
        except Exception:  # noqa: BLE001  # `_settle` has logged it
            unsettled.append(message.message_id)
    return unsettled


def _by_delivery(messages: Iterable[Received]) -> list[list[Received]]:
    groups: defaultdict[str, list[Received]] = defaultdict(list)
    for message in messages:
        groups[message.group or message.message_id].append(message)
    return list(groups.values())


def _read_first(messages: Iterable[Received]) -> Iterator[Reference]:
    """Yield the deliveries whose ledger records are read in advance: all but scheduled ones."""
    for message in messages:
        with suppress(MalformedDeliveryError):
            _, delivery = read_delivery(message.body)
            if not is_scheduled(delivery):
                yield delivery.reference


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process a batch of messages; those that could not be processed go back to the queue."""
    deadline.begin(context)
    desk = _desk()  # created here, since it is not safe to create clients in the threads
    messages = [Received.from_record(each) for each in event["Records"]]
    if desk.records is not None and len(messages) > 1:
        desk.records.read_ahead(_read_first(messages))
    groups = _by_delivery(messages)
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

"""Superfluous dead letters: those of deliveries that have been redriven since they failed.

A redrive that takes the payload from the ledger record leaves the dead letter in the queue. There
it would keep the alarm for dead letters active.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing.delivery import read_delivery
from homing.errors import MalformedDeliveryError
from homing.retry.classification import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.delivery import Delivery
    from homing.ledger.record import Record
    from homing.ledger.table import Ledger
    from homing.queues.dead_letters import DeadLetter, DeadLetterQueue

# For this long, dead letters that were received but not deleted are hidden from other receivers.
_HOLD_SECONDS = 120


def sweep(queue: DeadLetterQueue, ledger: Ledger, has_time: Callable[[], bool]) -> int:
    """Delete superfluous dead letters, until time runs out.

    Returns:
        How many dead letters were deleted.

    Raises:
        BotoCoreError, ClientError: when AWS refuses a call.
    """
    deleted = 0
    while has_time() and (received := queue.receive(_HOLD_SECONDS)):
        for one in received:
            if _is_superfluous(one, ledger):
                queue.delete(one)
                deleted += 1
    return deleted


def _is_superfluous(one: DeadLetter, ledger: Ledger) -> bool:
    try:
        _, delivery = read_delivery(one.body)
    except MalformedDeliveryError:
        return False
    record = ledger.read(delivery.reference)
    return record is not None and _has_gone_on(record, delivery)


def _has_gone_on(record: Record, delivery: Delivery) -> bool:
    """Return whether a delivery has continued since its dead letter was sent.

    A redrive that was interrupted before it started an execution does not count, since in that case
    the dead letter may be the only copy of the payload.
    """
    if record.generation <= delivery.generation:
        return record.status in {Status.DELIVERED, Status.CANCELLED}
    return record.status is not Status.QUEUED or record.claimed_attempt is not None

"""Releasing: the next delivery in a line is queued when the one before it has ended.

Every step may be repeated. If a delivery is queued twice, `dispatch` finds its ledger record and
does not make the attempt twice. Whether it is a delivery's turn is checked again when its attempt
begins (`homing.ordering.turns`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from homing.aws import client
from homing.endpoints.endpoint import Ordering
from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import DependencyError
from homing.ledger.table import Ledger
from homing.ordering.line import line_id_of
from homing.ordering.lines_table import Lines
from homing.ordering.places_table import Places
from homing.queues.deliveries import DeliveryQueue
from homing.timestamps import from_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from homing.delivery import Delivery, Reference
    from homing.ledger.record import Record
    from homing.ordering.line import Line, Place
    from homing.settings import ReleaseSettings

_WHILE = timedelta(minutes=15)  # `revisit` ignores places that are younger than this
# How many places to read: that of the head, the one after it, and one that may be left over.
_READ_AT_ONCE = 3
# How many deliveries one call may skip because they ended before their turn.
_MOST_SKIPPED = 500
# Used instead of a number of attempts if the head's last attempt may still be in progress. The next
# delivery then waits until that attempt must be over.
_UNCLEAN = -1


class Advance(StrEnum):
    """The result of trying to advance a line of ordered deliveries.

    `EMPTY`: no delivery waits in the line. `WAITS`: the head has not ended. `BLOCKED`: the head has
    failed, and the settings of its endpoint block the line in this case. `RELEASED`: the next
    delivery has been queued.
    """

    EMPTY = "EMPTY"
    WAITS = "WAITS"
    BLOCKED = "BLOCKED"
    RELEASED = "RELEASED"


@dataclass(frozen=True, slots=True)
class Releasing:
    """Queues the next delivery of a line when its turn comes.

    The methods may raise BotoCoreError or ClientError.

    Args:
        lines: the table of lines.
        places: the table of places.
        ledger: the ledger.
        endpoints: the table of endpoints, whose setting `ordering` decides whether a failure blocks
            a line.
        queue: the delivery queue.
    """

    lines: Lines
    places: Places
    ledger: Ledger
    endpoints: EndpointsTable
    queue: DeliveryQueue

    @classmethod
    def connect(cls, settings: ReleaseSettings) -> Self:
        """Connect to the tables and the queue that the settings name."""
        dynamodb = client("dynamodb", read_seconds=2, tries=3)
        sqs = client("sqs", read_seconds=2, tries=3)
        return cls(
            Lines(settings.lines_table, dynamodb),
            Places(settings.places_table, dynamodb),
            Ledger(settings.ledger_table, dynamodb),
            EndpointsTable(settings.endpoints_table, dynamodb),
            DeliveryQueue(settings.delivery_queue_url, sqs),
        )

    def advance(
        self, line_id: str, now: datetime, ended: tuple[Reference, Record] | None = None
    ) -> Advance:
        """Queue the next delivery in a line, if the one before it has ended.

        Args:
            line_id: the line.
            now: the time.
            ended: a delivery that has ended, and its record, so that it need not be read again.

        Raises:
            DependencyError: when the queue refuses the next delivery.
        """
        for _ in range(_MOST_SKIPPED):
            line = self.lines.read(line_id)
            places = self.places.first(line_id, _READ_AT_ONCE)
            head = line.head if line else 0
            is_last = len(places) < _READ_AT_ONCE and all(each.sequence <= head for each in places)
            is_over = is_last and line is not None and _is_head(line, ended)
            after = 0 if is_over else self.turn_after(line, ended)
            if isinstance(after, Advance):
                return after
            past = [each for each in places if each.sequence <= head]
            for each in past:
                self.places.leave(line_id, each.sequence)
            if len(past) == _READ_AT_ONCE:
                continue
            if len(past) == len(places):
                return Advance.EMPTY
            following = places[len(past)]
            record = self.ledger.read(following.delivery.reference)
            if record is None:
                self._release(following, after, now)
                return Advance.RELEASED
            if not record.has_ended:
                return Advance.WAITS
            reference = placed(following)
            self.lines.skip_to(reference, line, now, over=after != _UNCLEAN)
        return Advance.WAITS

    def turn_after(
        self, line: Line | None, ended: tuple[Reference, Record] | None = None
    ) -> int | Advance:
        """Return how many attempts the head of a line had when it ended, if it has ended.

        A number means that it is the next delivery's turn. The number is 0 if there is no head, and
        -1 if the head has ended but one of its attempts may still be in progress. An `Advance`
        means that the head has not ended, or that it blocks its line.

        Args:
            line: the line; None if there is none.
            ended: a delivery that has ended, and its record. If it is the head, this record is used
                instead of the current one, so a later redrive of the head is ignored.
        """
        if line is None:
            return 0
        found = ended if _is_head(line, ended) else self.ledger.find(line.key)
        if found is None or found[1].created_at != line.created_at or not found[1].has_ended:
            return Advance.WAITS
        reference, record = found
        if record.has_failed and line.passed_over != line.head and self._blocks(reference):
            return Advance.BLOCKED
        if not line.begun:
            return _UNCLEAN if line.until else 0
        return line.begun if _is_answered(record, line.begun) else _UNCLEAN

    def _blocks(self, reference: Reference) -> bool:
        if reference.endpoint_id is None:
            return False
        endpoint = self.endpoints.find(reference.sender_id, reference.endpoint_id)
        return endpoint is not None and endpoint.ordering is Ordering.BLOCK

    def _release(self, place: Place, after: int, now: datetime) -> None:
        reference = replace(placed(place), after=after)
        refused = self.queue.send([_moved(replace(place.delivery, reference=reference), now)])
        if refused:
            raise DependencyError(f"the queue refused {', '.join(sorted(set(refused.values())))}")


def revisit(
    releasing: Releasing, now: datetime, has_time: Callable[[], bool]
) -> Iterator[tuple[str, Advance | Exception]]:
    """Until time runs out, advance each line in which a delivery has waited for a while.

    Yields:
        The id of each line, and the result. If AWS refuses a call, the result is the error, and the
        next run of the watchdog tries again.

    Raises:
        BotoCoreError, ClientError: when the places cannot be read.
    """
    for line_id in releasing.places.lines_since(now - _WHILE):
        if not has_time():
            return
        try:
            yield line_id, releasing.advance(line_id, now)
        except (BotoCoreError, ClientError, DependencyError) as error:
            yield line_id, error


def pass_over(releasing: Releasing, reference: Reference, now: datetime) -> bool:
    """Unblock the line that a failed delivery blocks; return whether it blocked one.

    Raises:
        BotoCoreError, ClientError, DependencyError: when AWS refuses a call; it can be retried.
    """
    line_id = line_id_of(reference)
    line = releasing.lines.read(line_id)
    if line is None or line.delivery_id != reference.delivery_id:
        return False
    is_passed = releasing.lines.pass_over(reference, line)
    releasing.advance(line_id, now)
    return is_passed


def placed(place: Place) -> Reference:
    """Return the reference of the delivery that waits in a place, with its sequence."""
    return replace(place.delivery.reference, sequence=place.sequence)


def _is_head(line: Line, ended: tuple[Reference, Record] | None) -> bool:
    return ended is not None and ended[0].delivery_id == line.delivery_id


def _is_answered(record: Record, begun: int) -> bool:
    """Return whether the record contains a response of the endpoint for every attempt begun."""
    if record.attempts != begun:
        return False
    return all(entry.get("httpStatus") is not None for entry in record.history[-begun:])


def _moved(delivery: Delivery, now: datetime) -> Delivery:
    """Return a delivery with its expiry extended by the time that it waited in its line."""
    waited = max(0, int((now - from_text(delivery.due_at)).total_seconds()))
    return replace(delivery, expires_at=delivery.expires_at + waited)

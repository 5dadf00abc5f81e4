"""Joining: accepted deliveries with an `orderingKey` get places at the end of their lines."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from homing.errors import DependencyError
from homing.ordering.line import MOST_WAITING, Place, line_id_of
from homing.ordering.releasing import Advance, placed
from homing.timestamps import to_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from homing.delivery import Delivery
    from homing.ordering.line import Line
    from homing.ordering.releasing import Releasing

# How many lines are handled concurrently: as many as a client has connections (homing/aws.py).
_AT_ONCE = 10
_FEW = 3  # up to this many lines are handled without threads
_TRIES = 100  # tries to get a place; a try fails if another delivery takes the place first


@dataclass(slots=True)
class Joined:
    """What happened to deliveries that should join their lines.

    Args:
        ready: the deliveries whose turn it is already; the caller must queue them.
        refused: the reasons why deliveries got no place, by delivery id.
        too_many: the ids of the deliveries whose line is full.
    """

    ready: list[Delivery] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    too_many: set[str] = field(default_factory=set)


class Joining:
    """Gives deliveries their places in lines of ordered deliveries.

    Args:
        releasing: determines whose turn it is; this class also uses its tables.
    """

    def __init__(self, releasing: Releasing) -> None:
        self._releasing = releasing

    def join(
        self, deliveries: Sequence[Delivery], repeated: Collection[str], now: datetime
    ) -> Joined:
        """Assign places in their lines to deliveries, in the given order.

        Args:
            deliveries: deliveries with an `orderingKey`.
            repeated: the keys of messages that are duplicates; their deliveries may already have
                places.
            now: the time.
        """
        lines: defaultdict[str, list[Delivery]] = defaultdict(list)
        for each in deliveries:
            lines[line_id_of(each.reference)].append(each)
        joined = Joined()

        def join_line(line_id: str) -> None:
            given = lines[line_id]
            try:
                for number, each in enumerate(given):
                    if not self._join(line_id, each, joined, repeated, now):
                        joined.too_many.update(one.reference.delivery_id for one in given[number:])
                        return
            except (BotoCoreError, ClientError, DependencyError) as error:
                why = f"its line failed: {type(error).__name__}: {error}"
                joined.refused.update({one.reference.delivery_id: why for one in given[number:]})

        if len(lines) <= _FEW:
            for line_id in lines:
                join_line(line_id)
        else:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(join_line, lines))
        return joined

    def _join(
        self,
        line_id: str,
        delivery: Delivery,
        joined: Joined,
        repeated: Collection[str],
        now: datetime,
    ) -> bool:
        """Assign a place to a delivery; return False if its line is full."""
        releasing = self._releasing
        delivery_id = delivery.reference.delivery_id
        is_repeated = delivery.reference.pk in repeated
        if is_repeated and self._has_its_place(line_id, delivery_id):
            releasing.advance(line_id, now)
            return True
        line = None
        for _ in range(_TRIES):
            place = self._next_place(line_id, delivery, now, line)
            if place is None:
                return False
            if releasing.places.put(place) not in {None, delivery_id}:
                continue
            line = releasing.lines.read(line_id)
            if _is_past(line, place.sequence, delivery_id):  # the line has moved in the meantime
                releasing.places.leave(line_id, place.sequence)
                continue
            if place.sequence == (line.head if line else 0) + 1:
                after = releasing.turn_after(line)
                if not isinstance(after, Advance):
                    turn = replace(placed(place), after=after)
                    joined.ready.append(replace(delivery, reference=turn))
            return True
        raise DependencyError("too many deliveries join the line at the same time")

    def _has_its_place(self, line_id: str, delivery_id: str) -> bool:
        """Return whether a delivery has a place that the line has not reached yet.

        A place that the line has already passed is removed. Such a place can exist if the call that
        wrote it succeeded, but appeared to fail. No attempt of its delivery has begun, since the
        delivery has no record.
        """
        sequence = self._releasing.places.find(line_id, delivery_id)
        if sequence is None:
            return False
        if not _is_past(self._releasing.lines.read(line_id), sequence, delivery_id):
            return True
        self._releasing.places.leave(line_id, sequence)
        return False

    def _next_place(
        self, line_id: str, delivery: Delivery, now: datetime, line: Line | None
    ) -> Place | None:
        """Return the place at the end of a line; None if the line is full.

        `line` is the line's progress as it was read before. The progress is read again if nothing
        waits in the line, or if the line may be full.
        """
        last = self._releasing.places.last(line_id)
        may_be_full = last is not None and last >= MOST_WAITING
        if last is None or may_be_full:
            line = self._releasing.lines.read(line_id)
        sequence = max(line.head if line else 0, last or 0) + 1
        if may_be_full and sequence - self._head(line_id, line) > MOST_WAITING:
            return None
        reference = replace(delivery.reference, sequence=sequence)
        return Place(line_id, sequence, replace(delivery, reference=reference), to_text(now))

    def _head(self, line_id: str, line: Line | None) -> int:
        """Return the sequence of the line's head.

        If the item of the line has expired, this is the sequence before the first place where a
        delivery waits.
        """
        if line is not None:
            return line.head
        first = self._releasing.places.first(line_id, 1)
        return first[0].sequence - 1 if first else 0


def _is_past(line: Line | None, sequence: int, delivery_id: str) -> bool:
    """Return whether a line has passed a place, or has reached it with another delivery as head."""
    if line is None or line.head < sequence:
        return False
    return line.head > sequence or line.delivery_id != delivery_id

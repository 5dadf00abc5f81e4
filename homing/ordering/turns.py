"""Turns: whether an attempt of a delivery with an `orderingKey` may begin."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from homing.errors import DependencyError
from homing.retry.not_attempted import Postponed, Superseded
from homing.timestamps import from_text, to_due_text

if TYPE_CHECKING:
    from datetime import datetime

    from homing.delivery import Reference
    from homing.ledger.claim import AttemptClaim
    from homing.ordering.line import Line
    from homing.ordering.lines_table import Lines

_PAUSE = timedelta(seconds=5)  # the shortest postponement of an attempt whose turn it is not
_UNKNOWN_PAUSE = timedelta(seconds=30)  # the postponement if the line cannot be read
_LONGEST_PAUSE = timedelta(minutes=5)


class Turns:
    """Begins the attempts of ordered deliveries, if it is their turn.

    Args:
        lines: the table of lines.
        lasts: the longest time from the start of an attempt to the end of its function.
    """

    def __init__(self, lines: Lines, lasts: timedelta) -> None:
        self._lines = lines
        self._lasts = lasts

    def begin(
        self, reference: Reference, claim: AttemptClaim | None, now: datetime
    ) -> Postponed | Superseded | None:
        """Begin an attempt, if it is the delivery's turn.

        If the line has already passed the delivery, its turn does not come again. In that case, the
        attempt may be made only if its claim is in the ledger, as it is after a redrive; such an
        attempt is out of order.

        Args:
            reference: the delivery.
            claim: the claim of the attempt; None for a first attempt in the express path.
            now: the time.

        Returns:
            None if the attempt may be made; otherwise why not.

        Raises:
            DependencyError: when the line cannot be read or changed.
        """
        if reference.ordering_key is None or reference.sequence is None:
            return None
        try:
            line = self._begin(reference, now, is_first=claim is None)
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"{type(error).__name__}: {error}") from error
        if line is None:
            return None
        if line.head <= reference.sequence:
            return put_off(claim, now, max(now + _PAUSE, _until(line, now)))
        if claim is None:
            return Superseded()
        return None if claim.unrecorded is None else put_off(claim, now, now + _PAUSE)

    def _begin(self, reference: Reference, now: datetime, *, is_first: bool) -> Line | None:
        """Begin an attempt. Return None if it has begun, otherwise the current line."""
        until = now + self._lasts
        steps = [self._lines.begin_next, self._lines.begin_again]
        line = None
        for step in steps if is_first else reversed(steps):
            line = step(reference, now, until)
            if line is None:
                return None
        return line


def unknown(claim: AttemptClaim | None, now: datetime) -> Postponed:
    """Return the postponement of an attempt whose line cannot be read."""
    now = _not_behind(claim, now)
    return put_off(claim, now, now + _UNKNOWN_PAUSE)


def put_off(claim: AttemptClaim | None, now: datetime, due: datetime) -> Postponed:
    """Return the postponement of an attempt to `due`, or to a later time if it has waited for long.

    The attempt waits at least half of the time since it was due, but this minimum never exceeds
    five minutes.
    """
    if claim is None:
        return Postponed(to_due_text(due))
    now = _not_behind(claim, now)
    waited = min((now - from_text(claim.due_since or claim.due_at)) / 2, _LONGEST_PAUSE)
    due_at = to_due_text(max(due, now + max(waited, _PAUSE)))
    return Postponed(due_at, int((from_text(due_at) + claim.retention).timestamp()))


def _not_behind(claim: AttemptClaim | None, now: datetime) -> datetime:
    """Return the later of `now` and the attempt's due time, since the clock may be behind."""
    return now if claim is None else max(now, from_text(claim.due_at))


def _until(line: Line, now: datetime) -> datetime:
    return now if line.until is None else from_text(line.until)

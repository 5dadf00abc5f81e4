"""Postponing an attempt for which its endpoint has no room: until when, and how that is told.

A postponed attempt has not been made: it uses up none of the policy's, and nothing is recorded.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from homing.retry.lifetime import YEAR
from homing.retry.not_attempted import Postponed
from homing.timestamps import from_text, to_due_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from homing.ledger.claim import AttemptClaim

SHORTEST = timedelta(seconds=1)
# A Standard execution may have 25,000 events, and each wait is a round of 14 of them. So waits
# of five minutes at most go on growing with the delivery's age, to a day (docs/decisions/0041).
LONGEST = timedelta(minutes=5)
_OF_AGE = 30
_LONGEST_OF_ALL = timedelta(days=1)
# An execution lives a year (docs/decisions/0040): near its end no attempt is postponed.
_GIVES_WAY_FOR = YEAR - timedelta(days=7)


def postpone(
    created_at: str,
    claim: AttemptClaim | None,
    now: datetime,
    chance: Callable[[], float],
) -> Postponed | None:
    """Return until when an attempt is postponed, or None for one that is too old for that.

    The wait is, by chance, a half to all of the time for which the attempt has been due, between a
    second and five minutes; of a delivery that is old up to a thirtieth of its age, at most a day.
    So it grows with the crowd, as a backoff does, and no count of tries has to be carried along.

    Args:
        created_at: when the delivery was, ISO-8601.
        claim: what the attempt was claimed with. None for one that has not waited yet; then its
            record is kept from when it was due first.
        now: the time of day.
        chance: gives a number in [0, 1).
    """
    age = now - from_text(created_at)
    if age > _GIVES_WAY_FOR:
        return None
    due_since = (claim and claim.due_since) or created_at
    longest = min(max(LONGEST, age / _OF_AGE), _LONGEST_OF_ALL)
    waited = max(now - from_text(due_since), 2 * SHORTEST)
    due_at = to_due_text(now + min(waited, longest) * (1 + chance()) / 2)
    if claim is None:
        return Postponed(due_at)
    return Postponed(due_at, int((from_text(due_at) + claim.retention).timestamp()))

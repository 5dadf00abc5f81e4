"""The new due time of an attempt if its endpoint has no free concurrency slot.

A postponed attempt has not been made: it does not count towards the policy's limit of attempts and
is not recorded.
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
# A Standard execution may have 25,000 events, and each wait adds 14. So the maximum wait grows with
# the delivery's age, from five minutes to a day (docs/decisions/0041).
LONGEST = timedelta(minutes=5)
_OF_AGE = 30
_LONGEST_OF_ALL = timedelta(days=1)
# An execution can run for a year (docs/decisions/0040); near the end of that year, no attempt is
# postponed.
_GIVES_WAY_FOR = YEAR - timedelta(days=7)


def postpone(
    created_at: str,
    claim: AttemptClaim | None,
    now: datetime,
    chance: Callable[[], float],
) -> Postponed | None:
    """Return the postponement of an attempt; None if the delivery is too old to postpone it.

    The wait is random, between half and all of the time since the attempt was first due, but at
    least a second and at most five minutes. The maximum is higher for a delivery that is older than
    two and a half hours: a thirtieth of its age, but no more than a day. So, while the endpoint has
    no free slot, the wait grows like a backoff, although nothing counts the tries.

    Args:
        created_at: when the delivery was created, in ISO 8601.
        claim: the claim of the attempt; None for an attempt that has not waited. Without a claim,
            the expiry of the record stays unchanged.
        now: the time.
        chance: returns a random number in [0, 1).
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

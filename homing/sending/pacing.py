"""Attempts to an endpoint whose rate is limited: each attempt waits for its rate slot.

If the slot is more than two seconds away, the attempt is postponed until then, and the slot stays
reserved for it. A postponed attempt has not been made, so it does not count towards the policy's
limit of attempts and is not recorded.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from homing.endpoints.rate import LONGEST, RateSlot
from homing.retry.not_attempted import Postponed
from homing.retry.outcome import ErrorKind, Outcome, unsent
from homing.retry.retry_after import parse_retry_after
from homing.timestamps import from_text, plus_milliseconds, to_due_text, to_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from homing.endpoints.endpoint import Endpoint
    from homing.endpoints.rate_slots import RateSlots
    from homing.ledger.claim import AttemptClaim

# The function itself waits for a slot that is at most this far away, which costs less than a Wait
# state.
WAIT = timedelta(seconds=2)
# An attempt that wakes up later than this after its slot takes a new slot, so that late attempts
# are not all made at the same time.
_VALID_FOR = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_TOO_MANY = 429


class Pacing:
    """Delays attempts until their rate slots.

    Args:
        slots: the slots of endpoints whose rate is limited.
        sleep: waits for the given number of seconds.
    """

    def __init__(self, slots: RateSlots, sleep: Callable[[float], None]) -> None:
        self._slots = slots
        self._sleep = sleep

    def wait(
        self, endpoint: Endpoint, claim: AttemptClaim | None, now: datetime
    ) -> Postponed | Outcome | None:
        """Wait until an attempt may be made.

        Args:
            endpoint: the endpoint of the attempt; its rate is limited.
            claim: the claim of the attempt; None for an attempt that has not waited.
            now: the time.

        Returns:
            None if the attempt may be made. Otherwise its postponement or, if there is no slot
            within `LONGEST`, the outcome with which the attempt fails.

        Raises:
            DependencyError: when the slots cannot be read or written.
        """
        if claim is not None and self._keeps(endpoint, claim, now):
            return None
        # The attempt has been woken, so its due time has passed, even if this clock is behind.
        now = now if claim is None else max(now, from_text(claim.due_at))
        slot = self._slots.take(endpoint, now)
        if slot is None:
            message = f"the rate of the endpoint leaves no slot within {LONGEST.days} days"
            return unsent(ErrorKind.INTERNAL, message, to_text(now))
        if slot.at - now > WAIT:
            return _put_off(slot, claim)
        self._sleep((slot.at - now).total_seconds())
        return None

    def pause(self, endpoint: Endpoint, outcome: Outcome) -> datetime | None:
        """Pause an endpoint if it has answered 429 with `Retry-After`.

        Returns:
            The end of the pause; None if the endpoint need not be paused, or already is.

        Raises:
            DependencyError: when the pause cannot be recorded.
        """
        until = _pause_of(outcome)
        return until if until is not None and self._slots.pause(endpoint, until) else None

    def _keeps(self, endpoint: Endpoint, claim: AttemptClaim, now: datetime) -> bool:
        """Return whether the slot to which an attempt was postponed is valid; if so, wait for it.

        The wait is less than a second, unless the clock is slow.
        """
        slot = None if claim.slot is None else RateSlot.from_document(claim.slot)
        if slot is None or _woken_at(slot) != from_text(claim.due_at):
            return False  # the slot was for another attempt
        if now - slot.at > _VALID_FOR or not self._slots.holds(endpoint, slot):
            return False
        # Step Functions has woken the attempt in the same second as its slot. So a wait of more
        # than a second would only be due to a slow clock.
        self._sleep(max(min(slot.at - now, _SECOND), timedelta()).total_seconds())
        return True


def asks_for_pause(outcome: Outcome) -> bool:
    """Return whether the response in an outcome asks for a pause: 429 with `Retry-After`."""
    return _pause_of(outcome) is not None


def _pause_of(outcome: Outcome) -> datetime | None:
    """Return the end of the pause that an outcome asks for, a whole second; None for no pause."""
    if outcome.http_status != _TOO_MANY:
        return None
    now = from_text(outcome.timestamp)
    wait = parse_retry_after(outcome.retry_after, now=now)
    if wait is None:
        return None
    longest = _LONGEST_PAUSE // timedelta(milliseconds=1)
    return from_text(to_due_text(plus_milliseconds(now, min(wait, longest))))


def _woken_at(slot: RateSlot) -> datetime:
    """Return the time, a whole second, at which Step Functions wakes an attempt for its slot."""
    return slot.at.replace(microsecond=0)


def _put_off(slot: RateSlot, claim: AttemptClaim | None) -> Postponed:
    due = _woken_at(slot)
    expires_at = None if claim is None else int((due + claim.retention).timestamp())
    return Postponed(to_due_text(due), expires_at, slot.to_document())

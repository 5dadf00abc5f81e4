"""The bulkhead before the express path: no endpoint may take the express path from the others.

`dispatch` waits for the first attempts of a batch, so one endpoint that hangs could block every
dispatcher. The bulkhead of each dispatcher bounds the concurrent attempts per origin (scheme, host
and port), detached ones included. At the bound, a delivery waits until another attempt ends; this
wait is short while the endpoint is fast. If the endpoint is slow, the delivery is deferred: it
waits in the Standard workflow, and no attempt is used up (docs/decisions/0055, 0067).

All state is in the memory of one container, so a delivery that is not deferred costs nothing more.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

# Deliveries to a slow endpoint are deferred for four times what its attempt took (15 s make a
# minute), so that it gets at most a fifth of a dispatcher's time.
_COOL_DOWN = 4
_LONGEST_COOL_DOWN = timedelta(minutes=16)
_LONGEST_WAIT = timedelta(hours=1)  # a delivery is never deferred for longer
_REMEMBERED = 10_000  # origins; idle ones beyond that are forgotten


@dataclass(slots=True)
class _Origin:
    """What is known of one origin.

    Args:
        permits: the attempts that are under way.
        slow_until: no attempt is made in the express path before this.
        cool_down: how long deliveries were deferred when it was last slow; zero once it was fast.
        judged_at: when an attempt last showed that it is slow.
        next_slot: when the next deferred delivery may be due.
    """

    permits: list[Permit] = field(default_factory=list)
    slow_until: datetime | None = None
    cool_down: timedelta = timedelta()
    judged_at: datetime | None = None
    next_slot: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Permit:
    """Permission to make one attempt in the express path.

    Args:
        origin: where it goes.
        since: when it was granted.
        over_by: when the attempt has ended even if its end was not reported.
        is_probe: whether the attempt probes an endpoint that was slow.
    """

    origin: _Origin
    since: datetime
    over_by: datetime
    is_probe: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a bulkhead.

    Args:
        at_once: attempts at once per origin, at most.
        attempt_timeout: how long an attempt may take, and so how long a delivery waits for a permit
            at most.
        over_after: after so long an attempt has ended, whether its end was reported or not.
        slow_threshold: an endpoint that takes longer is slow.
    """

    at_once: int
    attempt_timeout: timedelta
    over_after: timedelta
    slow_threshold: timedelta


class Bulkhead:
    """Grants permits for first attempts in the express path.

    Args:
        limits: its limits.
        clock: tells the time; must be aware.
    """

    def __init__(
        self, limits: Limits, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._limits = limits
        self._pace = limits.attempt_timeout / limits.at_once
        self._clock = clock
        self._origins: dict[str, _Origin] = {}
        self._changed = threading.Condition()

    def enter(self, url: str) -> Permit | datetime:
        """Return a permit for a URL; wait for one while its endpoint is not slow.

        That wait delays nothing else: the batch waits for the attempts before it in any case. How
        long these take says nothing until they end or are detached, since Lambda itself may be
        slow.

        Returns:
            The permit, if the attempt may be made; call `leave` after the attempt. Otherwise when
            the deferred delivery is due: those of one origin are spread, so that no more than about
            `at_once` of them are made at once.
        """
        with self._changed:
            origin = self._origin(url)
            give_up_at = self._clock() + self._limits.attempt_timeout
            while not self._has_room(origin):
                now = self._clock()
                if origin.slow_until is not None or now >= give_up_at:
                    return self._defer(origin, now)
                next_change = min([give_up_at, *(permit.over_by for permit in origin.permits)])
                self._changed.wait((next_change - now).total_seconds())
            now = self._clock()
            is_probe = origin.slow_until is not None
            permit = Permit(origin, now, now + self._limits.over_after, is_probe)
            origin.permits.append(permit)
            return permit

    def suspect(self, permit: Permit) -> None:
        """Note that an attempt was detached: treat its origin as slow until the attempt ends."""
        with self._changed:
            origin = permit.origin
            if permit in origin.permits:  # it may have ended at this very moment
                origin.slow_until = max(origin.slow_until or permit.over_by, permit.over_by)
                self._changed.notify_all()

    def leave(self, permit: Permit, response_time: int | None) -> None:
        """Note that an attempt has ended, in time or after it was detached.

        Args:
            permit: what `enter` returned.
            response_time: how long the endpoint took, in ms; None where that is not known, which
                says nothing of the origin.
        """
        with self._changed:
            if permit in permit.origin.permits:  # not if `over_by` has passed
                permit.origin.permits.remove(permit)
            if response_time is not None:
                self._judge(permit, timedelta(milliseconds=response_time))
            self._changed.notify_all()

    def _judge(self, permit: Permit, took: timedelta) -> None:
        origin = permit.origin
        if took < self._limits.slow_threshold:  # if it was detached, then Lambda was slow
            origin.slow_until, origin.cool_down, origin.next_slot = None, timedelta(), None
        elif origin.judged_at is None or permit.since >= origin.judged_at:
            # Attempts under way at the last judgement met the same slowness: count it once.
            grown = max(_COOL_DOWN * took, 2 * origin.cool_down)
            origin.cool_down = min(grown, _LONGEST_COOL_DOWN)
            origin.judged_at = self._clock()
            origin.slow_until = origin.judged_at + origin.cool_down

    def _origin(self, url: str) -> _Origin:
        parts = urlsplit(url)
        key = f"{parts.scheme}://{parts.netloc}".lower()
        if key not in self._origins and len(self._origins) >= _REMEMBERED:
            idle = [name for name, origin in self._origins.items() if not self._at_once(origin)]
            for name in idle:
                del self._origins[name]
        return self._origins.setdefault(key, _Origin())

    def _at_once(self, origin: _Origin) -> int:
        """Return how many attempts are under way; forget those that must have ended."""
        now = self._clock()
        origin.permits = [permit for permit in origin.permits if now < permit.over_by]
        return len(origin.permits)

    def _has_room(self, origin: _Origin) -> bool:
        """Return whether an attempt may be made; after a cool-down, one at first."""
        if origin.slow_until is None:
            return self._at_once(origin) < self._limits.at_once
        return self._clock() >= origin.slow_until and not self._at_once(origin)

    def _defer(self, origin: _Origin, now: datetime) -> datetime:
        slot = max(now + self._pace, origin.next_slot or now)
        origin.next_slot = min(slot, now + _LONGEST_WAIT) + self._pace
        return min(slot, now + _LONGEST_WAIT)

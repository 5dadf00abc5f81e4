"""The bulkhead before the express path: no endpoint may take the express path from the others.

`dispatch` waits for the first attempts of a batch, so one endpoint that hangs could hold every
dispatcher. The bulkhead of each dispatcher bounds the attempts at once per origin (scheme, host and
port), those that nobody waits for any more included. Beyond the bound a delivery waits its turn,
which takes a moment where the endpoint is well; where it is slow, the delivery is deferred into a
wait of the Standard workflow. It loses nothing by that, no attempt either (docs/decisions/0055,
0067).

All is in the memory of one container: a message that is not deferred costs nothing more.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

# A slow endpoint is deferred for so many times what its attempt took: it then gets a fifth of the
# time of a dispatcher at most. 15 s make a minute.
_COOL_DOWN = 4
_LONGEST_COOL_DOWN = timedelta(minutes=16)
_LONGEST_WAIT = timedelta(hours=1)  # a delivery is never put off for longer
_REMEMBERED = 10_000  # origins; more are forgotten, which costs a slow one a new look


@dataclass(slots=True)
class _Origin:
    """What is known of one origin.

    Args:
        permits: the attempts that are being made.
        slow_until: no attempt is made in the express path before this.
        cool_down: how long it was deferred the last time it was slow; none while it is trusted.
        judged_at: when an attempt last showed that it is slow.
        next_slot: when the next delivery that is deferred may be due.
    """

    permits: list[Permit] = field(default_factory=list)
    slow_until: datetime | None = None
    cool_down: timedelta = timedelta()
    judged_at: datetime | None = None
    next_slot: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Permit:
    """An attempt that was let in.

    Args:
        origin: where it goes.
        since: when it was let in.
        over_by: when it is over even if nobody has heard of its end.
        is_probe: whether it finds out if a slow endpoint is well again.
    """

    origin: _Origin
    since: datetime
    over_by: datetime
    is_probe: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What the bulkhead keeps to.

    Args:
        at_once: attempts at once per origin, at most.
        attempt_timeout: how long an attempt may take, and so how long one waits for a concurrency
            slot at most.
        over_after: after so long an attempt is over, whatever became of whoever waited for it.
        slow_threshold: an endpoint that takes longer is slow.
    """

    at_once: int
    attempt_timeout: timedelta
    over_after: timedelta
    slow_threshold: timedelta


class Bulkhead:
    """Lets first attempts into the express path.

    Args:
        limits: what it keeps to.
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
        """Ask for a permit for a URL, and wait for one while its endpoint is not slow.

        Others of the batch that wait hold nobody up: their batch waits for the attempts before them
        in any case. How long those take says nothing before they are back or have been left, since
        Lambda may be what is slow.

        Returns:
            The visit, if the attempt may be made; `leave` must follow. Or else when the delivery,
            which is deferred, is to be due: those of one origin one after another, so that no more
            than about `at_once` of them meet there.
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
        """Hear that nobody waits for an attempt any more: deferred its origin until it is back."""
        with self._changed:
            origin = permit.origin
            if permit in origin.permits:  # it may have come back in this very moment
                origin.slow_until = max(origin.slow_until or permit.over_by, permit.over_by)
                self._changed.notify_all()

    def leave(self, permit: Permit, response_time: int | None) -> None:
        """Hear that an attempt has come back, in time or after it was left.

        Args:
            permit: what `enter` gave.
            response_time: how long the endpoint took, in ms; None where that is not known, which
                leaves the origin as it was.
        """
        with self._changed:
            if permit in permit.origin.permits:  # not if it was over long ago
                permit.origin.permits.remove(permit)
            if response_time is not None:
                self._judge(permit, timedelta(milliseconds=response_time))
            self._changed.notify_all()

    def _judge(self, permit: Permit, took: timedelta) -> None:
        origin = permit.origin
        if took < self._limits.slow_threshold:  # if it was left, then for what Lambda took
            origin.slow_until, origin.cool_down, origin.next_slot = None, timedelta(), None
        elif origin.judged_at is None or permit.since >= origin.judged_at:
            # All that were under way at the time of a verdict have met the same slow endpoint once.
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
        """Count the attempts that are being made; what must be over is forgotten."""
        now = self._clock()
        origin.permits = [permit for permit in origin.permits if now < permit.over_by]
        return len(origin.permits)

    def _has_room(self, origin: _Origin) -> bool:
        """Tell whether an attempt may be made: after a time of deferring, one at first."""
        if origin.slow_until is None:
            return self._at_once(origin) < self._limits.at_once
        return self._clock() >= origin.slow_until and not self._at_once(origin)

    def _defer(self, origin: _Origin, now: datetime) -> datetime:
        slot = max(now + self._pace, origin.next_slot or now)
        origin.next_slot = min(slot, now + _LONGEST_WAIT) + self._pace
        return min(slot, now + _LONGEST_WAIT)

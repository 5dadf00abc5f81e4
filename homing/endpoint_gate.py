"""The gate before the lane: no endpoint may take the lane from the others.

`dispatch` waits for the first attempts of a batch, so one endpoint that hangs could hold every
dispatcher until the time-out. The gate of each dispatcher bounds the attempts at once per origin
(scheme, host and port). Beyond the bound a delivery waits its turn, which takes a moment where the
endpoint is well; where it is slow, the delivery is shed into a wait of the Standard workflow. It
loses nothing by that, no attempt either (docs/decisions/0055).

All is in the memory of one container: a message that is not shed costs nothing more.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

_COOL_DOWN = timedelta(minutes=1)
_LONGEST_COOL_DOWN = timedelta(minutes=16)
_LONGEST_WAIT = timedelta(hours=1)  # a delivery is never put off for longer
_REMEMBERED = 10_000  # origins; more are forgotten, which costs a slow one a new look


@dataclass(slots=True)
class _Origin:
    """What is known of one origin.

    Args:
        at_once: attempts that are being made.
        slow_until: no attempt is made in the lane before this.
        cool_down: how long it was shed the last time it was slow; none while it is trusted.
        next_slot: when the next delivery that is shed may be due.
    """

    at_once: int = 0
    slow_until: datetime | None = None
    cool_down: timedelta = timedelta()
    next_slot: datetime | None = None


class EndpointGate:
    """Lets first attempts into the lane.

    Args:
        at_once: attempts at once per origin, at most.
        attempt_timeout: how long an attempt may take, and so how long one waits for a turn at most.
        slow_after: an attempt that takes longer makes its origin slow.
        clock: tells the time; must be aware.
    """

    def __init__(
        self,
        at_once: int,
        attempt_timeout: timedelta,
        slow_after: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._limit = at_once
        self._patience = attempt_timeout
        self._pace = attempt_timeout / at_once
        self._slow_after = slow_after
        self._clock = clock
        self._origins: dict[str, _Origin] = {}
        self._changed = threading.Condition()

    def enter(self, url: str) -> datetime | None:
        """Ask for an attempt at a URL, and wait for a turn while its endpoint is not known as slow.

        Others of the batch that wait hold nobody up: their batch waits for the attempts before them
        in any case. How long those take says nothing before they are back, since Lambda may be
        what is slow.

        Returns:
            None if the attempt may be made; `leave` must follow. Or else when the delivery, which
            is shed, is to be due: those of one origin one after another, so that no more than
            about `at_once` of them meet there.
        """
        with self._changed:
            origin = self._origin(url)
            give_up_at = self._clock() + self._patience
            while not self._has_room(origin):
                now = self._clock()
                if self._is_suspect(origin) or now >= give_up_at:
                    return self._shed(origin, now)
                self._changed.wait((give_up_at - now).total_seconds())
            origin.at_once += 1
            return None

    def leave(self, url: str, response_time: int | None) -> None:
        """Tell that an attempt has come back.

        Args:
            url: as it was given to `enter`.
            response_time: how long the endpoint took, in ms; None where that is not known, which
                leaves the origin as it was.
        """
        with self._changed:
            origin = self._origin(url)
            origin.at_once -= 1
            if response_time is None:
                self._changed.notify_all()
                return
            if timedelta(milliseconds=response_time) >= self._slow_after:
                grown = max(_COOL_DOWN, 2 * origin.cool_down)
                origin.cool_down = min(grown, _LONGEST_COOL_DOWN)
                origin.slow_until = self._clock() + origin.cool_down
            else:
                origin.slow_until, origin.cool_down, origin.next_slot = None, timedelta(), None
            self._changed.notify_all()

    def _origin(self, url: str) -> _Origin:
        parts = urlsplit(url)
        key = f"{parts.scheme}://{parts.netloc}".lower()
        if key not in self._origins and len(self._origins) >= _REMEMBERED:
            idle = [name for name, origin in self._origins.items() if not origin.at_once]
            for name in idle:
                del self._origins[name]
        return self._origins.setdefault(key, _Origin())

    def _is_suspect(self, origin: _Origin) -> bool:
        return origin.slow_until is not None

    def _has_room(self, origin: _Origin) -> bool:
        """Tell whether an attempt may be made: after a time of shedding, one at first."""
        if origin.slow_until is None:
            return origin.at_once < self._limit
        return origin.at_once == 0 and self._clock() >= origin.slow_until

    def _shed(self, origin: _Origin, now: datetime) -> datetime:
        slot = max(now + self._pace, origin.next_slot or now)
        origin.next_slot = min(slot, now + _LONGEST_WAIT) + self._pace
        return min(slot, now + _LONGEST_WAIT)

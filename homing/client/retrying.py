"""The retries of a call: in which cases, after which pauses, and for how long.

A call is retried if there was no response, or if its status is 429, 500, 502, 503 or 504. The pause
before try n + 1 is

    Retry-After + draw * min(8 s, 0.25 s * 2 ** (n - 1))      draw: uniform from 0 to 1
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ldexp
from typing import TYPE_CHECKING

from homing.retry.retry_after import parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_BACKOFF_SECONDS = 0.25
_LONGEST_BACKOFF_SECONDS = 8.0


def pause_before_next(tries: int, *, draw: float, retry_after: float) -> float:
    """Return the seconds to wait after this many tries.

    Args:
        tries: how many tries have been made, 1 or more.
        draw: a random number from 0 to 1, so that callers do not all try again at the same time.
        retry_after: the seconds that the last response asked for; 0 if it asked for none.
    """
    doublings = min(tries - 1, 10)  # gives far more than the longest pause, and fits in a float
    backoff = min(_LONGEST_BACKOFF_SECONDS, ldexp(_FIRST_BACKOFF_SECONDS, doublings))
    return retry_after + draw * backoff


@dataclass(frozen=True, slots=True)
class Retrying:
    """The time limit and pauses of a call, with the clock and random source that they use.

    A call takes at most `give_up_after` + `timeout` seconds, plus up to 3 seconds to connect.

    Args:
        timeout: how many seconds one try waits for its response.
        give_up_after: no try begins later than this many seconds after the first try.
        clock: a monotonic clock in seconds.
        now: returns the time of day, for a `Retry-After` that is a date.
        sleep: waits for some seconds.
        draw: returns a random number from 0 to 1. The default does not use the state of the module
            `random`, which is the same in every copy of a Lambda snapshot.
    """

    timeout: float = 30
    give_up_after: float = 60
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = field(default=random.SystemRandom().random)

    def __post_init__(self) -> None:
        """Check the values."""
        if not self.timeout > 0:
            raise ValueError("timeout must be more than 0 seconds")
        if not self.give_up_after >= 0:
            raise ValueError("give_up_after must be 0 seconds or more; 0 means a single try")

    def retry_after(self, header: str | None) -> float | None:
        """Return the seconds that a `Retry-After` header asks for; None if it asks for none."""
        milliseconds = parse_retry_after(header, now=self.now())
        return None if milliseconds is None else milliseconds / 1000

    def wait(self, tries: int, began: float, retry_after: float | None) -> bool:
        """Wait before the next try and return True; return False at once if no time is left for it.

        Args:
            tries: how many tries have been made.
            began: the time of the first try, by `clock`.
            retry_after: the seconds that the last response asked to wait; None if it did not ask.
        """
        pause = pause_before_next(tries, draw=self.draw(), retry_after=retry_after or 0)
        if self.clock() - began + pause > self.give_up_after:
            return False
        self.sleep(pause)
        return True

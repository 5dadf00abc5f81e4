"""The burst of a sender: deliveries beyond it go to the bulk queue instead of the delivery queue.

Each container that accepts messages counts separately, in memory, so counting costs nothing. A
sender may send a burst of `BURST` deliveries, plus `PER_SECOND` each second (docs/decisions/0096).
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BURST = 20
PER_SECOND = 20
_REMEMBERED = 10_000  # senders; above this number, those with a full burst are forgotten
_NANOSECONDS = 1_000_000_000 // PER_SECOND  # the time after which one more delivery is allowed


class Bursts:
    """Counts the deliveries of senders.

    Args:
        clock: a monotonic clock in nanoseconds.
    """

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._full_at: dict[str, int] = {}  # by sender: the time at which its burst is full again
        self._lock = threading.Lock()

    def is_beyond(self, sender_id: str, deliveries: int) -> bool:
        """Return whether a message with this many deliveries exceeds the burst of its sender.

        If it does, its deliveries do not count towards the burst. A message with more deliveries
        than a full burst exceeds it, unless its sender has sent nothing for a while.
        """
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get(sender_id, now), now)
            after = full_at + deliveries * _NANOSECONDS
            if full_at > now and after - now > BURST * _NANOSECONDS:
                return True
            if len(self._full_at) >= _REMEMBERED:
                self._full_at = {each: at for each, at in self._full_at.items() if at > now}
            self._full_at[sender_id] = after
            return False

"""Connections that are kept open between attempts, for as long as they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homing.sending.channel import Channel

Origin = tuple[str, str, int]

MAX_AGE_SECONDS = 30  # then the name is looked up anew, and its addresses are checked anew
FROZEN_SECONDS = 4  # a connection that was idle for longer in a frozen container may be gone
MARGIN_SECONDS = 1  # by which a connection is given up before the endpoint closes it

# By how much two clocks that both run may differ.
_DRIFT_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, by two clocks.

    Args:
        wall: the time of day in epoch seconds.
        running: the seconds that this machine has run, from any start. A Lambda container is frozen
            between invocations, and this clock with it.
    """

    wall: float
    running: float

    def frozen_since(self, before: Moment) -> bool:
        """Return whether the machine has stood still since then."""
        return (self.wall - before.wall) - (self.running - before.running) > _DRIFT_SECONDS


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection.

    Args:
        channel: what is sent and received over.
        opened: when it was about to be opened.
    """

    channel: Channel
    opened: Moment


@dataclass(frozen=True, slots=True)
class _Kept:
    connection: Connection
    since: Moment
    idle_seconds: int | None

    def is_trusted(self, now: Moment) -> bool:
        """Return whether a request may be sent over it that should not be sent twice."""
        age, idle = now.wall - self.connection.opened.wall, now.wall - self.since.wall
        kept = MAX_AGE_SECONDS if self.idle_seconds is None else self.idle_seconds - MARGIN_SECONDS
        longest = min(kept, FROZEN_SECONDS) if now.frozen_since(self.since) else kept
        is_fresh = age <= MAX_AGE_SECONDS and 0 <= idle <= longest
        return is_fresh and self.connection.channel.is_silent


class WarmConnections:
    """Connections kept open between attempts, at most one per origin. Not for several threads.

    A connection on which anything has arrived since its last response is never used again: between
    responses only a farewell can come, or an answer that was not asked for.

    Args:
        limit: how many are kept; the least recently used goes first.
    """

    def __init__(self, *, limit: int = 16) -> None:
        self._limit = limit
        self._kept: dict[Origin, _Kept] = {}

    def take(self, origin: Origin, now: Moment) -> Connection | None:
        """Return the open connection to an origin, if there is one that can be trusted."""
        kept = self._kept.pop(origin, None)
        if kept is None:
            return None
        if kept.is_trusted(now):
            return kept.connection
        kept.connection.channel.close()
        return None

    def keep(
        self, origin: Origin, connection: Connection, now: Moment, idle_seconds: int | None = None
    ) -> None:
        """Keep a connection whose last response has been read to its end.

        Args:
            origin: what it leads to.
            connection: the connection.
            now: when its response ended.
            idle_seconds: after how long the endpoint closes it, None where it does not say.
        """
        self._kept[origin] = _Kept(connection, now, idle_seconds)
        if len(self._kept) > self._limit:
            oldest = self._kept.pop(next(iter(self._kept)))
            oldest.connection.channel.close()

    def close(self) -> None:
        """Close all that are kept."""
        while self._kept:
            self._kept.popitem()[1].connection.channel.close()

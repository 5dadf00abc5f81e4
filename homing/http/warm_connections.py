"""Connections that stay open between attempts, unless the endpoint has probably closed them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homing.http.channel import Channel

Origin = tuple[str, str, int]

# A connection older than this is not used again: for a new one, the host name is looked up and its
# addresses are checked again.
MAX_AGE_SECONDS = 30
# If a connection was idle for longer than this and the container was frozen meanwhile, the endpoint
# may have closed the connection.
FROZEN_SECONDS = 4
# An idle connection is given up this long before the endpoint would close it.
MARGIN_SECONDS = 1

# How far the wall clock and the monotonic clock may diverge while the container is not frozen.
_DRIFT_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time on two clocks.

    Args:
        wall: the time of day in epoch seconds.
        running: the seconds of a clock that stops while the container is frozen between
            invocations.
    """

    wall: float
    running: float

    def frozen_since(self, before: Moment) -> bool:
        """Return whether the container was frozen between the moment `before` and this one."""
        return (self.wall - before.wall) - (self.running - before.running) > _DRIFT_SECONDS


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection.

    Args:
        channel: its channel.
        opened: when its opening began.
    """

    channel: Channel
    opened: Moment


@dataclass(frozen=True, slots=True)
class _Kept:
    connection: Connection
    since: Moment
    idle_seconds: int | None

    def is_trusted(self, now: Moment) -> bool:
        """Return whether the endpoint probably still has the connection open."""
        age, idle = now.wall - self.connection.opened.wall, now.wall - self.since.wall
        kept = MAX_AGE_SECONDS if self.idle_seconds is None else self.idle_seconds - MARGIN_SECONDS
        longest = min(kept, FROZEN_SECONDS) if now.frozen_since(self.since) else kept
        is_fresh = age <= MAX_AGE_SECONDS and 0 <= idle <= longest
        return is_fresh and self.connection.channel.is_silent


class WarmConnections:
    """Connections that stay open between attempts, at most one per origin. Not thread-safe.

    A connection on which anything has arrived since its last response is never reused: the data is
    the end of the connection, or a response without a request.

    Args:
        limit: the maximum number of connections; the least recently used is closed first.
    """

    def __init__(self, *, limit: int = 16) -> None:
        self._limit = limit
        self._kept: dict[Origin, _Kept] = {}

    def take(self, origin: Origin, now: Moment) -> Connection | None:
        """Remove the connection to an origin; return it if `is_trusted`, otherwise close it."""
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
        """Keep a connection whose last response was read completely.

        Args:
            origin: the origin to which the connection leads.
            connection: the connection.
            now: when the last response ended.
            idle_seconds: how long the endpoint keeps the idle connection open; None if unknown.
        """
        self._kept[origin] = _Kept(connection, now, idle_seconds)
        if len(self._kept) > self._limit:
            oldest = self._kept.pop(next(iter(self._kept)))
            oldest.connection.channel.close()

    def close(self) -> None:
        """Close all connections."""
        while self._kept:
            self._kept.popitem()[1].connection.channel.close()

"""Warm connections: how long they may be reused, and what ends that."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from homing.http.channel import Channel
from homing.http.warm_connections import Connection, Moment, WarmConnections
from homing.targets.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Iterator

ORIGIN = parse_target("http://endpoint.example/hooks").origin
NOON = Moment(1_766_923_200, 77)


def after(seconds: float, *, frozen: float = 0) -> Moment:
    """Return the clocks this many seconds after noon, for some of which the machine was frozen."""
    return Moment(NOON.wall + seconds, NOON.running + seconds - frozen)


class Line:
    """A connection that was opened at noon, and its far end."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.connection = Connection(Channel(self.near), NOON)

    @property
    def is_closed(self) -> bool:
        return self.near.fileno() < 0

    def close(self) -> None:
        self.near.close()
        self.far.close()


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    made = [Line() for _ in range(4)]
    yield made
    for line in made:
        line.close()


@pytest.mark.parametrize(
    ("kept_at", "taken_at", "idle_seconds", "is_reused"),
    [
        (NOON, NOON, None, True),
        (NOON, after(30), None, True),
        (NOON, after(30.1), None, False),
        (after(29), after(30), None, True),
        (after(29), after(30.1), None, False),
        (after(5), after(4.9), None, False),
        (NOON, after(4), 5, True),
        (NOON, after(4.1), 5, False),
        (NOON, after(29), 100, True),
        (NOON, after(31), 100, False),
        (NOON, NOON, 0, False),
        (NOON, after(4, frozen=4), None, True),
        (NOON, after(4.1, frozen=4), None, False),
        (NOON, after(10, frozen=0.9), None, True),
        (NOON, after(10, frozen=10), 100, False),
        (NOON, after(3, frozen=3), 3, False),
    ],
    ids=[
        "at once",
        "old",
        "too old",
        "used just now",
        "too old though used just now",
        "clock set back",
        "idle as long as the endpoint allows, less a second",
        "idle for longer than that",
        "the endpoint allows more",
        "the endpoint allows more, too old",
        "the endpoint allows nothing",
        "frozen for a short time",
        "frozen for longer",
        "clocks that differ a little",
        "frozen, and the endpoint allows more",
        "frozen, and the endpoint allows less",
    ],
)
def test_a_warm_connection_is_trusted_for_a_while(
    lines: list[Line],
    kept_at: Moment,
    taken_at: Moment,
    idle_seconds: int | None,
    *,
    is_reused: bool,
) -> None:
    warm = WarmConnections()
    warm.keep(ORIGIN, lines[0].connection, kept_at, idle_seconds)
    assert warm.take(ORIGIN, taken_at) is (lines[0].connection if is_reused else None)
    assert lines[0].is_closed is not is_reused


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("farewell", [b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n"])
def test_a_warm_connection_on_which_something_has_happened_is_not_reused(
    lines: list[Line], farewell: bytes, *, ends: bool
) -> None:
    warm = WarmConnections()
    warm.keep(ORIGIN, lines[0].connection, NOON)
    lines[0].far.sendall(farewell)
    if ends:
        lines[0].far.shutdown(socket.SHUT_WR)
    is_silent = not farewell and not ends
    assert (warm.take(ORIGIN, NOON) is not None) is is_silent
    assert lines[0].is_closed is not is_silent


@pytest.mark.parametrize(
    "other", ["https://endpoint.example", "http://endpoint.example:81", "http://other.example"]
)
def test_a_warm_connection_serves_its_own_scheme_host_and_port_only(
    lines: list[Line], other: str
) -> None:
    warm = WarmConnections()
    warm.keep(ORIGIN, lines[0].connection, NOON)
    assert warm.take(parse_target(other).origin, NOON) is None


def test_a_warm_connection_is_used_by_one_attempt_at_a_time(lines: list[Line]) -> None:
    warm = WarmConnections()
    warm.keep(ORIGIN, lines[0].connection, NOON)
    assert warm.take(ORIGIN, NOON) is not None
    assert warm.take(ORIGIN, NOON) is None


def test_beyond_the_limit_the_least_recently_used_is_closed(lines: list[Line]) -> None:
    warm = WarmConnections(limit=2)
    origins = [("http", f"host-{number}", 80) for number in range(3)]
    warm.keep(origins[0], lines[0].connection, after(0))
    warm.keep(origins[1], lines[1].connection, after(1))
    warm.keep(origins[0], warm.take(origins[0], after(2)) or lines[3].connection, after(2))
    warm.keep(origins[2], lines[2].connection, after(3))
    assert [line.is_closed for line in lines[:3]] == [False, True, False]
    warm.close()
    assert all(line.is_closed for line in lines[:3])

"""Connections: the addresses of a name are tried one after the other, within the time limit."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from homing.http.attempt import Attempt, Stage
from homing.http.connection import Address, look_up, open_connection
from homing.http.tls import default_tls
from homing.retry.outcome import ErrorKind
from homing.targets.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TARGET = parse_target("http://endpoint.example/hooks")


@pytest.fixture
def open_port() -> Iterator[Address]:
    """A port that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Address(socket.AF_INET, server.getsockname())


@pytest.fixture
def closed_port() -> Address:
    """A port that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return Address(socket.AF_INET, server.getsockname())


@pytest.fixture
def black_hole() -> Iterator[Address]:
    """A port whose backlog is full: like a host that drops packets, it never answers."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003 - how the socket module spells it
            waiting.connect_ex(server.getsockname())
        yield Address(socket.AF_INET, server.getsockname())


def attempt_of(seconds: float) -> Attempt:
    return Attempt(seconds, time.monotonic)


def connect(addresses: Sequence[Address], attempt: Attempt) -> tuple[str, int]:
    """Connect to the first of these addresses that accepts, and return which it was."""
    with open_connection(TARGET, attempt, lambda _host, _port: addresses, default_tls) as sock:
        return sock.getpeername()


def test_the_connection_goes_to_the_very_address_that_the_resolver_gave(
    open_port: Address,
) -> None:
    asked = []

    def resolve(host: str, port: int) -> list[Address]:
        asked.append((host, port))
        return [open_port]

    with open_connection(TARGET, attempt_of(10), resolve, default_tls) as sock:
        assert sock.getpeername() == open_port.sockaddr
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert asked == [("endpoint.example", 80)]


def test_after_an_address_that_refuses_the_next_is_tried(
    closed_port: Address, open_port: Address
) -> None:
    assert connect([closed_port, closed_port, open_port], attempt_of(10)) == open_port.sockaddr


def test_an_address_that_swallows_packets_leaves_time_for_the_next(
    black_hole: Address, open_port: Address
) -> None:
    attempt = attempt_of(3)
    assert connect([black_hole, open_port], attempt) == open_port.sockaddr
    assert attempt.remaining() > 0.9


def test_where_all_addresses_fail_the_error_of_the_last_is_raised(
    black_hole: Address, closed_port: Address
) -> None:
    attempt = attempt_of(3)
    with pytest.raises(ConnectionRefusedError):
        connect([black_hole, closed_port], attempt)
    assert attempt.stage is Stage.CONNECT


# As unreachable as IPv6 addresses are for a function without IPv6: no packet leaves.
FOREIGN = {
    "no such family": (Address(9999, ("2001:db8::1", 80)), errno.EAFNOSUPPORT),
    "no route": (Address(socket.AF_INET, ("255.255.255.255", 80)), errno.ENETUNREACH),
}


@pytest.fixture(params=FOREIGN)
def foreign(request: pytest.FixtureRequest) -> Address:
    """An address to which this machine has no route."""
    return FOREIGN[request.param][0]


@pytest.mark.parametrize(
    ("other", "kind"),
    [("black_hole", ErrorKind.TIMEOUT), ("closed_port", ErrorKind.CONNECT)],
)
@pytest.mark.parametrize("foreign_first", [True, False])
def test_an_address_without_a_way_to_it_neither_takes_time_nor_has_the_last_word(
    request: pytest.FixtureRequest, foreign: Address, other: str, kind: str, *, foreign_first: bool
) -> None:
    answering: Address = request.getfixturevalue(other)
    attempt = attempt_of(0.3)
    addresses = [foreign, answering] if foreign_first else [answering, foreign]
    with pytest.raises((TimeoutError, ConnectionRefusedError)) as raised:
        connect(addresses, attempt)
    assert attempt.explain(raised.value).kind == kind
    assert (attempt.elapsed() >= 0.29) == (other == "black_hole")


def test_an_address_without_a_way_to_it_does_not_keep_from_the_one_that_has(
    foreign: Address, open_port: Address
) -> None:
    assert connect([open_port, foreign], attempt_of(10)) == open_port.sockaddr
    assert connect([foreign, open_port], attempt_of(10)) == open_port.sockaddr


@pytest.mark.parametrize(("address", "code"), FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("times", [1, 2])
def test_where_there_is_a_way_to_no_address_that_is_the_error(
    address: Address, code: int, times: int
) -> None:
    with pytest.raises(OSError, match=rf"\[Errno {code}\]"):
        connect([address] * times, attempt_of(10))


def test_a_lone_address_that_swallows_packets_takes_no_longer_than_the_attempt(
    black_hole: Address,
) -> None:
    attempt = attempt_of(0.2)
    with pytest.raises(TimeoutError):
        connect([black_hole], attempt)
    assert 0.19 <= attempt.elapsed() < 5
    assert attempt.stage is Stage.CONNECT


def test_a_hanging_name_look_up_takes_no_longer_than_the_attempt() -> None:
    stuck = threading.Event()
    attempt = attempt_of(0.1)

    def resolve(_host: str, _port: int) -> list[Address]:
        stuck.wait(60)
        return []

    with pytest.raises(TimeoutError):
        open_connection(TARGET, attempt, resolve, default_tls)
    stuck.set()
    assert attempt.elapsed() < 5
    assert attempt.stage is Stage.LOOK_UP


def test_a_failed_name_look_up_is_raised_in_the_caller() -> None:
    def resolve(_host: str, _port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(socket.gaierror, match="not known"):
        open_connection(TARGET, attempt_of(10), resolve, default_tls)


def test_a_name_without_addresses_is_a_failed_look_up() -> None:
    with pytest.raises(socket.gaierror, match="no address"):
        connect([], attempt_of(10))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", Address(socket.AF_INET, ("127.0.0.1", 8080))),
        ("::1", Address(socket.AF_INET6, ("::1", 8080, 0, 0))),
    ],
)
def test_a_literal_address_needs_no_name_look_up(host: str, expected: Address) -> None:
    assert look_up(host, 8080) == [expected]

"""The webhook client on real sockets: what it sends, and what outcomes endpoints cause."""

from __future__ import annotations

import gzip
import itertools
import socket
import struct
import time
import tracemalloc
from contextlib import ExitStack
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from wire_endpoint import (
    BIG,
    OK,
    REQUEST,
    TEXT,
    Behaviour,
    Client,
    Clock,
    Endpoint,
    answer_of,
    answers,
    never_reads,
    wait_for_more,
)

from homing.delivery import Reference, Request
from homing.http.connection import Address, Resolver
from homing.retry.outcome import AttemptError, ErrorKind, Outcome
from homing.sending.webhook_client import WebhookClient
from homing.targets.address_guard import AddressGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GUARD = AddressGuard(allow_http=True, allowed_networks=(ip_network("127.0.0.0/8"),))


def drips(clock: Clock, at_once: bytes, drops: list[bytes]) -> Behaviour:
    """Send a part of a response, then a byte each second by the clock, without end."""

    def behave(endpoint: Endpoint, sock: socket.socket) -> None:
        endpoint.read_request(sock)
        sock.sendall(at_once)
        for drop in itertools.cycle(drops):
            endpoint.sleep(0.02)
            clock.seconds += 1
            sock.sendall(drop)

    return behave


def closes_unread(_endpoint: Endpoint, sock: socket.socket) -> None:
    """Close without reading what has arrived, which resets the connection."""
    wait_for_more(sock)


def resets(endpoint: Endpoint, sock: socket.socket) -> None:
    endpoint.read_request(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture
def serve() -> Iterator[Callable[..., Endpoint]]:
    """Start an endpoint with the given behaviour."""
    with ExitStack() as stack:
        yield lambda *behaviours: stack.enter_context(Endpoint(list(behaviours)))


@pytest.fixture
def client_with() -> Iterator[Callable[..., Client]]:
    """Make a test client whose `WebhookClient` has these options."""
    with ExitStack() as stack:

        def make(*, seconds: float = 10, **options: Any) -> Client:
            sender = WebhookClient(attempt_timeout_seconds=seconds, **options)
            stack.callback(sender.close)
            return Client(sender)

        yield make


@pytest.fixture
def client(client_with: Callable[..., Client]) -> Client:
    return client_with()


def test_what_leaves_is_one_post_byte_for_byte(
    serve: Callable[..., Endpoint], client_with: Callable[..., Client]
) -> None:
    endpoint = serve(answers(OK))
    client = client_with(now=Clock().now, resolve=endpoint.resolve)
    client.send("http://user:secret@Example.com/caf%C3%A9?a=1&b=%20#part")
    head, _, body = endpoint.requests[0].partition(b"\r\n\r\n")
    assert head.decode().split("\r\n") == [
        "POST /caf%C3%A9?a=1&b=%20 HTTP/1.1",
        "Host: example.com",
        "Content-Type: application/json",
        "Content-Length: 43",
        "User-Agent: Homing/0.1.0",
        "Accept: */*",
        "Accept-Encoding: identity",
        "webhook-id: order-1841",
        "webhook-timestamp: 1766923200",
        "X-Correlation-ID: trace-7",
        "x-a: 1",
    ]
    assert body == TEXT.encode()


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://example.com/", ("example.com", 80)),
        ("http://example.com:8080/", ("example.com", 8080)),
        ("http://[2001:db8::1]/", ("2001:db8::1", 80)),
    ],
)
def test_the_name_without_its_brackets_and_the_port_are_looked_up(
    serve: Callable[..., Endpoint],
    client_with: Callable[..., Client],
    url: str,
    asked: tuple[str, int],
) -> None:
    endpoint = serve(answers(OK))
    seen = []

    def resolve(host: str, port: int) -> list[Address]:
        seen.append((host, port))
        return [endpoint.address]

    assert client_with(resolve=resolve).send(url).http_status == 200
    assert seen == [asked]


def test_an_outcome_tells_the_response_its_end_and_how_long_it_took(
    serve: Callable[..., Endpoint], client_with: Callable[..., Client]
) -> None:
    clock = Clock()

    def takes_its_time(endpoint: Endpoint, sock: socket.socket) -> None:
        endpoint.read_request(sock)
        clock.seconds += 1.2509
        body = b"caf\xc3\xa9 \xff"
        sock.sendall(b"HTTP/1.1 503 x\r\nRetry-After: 3\r\nContent-Length: 7\r\n\r\n" + body)

    endpoint = serve(takes_its_time)
    assert client_with(now=clock.now, clock=clock).send(endpoint.url) == Outcome(
        timestamp="2025-12-28T12:00:01.250Z",
        response_time=1250,
        http_status=503,
        retry_after="3",
        response_body="café \ufffd",
    )


@pytest.mark.parametrize("body", [b"\xef\xbf\xbe", b"\xef\xbf\xbf"])
def test_what_a_queue_does_not_take_is_quoted_by_no_dead_letter(
    serve: Callable[..., Endpoint], client: Client, body: bytes
) -> None:
    def answers(endpoint: Endpoint, sock: socket.socket) -> None:
        endpoint.read_request(sock)
        sock.sendall(b"HTTP/1.1 500 x\r\nContent-Length: 4\r\n\r\n!" + body)

    assert client.send(serve(answers).url).response_body == "!\ufffd"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_outcome_and_never_followed(
    serve: Callable[..., Endpoint], client: Client, status: int
) -> None:
    response = f"HTTP/1.1 {status} x\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    endpoint = serve(answers(response.encode()))
    assert client.send(endpoint.url).http_status == status
    assert len(endpoint.requests) == 1


def test_a_gzip_bomb_is_kept_as_it_came_and_in_part(
    serve: Callable[..., Endpoint], client: Client
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000000000\r\n\r\n"
    outcome = client.send(serve(answers(head + b"\x1f\x8b" + b"z" * 1_000_000)).url)
    assert outcome.http_status == 200
    assert outcome.response_body == "\x1f\ufffd" + "z" * 4094


def floods(at_once: bytes, piece: bytes) -> Behaviour:
    """Respond, then send the same piece of data as long as the connection is open."""

    def behave(endpoint: Endpoint, sock: socket.socket) -> None:
        endpoint.read_request(sock)
        sock.sendall(at_once)
        while not endpoint.over.is_set():
            sock.sendall(piece)

    return behave


GIGABYTE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
GZIPPED = GIGABYTE.replace(b"Content-Length", b"Content-Encoding: gzip\r\nContent-Length")


@pytest.mark.parametrize(
    ("at_once", "piece", "status"),
    [
        (GIGABYTE, b"x" * 50_000, 200),
        (GZIPPED, gzip.compress(bytes(50_000_000)), 200),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 50_000, 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 9000, 200),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 9000, None),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 50_000, None),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000, None),
        (b"", b"\x00\xff" * 25_000, None),
    ],
    ids=["1 GB", "gzip bomb", "no length", "chunks", "headers", "header", "1xx", "garbage"],
)
def test_an_endpoint_that_never_stops_fills_no_memory_and_is_cut_off(
    serve: Callable[..., Endpoint],
    client: Client,
    at_once: bytes,
    piece: bytes,
    status: int | None,
) -> None:
    endpoint = serve(floods(at_once, piece))
    tracemalloc.start()
    try:
        outcome = client.send(endpoint.url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome.http_status == status
    assert (outcome.error is None) == (status is not None)
    assert outcome.error is None or outcome.error.kind is ErrorKind.PROTOCOL
    assert len(outcome.response_body) <= 4096
    assert peak < 1_000_000
    assert endpoint.farewell.wait(10)


def fails_to_resolve(_host: str, _port: int) -> list[Address]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def resolves_to_a_closed_port(_host: str, _port: int) -> list[Address]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return [Address(socket.AF_INET, server.getsockname())]


@pytest.mark.parametrize(
    ("url", "resolve", "kind", "message"),
    [
        (
            "http://nowhere.example/",
            fails_to_resolve,
            ErrorKind.DNS,
            "name look-up: Name or service not known",
        ),
        (
            "https://example.com/",
            resolves_to_a_closed_port,
            ErrorKind.CONNECT,
            "connect: Connection refused",
        ),
        (
            "ftp://example.com/",
            fails_to_resolve,
            ErrorKind.INTERNAL,
            "preparing the request: the target URL is not an absolute http or https URL",
        ),
    ],
)
def test_an_attempt_without_a_connection_says_at_which_stage_it_failed(
    client_with: Callable[..., Client], url: str, resolve: Resolver, kind: ErrorKind, message: str
) -> None:
    client = client_with(now=Clock().now, clock=Clock(), resolve=resolve)
    error = AttemptError(kind, message)
    assert client.send(url) == Outcome("2025-12-28T12:00:00.000Z", 0, error=error)


def test_a_name_that_cannot_be_one_fails_at_the_look_up(client: Client) -> None:
    error = client.send("http://a..b/").error
    assert error
    assert error.kind is ErrorKind.DNS
    assert error.message.startswith("name look-up: ")


@pytest.mark.parametrize(
    ("behaviour", "kind", "what"),
    [
        (closes_unread, ErrorKind.RESET, "Connection reset by peer"),
        (resets, ErrorKind.RESET, "Connection reset by peer"),
        (answers(b""), ErrorKind.RESET, "connection closed by the endpoint"),
        (
            answers(b"HTTP/1.1 200 OK\r\nContent-Le"),
            ErrorKind.RESET,
            "connection closed by the endpoint",
        ),
        (
            answers(b"SSH-2.0-OpenSSH_9.6\r\n" + b"x" * 500),
            ErrorKind.PROTOCOL,
            "not an HTTP/1 response, but looks like SSH",
        ),
        (
            answers(b"HTTP/1.1 101 x\r\n\r\n"),
            ErrorKind.PROTOCOL,
            "101 Switching Protocols, which was not requested",
        ),
    ],
)
def test_an_endpoint_without_a_response_is_an_outcome_with_an_error(
    serve: Callable[..., Endpoint], client: Client, behaviour: Behaviour, kind: ErrorKind, what: str
) -> None:
    outcome = client.send(serve(behaviour).url)
    assert outcome.error
    assert outcome.error.kind is kind
    assert outcome.error.message.startswith(f"waiting for the response: {what}")
    assert len(outcome.error.message) <= 200
    assert (outcome.http_status, outcome.response_body) == (None, "")


HEAD = "waiting for the response"


@pytest.mark.parametrize(
    ("at_once", "drops"),
    [
        (b"", [b"H", b"T", b"T", b"P", b"/", b"1", b".", b"1", b" "]),
        (b"HTTP/1.1 200 ", [b"x"]),
        (b"HTTP/1.1 200 OK\r\nX: ", [b"x"]),
        (b"", [b"\r\n"]),
        (b"", [b"HTTP/1.1 102 Processing\r\n\r\n"]),
    ],
    ids=["status", "reason", "headers", "empty lines", "interim"],
)
def test_an_endpoint_that_drips_its_head_cannot_hold_an_attempt_beyond_its_deadline(
    serve: Callable[..., Endpoint],
    client_with: Callable[..., Client],
    at_once: bytes,
    drops: list[bytes],
) -> None:
    clock = Clock()
    endpoint = serve(drips(clock, at_once, drops))
    outcome = client_with(seconds=5, clock=clock).send(endpoint.url)
    assert outcome.error == AttemptError(ErrorKind.TIMEOUT, f"{HEAD}: timed out after 5 s in total")
    assert outcome.response_time >= 5000


@pytest.mark.parametrize(("seconds", "longest"), [(60, 4000), (1, 3000)])
@pytest.mark.parametrize("status", [200, 410, 503])
@pytest.mark.parametrize(
    ("head", "drops"),
    [
        (b"", [b"x"]),
        (b"Content-Length: 999\r\n", [b"x"]),
        (b"Transfer-Encoding: chunked\r\n", [b"1\r\n", b"x\r\n"]),
        (b"Transfer-Encoding: chunked\r\n", [b"0", b"\r\n", b"T: x\r\n"]),
    ],
    ids=["no length", "too great a length", "chunks", "trailers"],
)
def test_a_body_that_drips_is_waited_for_two_seconds_and_its_status_stands(
    serve: Callable[..., Endpoint],
    client_with: Callable[..., Client],
    status: int,
    head: bytes,
    drops: list[bytes],
    seconds: float,
    longest: int,
) -> None:
    clock = Clock()
    endpoint = serve(drips(clock, f"HTTP/1.1 {status} x\r\n".encode() + head + b"\r\n", drops))
    outcome = client_with(seconds=seconds, clock=clock).send(endpoint.url)
    assert (outcome.http_status, outcome.error) == (status, None)
    assert outcome.response_time <= longest


@pytest.mark.parametrize(
    ("request_", "stage"), [(REQUEST, HEAD), (BIG, "sending the request")], ids=["small", "big"]
)
def test_an_endpoint_that_is_silent_cannot_hold_an_attempt_beyond_its_deadline(
    serve: Callable[..., Endpoint],
    client_with: Callable[..., Client],
    request_: Request,
    stage: str,
) -> None:
    endpoint = serve(never_reads)
    started = time.monotonic()
    outcome = client_with(seconds=1).send(endpoint.url, request_)
    assert 0.9 <= time.monotonic() - started < 10
    assert outcome.error == AttemptError(
        ErrorKind.TIMEOUT, f"{stage}: timed out after 1 s in total"
    )


def test_a_connection_is_used_again_after_a_response_that_was_read_to_its_end(
    serve: Callable[..., Endpoint], client: Client
) -> None:
    endpoint = serve(answers(OK, OK, OK))
    assert [client.send(endpoint.url).http_status for _ in range(3)] == [200, 200, 200]
    assert (endpoint.connections, len(endpoint.requests)) == (1, 3)


@pytest.mark.parametrize(
    "first",
    [
        OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 408 Request Timeout\r\n",
        b"garbage",
    ],
    ids=["closed since", "to be closed", "long body", "no body", "no end of head", "garbage"],
)
def test_a_connection_that_may_not_be_sound_is_replaced_by_a_fresh_one(
    serve: Callable[..., Endpoint], client: Client, first: bytes
) -> None:
    endpoint = serve(answers(first), answers(OK))
    client.send(endpoint.url)
    assert endpoint.farewell.wait(5)
    assert client.send(endpoint.url).http_status == 200
    assert endpoint.connections == 2


def test_a_connection_is_used_for_thirty_seconds_at_most_then_the_name_is_looked_up_anew(
    serve: Callable[..., Endpoint], client_with: Callable[..., Client]
) -> None:
    """There is a message every five seconds, and meanwhile the name gets another address."""
    clock = Clock()
    previous, present = serve(answers(*[OK] * 20)), serve(answers(*[OK] * 20))
    addresses = [[previous.address], [present.address]]
    client = client_with(
        now=clock.now, clock=clock, resolve=lambda *_: addresses.pop(0), guard=GUARD
    )
    for _ in range(8):
        assert client.send("http://hooks.example/").http_status == 200
        clock.seconds += 5
    assert (len(previous.requests), len(present.requests)) == (7, 1)
    assert addresses == []


def test_a_connection_is_not_used_for_longer_than_the_endpoint_keeps_it(
    serve: Callable[..., Endpoint], client_with: Callable[..., Client]
) -> None:
    clock = Clock()
    endpoint = serve(answers(*[answer_of(200, "Keep-Alive: timeout=5")] * 2), answers(OK))
    client = client_with(now=clock.now, clock=clock)
    for pause in (4, 4.5, 0):
        assert client.send(endpoint.url).http_status == 200
        clock.seconds += pause
    assert endpoint.connections == 2


def test_a_connection_that_was_idle_in_a_frozen_container_is_soon_replaced_by_a_fresh_one(
    serve: Callable[..., Endpoint], client_with: Callable[..., Client]
) -> None:
    clock = Clock()
    endpoint = serve(answers(OK, OK), answers(OK))
    client = client_with(now=clock.now, clock=lambda: 0)
    for pause in (3, 5, 0):
        assert client.send(endpoint.url).http_status == 200
        clock.seconds += pause
    assert endpoint.connections == 2


def test_the_fresh_connection_is_guarded_as_any_other(
    serve: Callable[..., Endpoint], client_with: Callable[..., Client]
) -> None:
    endpoint = serve(answers(OK, b""), answers(OK))
    addresses = [[endpoint.address], [Address(socket.AF_INET, ("10.0.0.1", 80))]]
    client = client_with(resolve=lambda *_: addresses.pop(0), guard=GUARD)
    assert client.send("http://hooks.example/").http_status == 200
    error = client.send("http://hooks.example/").error
    assert error
    assert error.kind is ErrorKind.BLOCKED
    assert endpoint.connections == 1


def test_an_attempt_ends_earlier_where_there_is_less_time(
    client_with: Callable[..., Client],
) -> None:
    noon = "2025-12-28T12:00:00.000Z"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        reference = Reference("order-1841", "default", noon, url, "trace-7", noon)
        outcome = client_with(seconds=10).sender.send(reference, REQUEST, within=0.2)
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.message) == (
        ErrorKind.TIMEOUT,
        "waiting for the response: timed out after 0.2 s in total",
    )

"""One exchange, with and without TLS: early responses, and connections that the endpoint closes."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from authority import Authority
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
    answers_early,
    closes,
    closes_on_the_next,
    ends,
    never_reads,
    reads_the_rest,
    wait_for_more,
)

from homing.retry.outcome import ErrorKind
from homing.sending.webhook_client import WebhookClient

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from homing.delivery import Request


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(params=["http", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def serve(scheme: str, authority: Authority, tmp_path: Path) -> Iterator[Callable[..., Endpoint]]:
    """Start an endpoint with the given behaviour."""
    tls = authority.context_for("127.0.0.1", tmp_path) if scheme == "https" else None
    with ExitStack() as stack:
        yield lambda *behaviours: stack.enter_context(Endpoint(list(behaviours), tls))


@pytest.fixture
def client_with(authority: Authority) -> Iterator[Callable[..., Client]]:
    """Make a test client whose `WebhookClient` has these options."""
    with ExitStack() as stack:

        def make(*, seconds: float = 10, **options: Any) -> Client:
            sender = WebhookClient(
                attempt_timeout_seconds=seconds, tls=authority.trusted, **options
            )
            stack.callback(sender.close)
            return Client(sender)

        yield make


@pytest.fixture
def client(client_with: Callable[..., Client]) -> Client:
    return client_with()


@pytest.mark.parametrize("then", [never_reads, closes, ends, reads_the_rest])
@pytest.mark.parametrize("status", [200, 401, 413, 503])
@pytest.mark.parametrize(
    "interim", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["at once", "after an interim one"]
)
def test_an_answer_that_comes_before_the_request_was_read_is_taken_and_ends_the_sending(
    serve: Callable[..., Endpoint],
    client_with: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    then: Behaviour,
    status: int,
    interim: bytes,
) -> None:
    monkeypatch.setattr("homing.http.exchange.REST_SECONDS", 0.05)
    endpoint = serve(answers_early(interim, answer_of(status), then=then))
    assert client_with(seconds=20).send(endpoint.url, BIG).http_status == status
    assert endpoint.connections == 1


def test_the_rest_of_a_request_is_sent_to_an_endpoint_that_accepts_it_early_and_reads_on(
    serve: Callable[..., Endpoint], client: Client
) -> None:
    received = 0

    def reads_it_all(_endpoint: Endpoint, sock: socket.socket) -> None:
        nonlocal received
        while data := sock.recv(65_536):
            received += len(data)

    endpoint = serve(answers_early(answer_of(200), then=reads_it_all))
    assert client.send(endpoint.url, BIG).http_status == 200
    client.sender.close()
    assert endpoint.farewell.wait(5)
    assert received + len(endpoint.requests[0]) > len(BIG.payload)


def test_an_interim_response_does_not_end_the_sending(
    serve: Callable[..., Endpoint], client: Client
) -> None:
    def goes_on(endpoint: Endpoint, sock: socket.socket) -> None:
        wait_for_more(sock)
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 20")
        endpoint.read_request(sock)
        sock.sendall(b"0 OK\r\nContent-Length: 0\r\n\r\n")

    endpoint = serve(goes_on)
    assert client.send(endpoint.url, BIG).http_status == 200
    assert len(endpoint.requests[0]) > len(BIG.payload)


def test_what_comes_before_the_request_was_read_and_is_no_http_ends_the_sending(
    serve: Callable[..., Endpoint], client: Client
) -> None:
    error = client.send(serve(answers_early(b"SSH-2.0-x\r\n")).url, BIG).error
    assert error
    assert (error.kind, error.message) == (
        ErrorKind.PROTOCOL,
        "sending the request: not an HTTP/1 response, but looks like SSH",
    )


@pytest.mark.parametrize("request_", [REQUEST, BIG], ids=["small", "big"])
@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("resets", [True, False])
def test_a_request_on_a_warm_connection_that_is_closed_unanswered_is_sent_once_more_on_a_fresh_one(
    serve: Callable[..., Endpoint],
    client: Client,
    request_: Request,
    *,
    reads: bool,
    resets: bool,
) -> None:
    endpoint = serve(closes_on_the_next(reads=reads, resets=resets), answers(OK))
    assert client.send(endpoint.url).http_status == 200
    assert client.send(endpoint.url, request_).http_status == 200
    assert endpoint.connections == 2
    sent = [request.partition(b"\r\n\r\n")[2] for request in endpoint.requests]
    assert sent == [TEXT.encode(), *[request_.payload.encode()] * (1 + reads)]


def test_a_request_is_sent_no_more_than_once_on_a_fresh_connection(
    serve: Callable[..., Endpoint], client: Client
) -> None:
    endpoint = serve(answers(OK, b""), answers(b""), answers(OK))
    assert client.send(endpoint.url).http_status == 200
    error = client.send(endpoint.url).error
    assert error
    assert error.kind is ErrorKind.RESET
    assert (endpoint.connections, len(endpoint.requests)) == (2, 3)


def test_a_request_that_was_answered_in_part_is_not_sent_again(
    serve: Callable[..., Endpoint], client: Client
) -> None:
    endpoint = serve(closes_on_the_next(reads=True, resets=False, partly=b"H"), answers(OK))
    assert client.send(endpoint.url).http_status == 200
    error = client.send(endpoint.url).error
    assert error
    assert error.kind is ErrorKind.RESET
    assert (endpoint.connections, len(endpoint.requests)) == (1, 2)


def test_a_request_that_is_not_answered_in_time_is_not_sent_again(
    serve: Callable[..., Endpoint], client_with: Callable[..., Client]
) -> None:
    clock = Clock()

    def falls_silent(endpoint: Endpoint, sock: socket.socket) -> None:
        endpoint.read_request(sock)
        sock.sendall(OK)
        endpoint.read_request(sock)
        clock.seconds += 100
        endpoint.sleep(20)

    endpoint = serve(falls_silent, answers(OK))
    client = client_with(seconds=0.3, clock=clock)
    assert client.send(endpoint.url).http_status == 200
    error = client.send(endpoint.url).error
    assert error
    assert error.kind is ErrorKind.TIMEOUT
    assert endpoint.connections == 1


def padded(length: int) -> bytes:
    """Return a response of exactly this many bytes, with its whole body."""
    body = b"x" * 4000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\nX: %s\r\n\r\n"
    return head % (b"p" * (length - len(head) + len(b"%s") - len(body))) + body


def test_a_second_response_in_the_record_of_the_first_is_not_charged_to_the_next_message(
    serve: Callable[..., Endpoint], client: Client
) -> None:
    """After a read of 8 KiB the rest is buffered in TLS, where the socket does not show it."""
    first = padded(8192)
    assert len(first) == 8192
    endpoint = serve(answers(first + OK, OK), answers(answer_of(503)))
    assert [client.send(endpoint.url).http_status for _ in range(2)] == [200, 503]
    assert endpoint.connections == 2


def test_an_unrequested_response_does_not_count_for_the_next_message(
    serve: Callable[..., Endpoint], client: Client
) -> None:
    due, sent = Event(), Event()

    def answers_twice(endpoint: Endpoint, sock: socket.socket) -> None:
        endpoint.read_request(sock)
        sock.sendall(OK)
        due.wait(5)
        sock.sendall(OK)
        sent.set()
        endpoint.read_request(sock)

    endpoint = serve(answers_twice, answers(answer_of(503)))
    assert client.send(endpoint.url).http_status == 200
    due.set()
    assert sent.wait(5)
    assert client.send(endpoint.url).http_status == 503
    assert endpoint.connections == 2

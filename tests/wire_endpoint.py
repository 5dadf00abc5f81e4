"""An endpoint on a free port whose behaviour tests define for each connection, to the byte."""

from __future__ import annotations

import datetime as dt
import select
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from homing.delivery import Reference, Request
from homing.http.connection import Address

if TYPE_CHECKING:
    import ssl

    from homing.retry.outcome import Outcome
    from homing.sending.webhook_client import Sender

NOON = dt.datetime(2025, 12, 28, 12, tzinfo=dt.UTC)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
TEXT = '{"total": 1.10, "ü": 12345678901234567890}'
REQUEST = Request(TEXT, "application/json", {"x-a": "1"})
BIG = Request("x" * 8_000_000, "text/plain", {})  # more than fits into the buffers of both ends

Behaviour = "Callable[[Endpoint, socket.socket], None]"


@dataclass
class Endpoint:
    """A server on a free port. Each connection gets the next behaviour; the last one repeats."""

    behaviours: list[Behaviour]
    tls: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    farewell: threading.Event = field(default_factory=threading.Event)  # one was closed
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = Address(socket.AF_INET, self._server.getsockname())
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    @property
    def url(self) -> str:
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.address.sockaddr[1]}/hooks"

    def resolve(self, _host: str, _port: int) -> list[Address]:
        return [self.address]

    def _run(self) -> None:
        with suppress(OSError):
            while not self.over.is_set():
                sock, _ = self._server.accept()
                self._serve(sock)

    def _serve(self, sock: socket.socket) -> None:
        behave = self.behaviours[min(self.connections, len(self.behaviours) - 1)]
        self.connections += 1
        with suppress(OSError), self._secured(sock) as secured:
            behave(self, secured)
        self.farewell.set()

    def _secured(self, sock: socket.socket) -> socket.socket:
        sock.settimeout(20)
        # Otherwise a response may wait for an acknowledgement, and be lost if the connection is
        # reset.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls is None:
            return sock
        with sock:  # closes the socket if the handshake fails; otherwise it has been detached
            return self.tls.wrap_socket(sock, server_side=True)

    def read_request(self, sock: socket.socket) -> None:
        """Read one request and record it."""
        request = bytearray()
        while b"\r\n\r\n" not in request:
            request += receive(sock)
        head = request.partition(b"\r\n\r\n")[0].lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r")[0])
        end = request.index(b"\r\n\r\n") + 4 + length
        while len(request) < end:
            request += receive(sock)
        self.requests.append(bytes(request))

    def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until the end of the test."""
        if self.over.wait(seconds):
            raise TimeoutError


def wait_for_more(sock: socket.socket) -> None:
    """Wait until data has arrived, and leave it unread."""
    select.select([sock], [], [], 20)


def receive(sock: socket.socket) -> bytes:
    data = sock.recv(65_536)
    if not data:
        raise ConnectionResetError
    return data


def answers(*responses: bytes) -> Behaviour:
    """Respond to one request after the other on the same connection, then close it."""

    def behave(endpoint: Endpoint, sock: socket.socket) -> None:
        for response in responses:
            endpoint.read_request(sock)
            sock.sendall(response)

    return behave


def never_reads(endpoint: Endpoint, _sock: socket.socket) -> None:
    endpoint.sleep(20)


def answers_early(*answers: bytes, then: Behaviour = never_reads) -> Behaviour:
    """Respond as soon as the head of the request has arrived."""

    def behave(endpoint: Endpoint, sock: socket.socket) -> None:
        endpoint.requests.append(receive(sock))
        for answer in answers:
            sock.sendall(answer)
        then(endpoint, sock)

    return behave


def closes(_endpoint: Endpoint, _sock: socket.socket) -> None:
    """Close, which resets the connection if there is unread data."""


def ends(endpoint: Endpoint, sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_WR)
    endpoint.sleep(20)


def reads_the_rest(_endpoint: Endpoint, sock: socket.socket) -> None:
    """Read until the client sends no more."""
    while sock.recv(65_536):
        pass


def answer_of(status: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} x", "Content-Length: 0", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def closes_on_the_next(*, reads: bool, resets: bool, partly: bytes = b"") -> Behaviour:
    """Respond to one request, and close when the next one arrives."""

    def behave(endpoint: Endpoint, sock: socket.socket) -> None:
        endpoint.read_request(sock)
        sock.sendall(OK)
        if reads:
            endpoint.read_request(sock)
        else:
            wait_for_more(sock)
        sock.sendall(partly)
        if resets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    seconds: float = 0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> dt.datetime:
        return NOON + dt.timedelta(seconds=self.seconds)


class Client:
    """A webhook client, and the delivery of which it makes attempts."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender

    def send(self, url: str, request: Request = REQUEST) -> Outcome:
        noon = "2025-12-28T12:00:00.000Z"
        return self.sender.send(
            Reference("order-1841", "default", noon, url, "trace-7", noon), request
        )

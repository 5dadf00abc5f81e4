"""A webhook receiver that behaves as specified in the URL and records the requests.

    with Receiver() as receiver:
        ...send something to receiver.url + "/script/503,200"...
        receiver.arrivals

`homing_cli.receiver.script` describes the URLs.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from homing_cli.receiver.script import ScriptError, Step, parse_path, step_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT_PORT = 9000

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that reached the receiver.

    Args:
        received_at: the time at which the request's headers were complete.
        method: the HTTP method.
        path: the path and query as they were sent.
        headers: the headers by lower-case name.
        body: the bytes of the body.
        hit: the number of earlier requests with this path and `webhook-id`.
        step: the step of the script; None if the script is not valid.
        complaint: what is wrong with the script; empty if it is valid.
    """

    received_at: datetime
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    hit: int
    step: Step | None
    complaint: str = ""

    @property
    def message_id(self) -> str | None:
        """The request's `webhook-id`; None without one."""
        return self.headers.get("webhook-id")


class Receiver:
    """A receiver that listens within a `with` block. It serves hundreds of requests concurrently.

    Args:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        on_arrival: called with each request as soon as it is read, from the thread that serves it.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        on_arrival: Callable[[Arrival], None] | None = None,
    ) -> None:
        self._server = _Server((host, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._on_arrival = on_arrival
        self._lock = threading.Lock()
        self._arrivals: list[Arrival] = []
        self._hits: Counter[tuple[str, str | None]] = Counter()

    @property
    def url(self) -> str:
        """The receiver's URL without a path: `http://127.0.0.1:9000`."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        """The requests so far, oldest first."""
        with self._lock:
            return tuple(self._arrivals)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    def admit(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, at: datetime
    ) -> Arrival:
        """Record a request and the step of the script that answers it; return the record."""
        complaint = ""
        try:
            script = parse_path(path)
        except ScriptError as error:
            script, complaint = (), str(error)
        key = path, headers.get("webhook-id")
        with self._lock:
            hit = self._hits[key]
            self._hits[key] += 1
            step = step_for(script, hit) if script else None
            arrival = Arrival(at, method, path, headers, body, hit, step, complaint)
            self._arrivals.append(arrival)
        if self._on_arrival is not None:
            self._on_arrival(arrival)
        return arrival


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    on_ready: Callable[[str], None],
    on_arrival: Callable[[Arrival], None],
) -> None:
    """Run a receiver until it is interrupted (Ctrl-C).

    Args:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        on_ready: called once with the receiver's URL, when it accepts requests.
        on_arrival: called with each request, from the thread that serves it.

    Raises:
        OSError: when the port is taken.
    """
    with (
        suppress(KeyboardInterrupt),
        Receiver(host=host, port=port, on_arrival=on_arrival) as receiver,
    ):
        on_ready(receiver.url)
        threading.Event().wait()


class _Server(ThreadingHTTPServer):
    """The HTTP server of a receiver. When closed, it waits for its threads to end."""

    daemon_threads = False
    request_queue_size = 1024  # many clients may connect at once

    def __init__(self, address: tuple[str, int], receiver: Receiver) -> None:
        super().__init__(address, _Handler)
        self.receiver = receiver
        self.closing = threading.Event()
        self._open: set[Any] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        sock, address = super().get_request()
        self._open.add(sock)
        return sock, address

    def close_request(self, request: Any) -> None:
        self._open.discard(request)
        super().close_request(request)

    def hang_up(self) -> None:
        """Close all open connections, which also ends every wait on them."""
        self.closing.set()
        for sock in tuple(self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report an error, except a closed connection: clients close it if a response is slow."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Serves the requests of a connection in order, according to their scripts."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        received_at = datetime.now(UTC)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver = self.server.receiver
        arrival = receiver.admit(self.command, self.path, headers, body, received_at)
        if arrival.step is None:
            self.wfile.write(_answer(HTTPStatus.BAD_REQUEST, arrival.complaint))
        else:
            self._perform(arrival.step)

    do_GET = do_PUT = do_POST  # noqa: N815 - the names that http.server calls

    def _perform(self, step: Step) -> None:
        if self.server.closing.wait(step.delay_seconds) or step.drop:
            self.close_connection = True
            return
        answer = _answer(step.status, retry_after=step.retry_after)
        if step.drip_seconds is None:
            self.wfile.write(answer)
            return
        for byte in answer:
            self.wfile.write(bytes([byte]))
            if self.server.closing.wait(step.drip_seconds):
                return

    def log_message(self, *_: Any) -> None:
        """Log nothing; `on_arrival` reports requests."""


def _answer(status: int, text: str = "", *, retry_after: str | None = None) -> bytes:
    phrase = responses.get(status, "Unknown")
    body = b"" if status in _BODILESS else f"{text or phrase}\n".encode()
    head = [f"HTTP/1.1 {status} {phrase}"]
    if status not in _BODILESS:
        head += ["Content-Type: text/plain; charset=utf-8", f"Content-Length: {len(body)}"]
    if retry_after is not None:
        head.append(f"Retry-After: {retry_after}")
    return "\r\n".join([*head, "", ""]).encode() + body

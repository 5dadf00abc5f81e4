"""A server on 127.0.0.1 that responds by script, and a proxy that fails a share of requests."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Asked:
    """A request as the server received it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """The response to a request; a document that is bytes is sent as it is."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.document if isinstance(self.document, bytes) else self._text.encode()

    @property
    def _text(self) -> str:
        return "" if self.document is None else json.dumps(self.document)


class Silence(Enum):
    """What the server does instead of responding, once it has read the request."""

    BREAK = "the connection is closed"
    CUT = "the connection is closed in the middle of the answer"
    HANG = "nothing comes before the server ends"


@contextmanager
def serving(respond: Callable[[Asked], Answer | Silence]) -> Iterator[str]:
    """Serve requests by calling a function, until the context exits; yield the URL."""
    ended = Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = respond(Asked(self.command, self.path, dict(self.headers.items()), body))
            if isinstance(answer, Silence):
                self._keep(answer)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def _keep(self, silence: Silence) -> None:
            self.close_connection = True
            if silence is Silence.HANG:
                ended.wait()
            if silence is Silence.CUT:
                self.wfile.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 500\r\n\r\n{")

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 -- http.server's names

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Script:
    """Gives its responses one after the other; the last one repeats. It remembers the requests."""

    answers: list[Answer | Silence] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def __call__(self, asked: Asked) -> Answer | Silence:
        with self.lock:
            self.asked.append(asked)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Fault(Enum):
    """How a call through the proxy fails."""

    THROTTLED = "429 with Retry-After, and not passed on"
    UNAVAILABLE = "503, and not passed on"
    BROKEN_BEFORE = "the connection breaks, and it is not passed on"
    BROKEN_AFTER = "it is passed on, and the connection breaks"
    CUT_AFTER = "it is passed on, and the connection breaks in the middle of the answer"
    TIMED_OUT_AFTER = "it is passed on, and 504 is answered"


class FaultyProxy:
    """Forwards requests, and fails a third of them in every way there is.

    Args:
        pass_on: returns the response to a request.
        seed: the seed by which faults are drawn.
    """

    def __init__(self, pass_on: Callable[[Asked], Answer], seed: int) -> None:
        self._pass_on = pass_on
        self._chance = random.Random(seed)  # noqa: S311 -- which call fails is no secret
        self._lock = Lock()
        self.faults: Counter[Fault | None] = Counter()

    def __call__(self, asked: Asked) -> Answer | Silence:
        with self._lock:
            fails = self._chance.random() < 1 / 3
            fault = self._chance.choice(list(Fault)) if fails else None
            self.faults[fault] += 1
        match fault:
            case None:
                return self._pass_on(asked)
            case Fault.THROTTLED:
                return Answer(429, {"message": "Too Many Requests"}, {"Retry-After": "1"})
            case Fault.UNAVAILABLE:
                return Answer(503, {"message": "Service Unavailable"})
            case Fault.BROKEN_BEFORE:
                return Silence.BREAK
            case _:
                self._pass_on(asked)
        if fault is Fault.TIMED_OUT_AFTER:
            return Answer(504, {"message": "Endpoint request timed out"})
        return Silence.BREAK if fault is Fault.BROKEN_AFTER else Silence.CUT

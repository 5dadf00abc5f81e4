"""A proxy before the local cloud that refuses chosen calls, as AWS does on a bad day."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "host"})


class FaultyCloud(ThreadingHTTPServer):
    """Passes calls on, but for those it is told to refuse.

    Args:
        endpoint: the local cloud.
    """

    daemon_threads = True

    def __init__(self, endpoint: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = urlsplit(endpoint).netloc
        self.calls: Counter[str] = Counter()
        self._refusals: dict[str, tuple[int, str, int]] = {}

    @property
    def endpoint(self) -> str:
        """Its own URL."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def refuse(self, action: str, times: int, *, error: str, status: int = 400) -> None:
        """Refuse the next calls of an action, such as `GetItem`."""
        self._refusals[action] = (times, error, status)

    def answer(self, action: str) -> tuple[int, str] | None:
        """Give the refusal of a call, None where it is passed on."""
        self.calls[action] += 1
        times, error, status = self._refusals.get(action, (0, "", 0))
        if not times:
            return None
        self._refusals[action] = (times - 1, error, status)
        return status, error


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyCloud

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        refusal = self.server.answer(action)
        if refusal:
            status, error = refusal
            self._respond(status, {}, json.dumps({"__type": error, "message": error}).encode())
            return
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        connection = HTTPConnection(self.server.behind, timeout=60)
        try:
            connection.request("POST", self.path, body, headers)
            response = connection.getresponse()
            self._respond(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def _respond(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def faulty_cloud(endpoint: str) -> Iterator[FaultyCloud]:
    """Run the proxy for as long as the context lasts."""
    with FaultyCloud(endpoint) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

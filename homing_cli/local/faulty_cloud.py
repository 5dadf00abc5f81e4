"""A proxy of the local cloud that refuses chosen calls, like AWS when it fails."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.awsrequest import AWSRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homing_cli.local.local_key import LocalKey

_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "host"})


class FaultyCloud(ThreadingHTTPServer):
    """A proxy that forwards calls to the local cloud, except those that it has to refuse.

    Signatures cover the name of the host, so each forwarded call is signed again.

    Args:
        endpoint: the URL of the local cloud.
        key: the key of that cloud.
    """

    daemon_threads = True

    def __init__(self, endpoint: str, key: LocalKey) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = endpoint
        self.key = key
        self.calls: Counter[str] = Counter()
        self._refusals: dict[str, tuple[int, str, int]] = {}

    @property
    def endpoint(self) -> str:
        """The URL of the proxy."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def refuse(self, action: str, times: int, *, error: str, status: int = 400) -> None:
        """Refuse the next `times` calls of an action, such as `GetItem`."""
        self._refusals[action] = (times, error, status)

    def answer(self, action: str) -> tuple[int, str] | None:
        """Return the response that refuses a call of this action; None if it is forwarded."""
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
        headers = self._signed(body)
        connection = HTTPConnection(urlsplit(self.server.behind).netloc, timeout=60)
        try:
            connection.request("POST", self.path, body, headers)
            response = connection.getresponse()
            self._respond(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def _signed(self, body: bytes) -> dict[str, str]:
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        _, _, scope = headers["Authorization"].partition("Credential=")
        service = scope.split("/")[3]
        request = AWSRequest("POST", self.server.behind + self.path, headers, body)
        return self.server.key.sign(request, service)

    def _respond(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def faulty_cloud(endpoint: str, key: LocalKey) -> Iterator[FaultyCloud]:
    """Run the proxy until the context exits."""
    with FaultyCloud(endpoint, key) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

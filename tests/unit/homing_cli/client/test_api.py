"""The client of Homing's API, against a small server on 127.0.0.1."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from homing_cli.client.api import ApiClient
from homing_cli.client.target import Target
from homing_cli.errors import ApiError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator


class FakeServer(ThreadingHTTPServer):
    """Answers from a script of (status, document); the last answer repeats."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: list[tuple[int, Any]] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: FakeServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        script = self.server.script
        status, document = script.pop(0) if len(script) > 1 else script[0]
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = _answer  # noqa: N815 -- http.server's names

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        thread = threading.Thread(target=fake.serve_forever, args=(0.01,))
        thread.start()
        yield fake
        fake.shutdown()
        thread.join()


def client(
    port: int, slept: list[float] | None = None, messages_path: str | None = None
) -> ApiClient:
    endpoint = f"http://127.0.0.1:{port}"
    session = boto3.Session("test", "test", region_name="us-east-1")
    messages_url = None if messages_path is None else endpoint + messages_path
    api, senders = f"{endpoint}/api/$default", f"{endpoint}/senders"
    target = Target(session, api, senders, {}, endpoint, messages_url)
    return ApiClient(target, sleep=(slept if slept is not None else []).append)


@pytest.mark.parametrize(
    ("messages_path", "base", "service"),
    [("/url/abc", "/url/abc", "lambda"), (None, "/api/$default", "execute-api")],
)
def test_a_message_is_sent_byte_for_byte_and_signed_for_its_api(
    server: FakeServer, messages_path: str | None, base: str, service: str
) -> None:
    """The function URL, and the API of a stack that has none."""
    server.script = [(202, {"messageId": "m-1"})]
    body = b'{"payload":  12345678901234567890, "x": 1.10}'
    answer = client(server.server_port, messages_path=messages_path).submit(body, again=False)
    [(method, path, headers, sent)] = server.seen
    assert (answer.status, answer.document) == (202, {"messageId": "m-1"})
    assert (method, path, sent) == ("POST", f"{base}/v1/messages", body)
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=test/")
    assert f"/us-east-1/{service}/aws4_request" in headers["Authorization"]


def test_all_but_messages_goes_to_the_api(server: FakeServer) -> None:
    server.script = [(200, {"deliveries": []})]
    api = client(server.server_port, messages_path="/url/abc")
    api.message("m-1")
    api.redrive("m-1")
    api.endpoints("GET")
    api.endpoints("POST", "/a/test")
    assert [path for _, path, _, _ in server.seen] == [
        "/api/$default/v1/messages/m-1",
        "/api/$default/v1/messages/m-1/redrive",
        "/api/$default/v1/endpoints",
        "/api/$default/v1/endpoints/a/test",
    ]
    assert all("/execute-api/" in headers["Authorization"] for _, _, headers, _ in server.seen)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_api_is_asked_again_with_growing_pauses(server: FakeServer, status: int) -> None:
    server.script = [(status, {}), (status, {}), (202, {})]
    slept: list[float] = []
    assert client(server.server_port, slept).submit(b"{}", again=True).status == 202
    assert slept == [0.25, 0.5]


def test_a_message_without_an_id_is_never_sent_twice(server: FakeServer) -> None:
    server.script = [(503, {"title": "Service Unavailable", "detail": "nothing was promised"})]
    answer = client(server.server_port).submit(b"{}", again=False)
    assert answer.problems == ("HTTP 503 nothing was promised",)
    assert len(server.seen) == 1


def test_when_an_api_stays_busy_its_last_answer_is_returned(server: FakeServer) -> None:
    server.script = [(503, {"title": "Service Unavailable"})]
    answer = client(server.server_port).submit(b"{}", again=True)
    assert (answer.status, len(server.seen)) == (503, 4)


def test_a_refusal_lists_every_field(server: FakeServer) -> None:
    errors = [{"field": "payload", "message": "missing"}, {"field": "x", "message": "unknown"}]
    server.script = [(400, {"title": "Invalid message", "errors": errors})]
    answer = client(server.server_port).submit(b"{}", again=True)
    assert answer.problems == ("payload: missing", "x: unknown")


def test_an_answer_that_is_not_json_is_reported_with_its_status(server: FakeServer) -> None:
    server.script = [(403, b"<html>")]
    assert client(server.server_port).submit(b"{}", again=False).problems == ("HTTP 403",)


def test_a_message_is_asked_after_by_id_and_sender(server: FakeServer) -> None:
    server.script = [(200, {"deliveries": []})]
    assert client(server.server_port).message("a b/c", "s&t") == {"deliveries": []}
    assert server.seen[0][1] == "/api/$default/v1/messages/a%20b%2Fc?senderId=s%26t"


def test_an_unknown_message_is_not_found(server: FakeServer) -> None:
    server.script = [(404, {"title": "Not Found", "detail": "never heard of it"})]
    with pytest.raises(NotFoundError, match="no message m-1 of sender default is on record"):
        client(server.server_port).message("m-1")


@pytest.mark.parametrize("member", ["message", "Message"])
def test_a_refused_caller_sees_the_apis_own_message(server: FakeServer, member: str) -> None:
    """Of API Gateway and of Lambda."""
    server.script = [(403, {member: "Forbidden"})]
    answer = client(server.server_port, messages_path="/url/abc").submit(b"{}", again=False)
    assert answer.problems == ("HTTP 403 Forbidden",)


def test_a_refused_question_says_why(server: FakeServer) -> None:
    server.script = [(403, {"message": "Forbidden"})]
    with pytest.raises(ApiError, match="HTTP 403 Forbidden"):
        client(server.server_port).message("m-1")


def test_a_stopped_local_cloud_is_reported_with_what_to_do() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and nobody listens
        with pytest.raises(ApiError, match="does not answer: run `homing up`"):
            client(deaf.getsockname()[1]).message("m-1")

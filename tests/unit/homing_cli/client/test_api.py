"""The API as commands use it, against a small server on 127.0.0.1."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from faulty_server import Answer, Script, Silence, serving

from homing.client import ForbiddenError, Retrying
from homing_cli.client.api import ApiClient
from homing_cli.client.target import Target
from homing_cli.errors import ApiError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCEPTED = {
    "messageId": "m-1",
    "senderId": "default",
    "timestamp": "2025-12-28T12:00:00.000Z",
    "correlationId": "m-1",
    "deliveries": [],
}


class Played:
    """A scripted API, and a client of it."""

    def __init__(self, url: str, script: Script) -> None:
        self.url = url
        self.script = script

    def client(
        self, *, messages_path: str | None = "/_aws/lambda-url/b", patient: bool = False
    ) -> ApiClient:
        session = boto3.Session("test", "test", region_name="us-east-1")
        messages_url = None if messages_path is None else self.url + messages_path
        api = f"{self.url}/_aws/execute-api/a/$default"
        target = Target(session, api, f"{self.url}/senders", {}, self.url, messages_url)
        return ApiClient(target, Retrying(5, 1 if patient else 0, sleep=lambda _: None))


@pytest.fixture
def played() -> Iterator[Played]:
    script = Script()
    with serving(script) as url:
        yield Played(url, script)


@pytest.mark.parametrize(
    ("messages_path", "base", "service"),
    [
        ("/_aws/lambda-url/b", "/_aws/lambda-url/b", "lambda"),
        (None, "/_aws/execute-api/a/$default", "execute-api"),
    ],
)
def test_a_message_is_sent_byte_for_byte_and_signed_for_its_api(
    played: Played, messages_path: str | None, base: str, service: str
) -> None:
    """It is sent to the function URL or, in a stack without one, to the API."""
    played.script.answers = [Answer(202, ACCEPTED)]
    body = b'{"payload":  12345678901234567890, "x": 1.10, "messageId": "m-1"}'
    accepted = played.client(messages_path=messages_path).submit(body)
    [asked] = played.script.asked
    assert (accepted.message_id, accepted.duplicate) == ("m-1", False)
    assert (asked.method, asked.path, asked.body) == ("POST", f"{base}/v1/messages", body)
    assert asked.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=test/")
    assert f"/us-east-1/{service}/aws4_request" in asked.headers["Authorization"]


def test_all_but_messages_goes_to_the_api(played: Played) -> None:
    played.script.answers = [Answer(200, {"deliveries": []})]
    api = played.client()
    api.message("m-1")
    api.endpoints("GET")
    api.endpoints("POST", "/a/test")
    assert [asked.path for asked in played.script.asked] == [
        "/_aws/execute-api/a/$default/v1/messages/m-1",
        "/_aws/execute-api/a/$default/v1/endpoints",
        "/_aws/execute-api/a/$default/v1/endpoints/a/test",
    ]
    assert all("/execute-api/" in asked.headers["Authorization"] for asked in played.script.asked)


def test_what_creates_a_secret_is_never_repeated(played: Played) -> None:
    """Only the response to that request contains the secret. A second try would create another."""
    played.script.answers = [Silence.BREAK, Answer(200, {})]
    with pytest.raises(ApiError):
        played.client(patient=True).endpoints("POST", "/a/rotate-secret", {})
    assert len(played.script.asked) == 1


def test_a_read_is_repeated(played: Played) -> None:
    played.script.answers = [Silence.BREAK, Answer(503), Answer(200, {"endpoints": []})]
    assert played.client(patient=True).endpoints("GET") == {"endpoints": []}


def test_a_message_is_asked_after_by_id_and_sender(played: Played) -> None:
    played.script.answers = [Answer(200, {"deliveries": []})]
    assert played.client().message("a b/c", "s&t") == {"deliveries": []}
    assert played.script.asked[0].path.endswith("/v1/messages/a%20b%2Fc?senderId=s%26t")


def test_an_unknown_message_is_not_found(played: Played) -> None:
    played.script.answers = [Answer(404, {"title": "Not Found", "detail": "never heard of it"})]
    with pytest.raises(NotFoundError, match="no message m-1 of sender default is on record"):
        played.client().message("m-1")


def test_an_unknown_endpoint_is_not_found_in_the_words_of_the_api(played: Played) -> None:
    played.script.answers = [Answer(404, {"detail": "The sender has no endpoint a"})]
    with pytest.raises(NotFoundError, match="The sender has no endpoint a"):
        played.client().endpoints("GET", "/a")


@pytest.mark.parametrize("member", ["message", "Message"])
def test_a_refused_caller_sees_the_apis_own_message(played: Played, member: str) -> None:
    """The messages of API Gateway and of Lambda."""
    played.script.answers = [Answer(403, {member: "Forbidden"})]
    with pytest.raises(ForbiddenError, match="HTTP 403 Forbidden"):
        played.client().submit(b"{}")


def test_a_refused_question_says_why(played: Played) -> None:
    played.script.answers = [Answer(403, {"message": "Forbidden"})]
    with pytest.raises(ApiError, match="HTTP 403 Forbidden"):
        played.client().message("m-1")


@pytest.mark.parametrize("document", [b"<html>", [], None])
def test_an_answer_that_is_no_document_is_reported_with_its_status(
    played: Played, document: Any
) -> None:
    played.script.answers = [Answer(200, document)]
    with pytest.raises(ApiError, match="HTTP 200 without a JSON object"):
        played.client().message("m-1")


def test_a_stopped_local_cloud_is_reported_with_what_to_do() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and nobody listens
        played = Played(f"http://127.0.0.1:{deaf.getsockname()[1]}", Script())
        for call in (lambda api: api.message("m-1"), lambda api: api.submit(b"{}")):
            with pytest.raises(ApiError, match="does not answer: run `homing up`"):
                call(played.client())

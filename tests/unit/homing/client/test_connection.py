"""How the client authenticates: with a key, or with AWS credentials."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, CredentialRetrievalError
from faulty_server import Answer
from urllib3.util import connection

from homing.client import CredentialsError, Homing, NotFoundError, Retrying
from homing.client.connection import Signature

if TYPE_CHECKING:
    from conftest import Played

TARGET = "https://example.com/hooks"
ACCEPTED = {
    "messageId": "m-1",
    "senderId": "shop",
    "timestamp": "2025-12-28T12:00:00.000Z",
    "correlationId": "m-1",
    "deliveries": [{"deliveryId": "d-1", "targetUrl": TARGET, "endpointId": "orders"}],
    "links": {"self": "/v1/messages/m-1"},
}


class Credentials:
    """A stand-in for a boto3 session with AWS credentials, or without."""

    def __init__(self, found: Any = None) -> None:
        self.found = found

    def get_credentials(self) -> Any:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def own(session_token: str | None = None) -> Credentials:
    from botocore.credentials import Credentials as Found  # noqa: PLC0415 -- the name is taken

    return Credentials(Found("AKIA", "secret", session_token))


def signed_for(url: str, region: str | None = None) -> str:
    """Return the credential scope of a request to a URL."""
    request = AWSRequest("GET", url)
    Signature(url, own("token"), region)(request)
    assert request.headers["X-Amz-Security-Token"] == "token"
    return str(request.headers["Authorization"].split("Credential=AKIA/")[1].split(",")[0][9:])


@pytest.mark.parametrize(
    ("url", "region", "scope"),
    [
        ("https://a.lambda-url.eu-west-1.on.aws/", None, "eu-west-1/lambda"),
        ("https://a.lambda-url.eu-west-1.on.aws/", "us-east-1", "eu-west-1/lambda"),
        ("https://a.execute-api.cn-north-1.amazonaws.com.cn", None, "cn-north-1/execute-api"),
        ("https://hooks.example.com", "us-east-1", "us-east-1/execute-api"),
        ("http://127.0.0.1:4566/_aws/lambda-url/abc", "us-east-1", "us-east-1/lambda"),
        (
            "http://127.0.0.1:4566/_aws/execute-api/abc/$default",
            "us-east-1",
            "us-east-1/execute-api",
        ),
    ],
)
def test_a_request_is_signed_for_the_service_and_region_of_its_url(
    url: str, region: str | None, scope: str
) -> None:
    assert signed_for(url, region) == f"{scope}/aws4_request"


def test_a_body_does_not_wait_until_its_headers_are_acknowledged(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    undelayed: list[int] = []
    create = connection.create_connection

    def recorded(*args: Any, **options: Any) -> socket.socket:
        opened = create(*args, **options)
        undelayed.append(opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return opened

    monkeypatch.setattr(connection, "create_connection", recorded)
    played.script.answers = [Answer(202, ACCEPTED)]
    played.homing().send(target_url=TARGET, payload=1)
    assert undelayed == [1]


def test_messages_go_to_the_function_url_and_all_else_to_the_api(played: Played) -> None:
    played.script.answers = [Answer(202, ACCEPTED), Answer(404), Answer(404)]
    homing = Homing(
        f"{played.url}/_aws/execute-api/a/$default/",
        messages_url=f"{played.url}/_aws/lambda-url/b/",
        session=own(),
        region="us-east-1",
        retrying=played.time.retrying(),
    )
    homing.send(target_url=TARGET, payload=1)
    for call in (homing.message, homing.redrive):
        with pytest.raises(NotFoundError):
            call("m-1")
    sent, *others = played.script.asked
    assert sent.path == "/_aws/lambda-url/b/v1/messages"
    assert "/us-east-1/lambda/" in sent.headers["Authorization"]
    assert {asked.path.split("/v1/")[0] for asked in others} == {"/_aws/execute-api/a/$default"}
    assert all("/us-east-1/execute-api/" in asked.headers["Authorization"] for asked in others)


@pytest.mark.parametrize(
    ("session", "complaint"),
    [
        (Credentials(None), "no AWS credentials"),
        (Credentials(CredentialRetrievalError(provider="sso", error_msg="expired")), "expired"),
        (
            Credentials(ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole")),
            "AccessDenied",
        ),
    ],
)
def test_without_credentials_it_says_so_and_sends_nothing(
    played: Played, session: Credentials, complaint: str
) -> None:
    homing = Homing(played.url, session=session, region="us-east-1")
    with pytest.raises(CredentialsError, match=complaint):
        homing.send(target_url=TARGET, payload=1)
    assert played.script.asked == []


def test_without_a_region_it_says_so() -> None:
    with pytest.raises(CredentialsError, match="AWS_REGION"):
        Homing("https://hooks.example.com", session=own())


@pytest.mark.parametrize(
    "url", ["http://example.com", "example.com", "", "ftp://127.0.0.1", "https://"]
)
def test_a_url_that_could_show_the_key_to_others_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must begin with https://"):
        Homing(url, api_key="hmg_x")


@pytest.mark.parametrize("key", ["", "x", "hmg_", "hmg_a\r\nX-Evil: 1", "Bearer hmg_x"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="homing senders add"):
        Homing("https://example.com", api_key=key)


@pytest.mark.parametrize(
    ("limits", "complaint"), [({"timeout": 0}, "timeout"), ({"give_up_after": -1}, "give_up_after")]
)
def test_limits_that_allow_no_call_are_refused(limits: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Retrying(**limits)  # type: ignore[arg-type]

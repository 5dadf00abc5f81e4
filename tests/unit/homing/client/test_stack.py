"""Finding a deployed stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.httpsession import URLLib3Session

from homing.client import Homing, StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TARGET = "https://example.com/hooks"
ACCEPTED = {
    "messageId": "m-1",
    "senderId": "shop",
    "timestamp": "2025-12-28T12:00:00.000Z",
    "correlationId": "m-1",
    "deliveries": [{"deliveryId": "d-1", "targetUrl": TARGET, "endpointId": "orders"}],
    "links": {"self": "/v1/messages/m-1"},
}


class Body:
    """The body of a response."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


OUTPUTS = {
    "ApiUrl": "https://a.execute-api.eu-west-1.amazonaws.com",
    "SenderApiUrl": "https://c.execute-api.eu-west-1.amazonaws.com",
    "MessagesUrl": "https://b.lambda-url.eu-west-1.on.aws/",
}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make CloudFormation return a stack with these outputs, or fail."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    def answer(outputs: Mapping[str, str] | Exception) -> None:
        def call(_: Any, operation: str, arguments: dict[str, Any]) -> Any:
            assert (operation, arguments) == ("DescribeStacks", {"StackName": "Homing"})
            if isinstance(outputs, Exception):
                raise outputs
            found = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
            return {"Stacks": [{"Outputs": found}]}

        monkeypatch.setattr("botocore.client.BaseClient._make_api_call", call)

    return answer


@pytest.mark.parametrize("messages", [True, False])
def test_from_a_stack_messages_go_to_its_function_url_if_it_has_one(
    stack: Callable[..., None], monkeypatch: pytest.MonkeyPatch, *, messages: bool
) -> None:
    stack({k: v for k, v in OUTPUTS.items() if messages or k != "MessagesUrl"})
    sent = []

    def send(_: URLLib3Session, request: Any) -> Any:
        sent.append(request)
        return AWSResponse(request.url, 202, {}, Body(json.dumps(ACCEPTED).encode()))

    monkeypatch.setattr(URLLib3Session, "send", send)
    Homing.from_stack("Homing").send(target_url=TARGET, payload=1)
    [request] = sent
    base = OUTPUTS["MessagesUrl" if messages else "ApiUrl"].rstrip("/")
    assert request.url == f"{base}/v1/messages"
    service = "lambda" if messages else "execute-api"
    assert f"/eu-west-1/{service}/aws4_request" in request.headers["Authorization"]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ({}, "has no Homing"),
        (
            ClientError(
                {"Error": {"Code": "ValidationError", "Message": "gone"}}, "DescribeStacks"
            ),
            "cannot be read: .*gone",
        ),
        (NoCredentialsError(), "cannot be read"),
    ],
)
def test_a_stack_that_is_none_of_homing_or_cannot_be_read_is_named(
    stack: Callable[..., None], answer: Any, complaint: str
) -> None:
    stack(answer)
    with pytest.raises(StackError, match=f"the stack Homing .*{complaint}"):
        Homing.from_stack("Homing")

"""The function URL for messages: who may use it, and what it responds."""

from __future__ import annotations

import json
from dataclasses import replace
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from homing.client import Accepted, RejectedError
from homing_cli.client.api import ApiClient
from homing_cli.openapi.models import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Homing, KeyApi, Traces

    from homing_cli.client.target import Target
    from homing_cli.receiver.server import Receiver


@pytest.fixture
def url(cloud: Target) -> str:
    assert cloud.messages_url is not None
    return cloud.messages_url


@pytest.fixture
def message(receiver: Receiver, run_id: str) -> dict[str, Any]:
    return {"messageId": f"u-{run_id}", "targetUrl": f"{receiver.url}/{run_id}", "payload": 1}


def signed(cloud: Target, url: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Make a request, signed for Lambda; return the status and the document of the response."""
    text = b"" if body is None else json.dumps(body).encode()
    request = AWSRequest(method, url + path, {"Content-Type": "application/json"}, text)
    credentials = cloud.session.get_credentials().get_frozen_credentials()
    SigV4Auth(credentials, "lambda", cloud.session.region_name).add_auth(request)
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(method, parts.path + path, text, dict(request.headers.items()))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def at_the_api(cloud: Target) -> ApiClient:
    return ApiClient(replace(cloud, messages_url=None))


def test_a_message_posted_at_the_function_url_arrives(
    cloud: Target,
    url: str,
    homing: Homing,
    receiver: Receiver,
    message: dict[str, Any],
    run_id: str,
) -> None:
    status, accepted = signed(cloud, url, "POST", "/v1/messages", message)
    assert (status, accepted["senderId"]) == (202, "default")
    body = json.dumps(message).encode()
    # Once the message has arrived.
    assert homing("send", "--file", "-", "--wait", stdin=body).exit_code == 0
    (arrival,) = receiver.arrivals
    assert (arrival.message_id, arrival.body) == (f"u-{run_id}", b"1")


def test_a_message_accepted_at_one_api_is_a_duplicate_at_the_other(
    cloud: Target, url: str, message: dict[str, Any]
) -> None:
    first = signed(cloud, url, "POST", "/v1/messages", message)
    second = at_the_api(cloud).submit(json.dumps(message).encode())
    assert first[0] == 202
    assert Accepted.from_document(first[1], duplicate=True) == second


def test_without_a_signature_or_with_an_api_key_403_and_nothing_is_detached(
    url: str,
    key_api: KeyApi,
    enter: Callable[[str], KeyApi],
    message: dict[str, Any],
    traces: Traces,
) -> None:
    good = enter("shop")
    for key in (None, good.key, "hmg_x"):
        stranger = replace(key_api, url=url, key=key)
        assert stranger("POST", "/v1/messages", message)[0] == 403
    assert not any(traces().values())
    assert good("POST", "/v1/messages", message)[0] == 202  # at the API for keys of senders


def test_bad_input_gets_the_same_document_as_at_the_api(cloud: Target, url: str) -> None:
    bad = {"targetUrl": "nowhere", "payload": 1, "policy": {"maxAttempts": 21}}
    status, document = signed(cloud, url, "POST", "/v1/messages", bad)
    with pytest.raises(RejectedError) as caught:
        at_the_api(cloud).submit(json.dumps(bad).encode())
    assert (status, document) == (400, caught.value.problem.document)
    assert [each["field"] for each in document["errors"]] == ["targetUrl", "policy.maxAttempts"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/messages/any"), ("GET", "/v1/health"), ("PUT", "/v1/messages"), ("GET", "/")],
)
def test_all_but_messages_is_404_there(cloud: Target, url: str, method: str, path: str) -> None:
    status, document = signed(cloud, url, method, path)
    assert status == 404
    assert Problem.model_validate(document, extra="forbid").type == "urn:homing:problem:not-here"

"""The responses of POST /v1/messages/{id}/redrive; test_interventions.py tests its effects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from homing.errors import DependencyError
from homing.recovery.interventions import Result
from homing_cli.openapi.models import Problem, RedrivenMessage
from lambdas import redrive

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.delivery import Reference


class Found:
    """A message query that finds one delivery, none, or fails; interventions with one result."""

    def __init__(self, document: Any, result: Result | Exception = Result.REDRIVEN) -> None:
        self.document = document
        self.result = result
        self.asked: list[tuple[str, str]] = []

    def find(self, message_id: str, sender_id: str, **_: Any) -> Any:
        self.asked.append((message_id, sender_id))
        if isinstance(self.document, Exception):
            raise self.document
        return self.document

    def redrive(self, reference: Reference, **_: Any) -> Result:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def event(query: dict[str, str] | None = None) -> dict[str, Any]:
    path = "/v1/messages/order-1841/redrive"
    return {
        "version": "2.0",
        "routeKey": "POST /v1/messages/{messageId}/redrive",
        "rawPath": path,
        "queryStringParameters": query,
        "headers": {},
        "requestContext": {"http": {"method": "POST", "path": path}, "stage": "$default"},
        "isBase64Encoded": False,
    }


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Any]]:
    def ask(found: Found, query: dict[str, str] | None = None) -> tuple[int, Any]:
        monkeypatch.setattr(redrive, "_query", lambda: found)
        monkeypatch.setattr(redrive, "_interventions", lambda: found)
        answer = redrive.handler(event(query), None)
        return answer["statusCode"], json.loads(answer["body"])

    return ask


@pytest.fixture
def document(reference: Reference) -> dict[str, Any]:
    return {"deliveries": [reference.to_document()]}


@pytest.mark.parametrize("result", Result)
def test_202_if_a_delivery_starts_anew_and_200_if_none_does(
    ask: Callable[..., Any], document: dict[str, Any], reference: Reference, result: Result
) -> None:
    status, body = ask(Found(document, result))
    assert status == (202 if result is Result.REDRIVEN else 200)
    RedrivenMessage.model_validate(body)
    assert body["deliveries"] == [
        {
            "deliveryId": reference.delivery_id,
            "targetUrl": reference.target_url,
            "result": result.value,
        }
    ]


@pytest.mark.parametrize(
    ("query", "sender_id"), [(None, "default"), ({"senderId": "shop@a.b"}, "shop@a.b")]
)
def test_the_message_is_found_by_its_sender(
    ask: Callable[..., Any], document: Any, query: Any, sender_id: str
) -> None:
    found = Found(document)
    ask(found, query)
    assert found.asked == [("order-1841", sender_id)]


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (Found(None), 404),
        (Found(DependencyError("down")), 503),
        (Found(..., ClientError({"Error": {"Code": "Throttled"}}, "UpdateItem")), 503),
    ],
)
def test_what_cannot_be_done_is_a_problem(
    ask: Callable[..., Any], document: Any, found: Found, status: int
) -> None:
    found.document = document if found.document is ... else found.document
    given, body = ask(found)
    assert (given, body["status"]) == (status, status)
    Problem.model_validate(body)

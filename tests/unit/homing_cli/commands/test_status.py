"""`homing status` shows runs separately, the endpoint, the responses and the sender."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from homing.client.connection import Connection
from homing.client.errors import response_error
from homing.items import to_dynamodb
from homing_cli import app
from homing_cli.client.api import ApiClient
from homing_cli.traces.executions import Executions

if TYPE_CHECKING:
    from typer.testing import Result

    from homing.delivery import Reference


def entry(number: int, second: int, category: str, message: str, status: int) -> dict[str, Any]:
    return {
        "attemptNumber": number,
        "timestamp": f"2025-12-28T12:00:{second:02}.000Z",
        "errorCategory": category,
        "errorDetails": {"message": message},
        "responseTime": 12,
        "httpStatus": status,
    }


class Deployed:
    """A target whose ledger keeps the dead letter of a failed first attempt."""

    outputs = {"LedgerTable": "ledger", "StateMachineArn": "arn:aws:states:r:1:stateMachine:m"}  # noqa: RUF012
    endpoint = "http://127.0.0.1:1"

    def __init__(self, item: dict[str, Any], *, forbidden: bool = False) -> None:
        self._item = item
        self._forbidden = forbidden

    def client(self, _service: str) -> Deployed:
        return self

    def get_item(self, **_: Any) -> dict[str, Any]:
        if self._forbidden:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetItem")
        return {"Item": self._item}


@pytest.fixture
def delivered(reference: Reference) -> dict[str, Any]:
    """A delivery to an endpoint; it failed after two attempts, and after a redrive at once."""
    return {
        **reference.to_document(),
        "endpointId": "orders",
        "status": "FAILED",
        "attempts": 1,
        "retryHistory": [
            entry(0, 0, "SERVER_ERROR", "HTTP 500", 500),
            entry(1, 2, "GONE", "HTTP 410", 410),
            entry(0, 50, "GONE", "HTTP 410", 410),
        ],
        "redriveHistory": [
            {
                "timestamp": "2025-12-28T12:00:40.000Z",
                "status": "FAILED",
                "attempts": 2,
                "attemptsOnRecord": 2,
            }
        ],
    }


def status(
    monkeypatch: pytest.MonkeyPatch, delivery: dict[str, Any], *, forbidden: bool = False
) -> Result:
    dead_letter = {
        "outcome": {"timestamp": "2025-12-28T12:00:50.000Z", "responseBody": "moved away"}
    }
    item = to_dynamodb(
        {
            **{name: delivery[name] for name in ("createdAt", "status", "attempts")},
            "lastUpdatedAt": "2025-12-28T12:00:50.000Z",
            "ttl": 1_800_000_000,
            "retryHistory": delivery["retryHistory"],
            "deadLetter": json.dumps(dead_letter),
        }
    )["M"]
    document = {"messageId": "order-1841", "senderId": "default", "deliveries": [delivery]}
    deployed = Deployed(item, forbidden=forbidden)
    monkeypatch.setattr("homing_cli.commands.options.find_target", lambda *_: deployed)
    monkeypatch.setattr(Executions, "of_delivery", lambda *_: [])
    monkeypatch.setattr(ApiClient, "__init__", lambda *_: None)
    monkeypatch.setattr(ApiClient, "message", lambda *_: document)
    return CliRunner().invoke(app.app, ["status", "order-1841"])


def test_runs_are_separated_by_the_redrive_between_them(
    monkeypatch: pytest.MonkeyPatch, delivered: dict[str, Any]
) -> None:
    done = status(monkeypatch, delivered)
    lines = [line.split() for line in done.stdout.splitlines() if "2025-12-28T12:00" in line]
    told = [line[0] if line[0].isdigit() else line[1] for line in lines[:4]]
    assert told == ["1", "2", "redriven;", "1"]
    assert done.exit_code == 0


def test_the_endpoint_and_what_was_answered_are_shown(
    monkeypatch: pytest.MonkeyPatch, delivered: dict[str, Any]
) -> None:
    done = status(monkeypatch, delivered)
    assert "(endpoint orders)" in done.stdout
    assert done.stdout.splitlines()[-1] == (
        "response body of attempt 1 at 2025-12-28T12:00:50.000Z: moved away"
    )


def test_a_caller_with_access_to_the_api_alone_sees_the_attempts_and_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, delivered: dict[str, Any]
) -> None:
    done = status(monkeypatch, delivered, forbidden=True)
    assert done.exit_code == 0
    assert "SERVER_ERROR: HTTP 500" in done.stdout
    assert "moved away" not in done.stdout
    assert "AccessDenied" in done.stderr


@pytest.mark.parametrize("command", ["status", "trace", "retry-now", "cancel"])
@pytest.mark.parametrize(
    ("options", "sender", "hint"),
    [((), "default", "give --sender NAME"), (("--sender", "shop"), "shop", "")],
)
def test_a_message_that_is_not_found_is_reported_with_where_it_was_searched(
    monkeypatch: pytest.MonkeyPatch, command: str, options: tuple[str, ...], sender: str, hint: str
) -> None:
    class Silent:
        outputs = {"StateMachineArn": "arn:aws:states:r:1:stateMachine:m"}  # noqa: RUF012 -- a fake
        api_url = messages_url = endpoint = "http://127.0.0.1:1"
        session = boto3.Session(region_name="us-east-1")

        def client(self, _service: str) -> None:
            return None

    monkeypatch.setattr("homing_cli.commands.options.find_target", lambda *_: Silent())
    monkeypatch.setattr("homing_cli.commands.recovery.Actions.__init__", lambda *_: None)
    monkeypatch.setattr(Connection, "_once", lambda *_: response_error(404, None))
    done = CliRunner().invoke(app.app, [command, "order-1841", *options])
    assert done.exit_code == 1
    assert f"no message order-1841 of sender {sender} is on record" in done.stderr
    assert hint in done.stderr

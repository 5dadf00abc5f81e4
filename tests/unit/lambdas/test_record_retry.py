"""State `RecordRetry`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from homing.items import from_dynamodb
from homing.ledger.record import EXPRESS_PATH
from lambdas import record_retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing.delivery import Delivery

    Logged = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LEDGER_TABLE", "ledger")
    record_retry._ledger.cache_clear()  # the test starts with a new container
    yield
    record_retry._ledger.cache_clear()


@pytest.fixture
def event(delivery: Delivery) -> dict[str, Any]:
    document = delivery.to_document()
    return {
        **{
            name: document[name]
            for name in ("reference", "generation", "attemptNumber", "attempts")
        },
        "executionName": "e-1",
        "outcome": {
            "timestamp": "2025-12-28T12:00:00.000Z",
            "responseTime": 12,
            "httpStatus": None,
            "retryAfter": None,
            "responseBody": "",
            "error": {"kind": "CONNECT", "message": "connection refused"},
        },
        "verdict": {
            "decision": "RETRY",
            "category": "NETWORK_ERROR",
            "reason": "connection refused",
            "status": "RETRY_SCHEDULED",
        },
        "backoff": {
            "exponentialDelay": 1,
            "jitterApplied": 0.25,
            "retryAfterSeconds": None,
            "retryDelaySeconds": 1,
            "nextRetryAt": "2025-12-28T12:00:01.250Z",
            "next": {"expiresAt": 1_769_515_201},
        },
    }


def test_the_attempt_and_its_retry_are_recorded(event: dict[str, Any], ledger_table: Any) -> None:
    assert record_retry.handler(event, None)["result"] == "RECORDED"
    (item,) = map(from_dynamodb, ledger_table.items())
    assert (item["status"], item["attempts"]) == ("RETRY_SCHEDULED", 1)
    assert item["ttl"] == 1_769_515_201
    (entry,) = item["retryHistory"]
    assert entry["errorDetails"] == {"message": "connection refused"}
    assert entry["httpStatus"] is None


def test_a_second_equal_call_is_a_replay(event: dict[str, Any], ledger_table: Any) -> None:
    record_retry.handler(event, None)
    assert record_retry.handler(event, None)["result"] == "REPLAYED"


def test_another_workers_record_of_the_attempt_supersedes_ours(
    event: dict[str, Any], ledger_table: Any
) -> None:
    event["executionName"] = EXPRESS_PATH
    record_retry.handler(event, None)
    event["outcome"]["timestamp"] = "2025-12-28T12:00:00.007Z"
    record = record_retry.handler(event, None)
    assert record["result"] == "SUPERSEDED"


def test_a_ledger_that_cannot_be_written_is_logged_and_counted_and_no_error(
    event: dict[str, Any], aws: None, logged: Logged
) -> None:
    assert record_retry.handler(event, None)["result"] == "UNRECORDED"
    (line,) = logged()
    assert line["message"] == "ledger.unrecorded"
    assert line["deliveryId"] == event["reference"]["deliveryId"]
    assert "ResourceNotFoundException" in line["reason"]
    assert line["LedgerWriteFailed"] == [1.0]

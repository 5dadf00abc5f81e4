"""State `Classify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from homing.retry.not_attempted import Postponed
from lambdas import classify

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.delivery import Delivery

    Logged = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def event(delivery: Delivery) -> dict[str, Any]:
    document = delivery.to_document()
    return {
        **{name: document[name] for name in ("reference", "policy", "attemptNumber", "attempts")},
        "outcome": {
            "kind": "ATTEMPTED",
            "timestamp": "2025-12-28T12:00:00.000Z",
            "responseTime": 12,
            "httpStatus": 500,
            "retryAfter": None,
            "responseBody": "boom",
            "error": None,
        },
    }


def test_a_failure_with_attempts_left_is_a_scheduled_retry(event: dict[str, Any]) -> None:
    assert classify.handler(event, None) == {
        "decision": "RETRY",
        "category": "SERVER_ERROR",
        "reason": "HTTP 500",
        "status": "RETRY_SCHEDULED",
    }


def test_the_policy_that_travels_with_the_delivery_sets_the_limit(event: dict[str, Any]) -> None:
    event["policy"]["maxAttempts"] = 1
    assert classify.handler(event, None)["status"] == "MAX_RETRIES_EXCEEDED"


def test_the_statuses_of_the_policy_override_the_table(event: dict[str, Any]) -> None:
    event["policy"] |= {"retryOn": ["404"], "giveUpOn": ["5xx"]}
    assert classify.handler(event, None)["status"] == "FAILED"
    event["outcome"]["httpStatus"] = 404
    assert classify.handler(event, None)["status"] == "RETRY_SCHEDULED"


def test_a_policy_of_before_there_were_lists_of_statuses_is_followed(event: dict[str, Any]) -> None:
    del event["policy"]["retryOn"], event["policy"]["giveUpOn"]
    assert classify.handler(event, None)["status"] == "RETRY_SCHEDULED"


def test_the_log_names_the_url_that_the_attempt_went_to(
    event: dict[str, Any], logged: Logged
) -> None:
    event["outcome"] |= {"httpStatus": 200, "targetUrl": "https://new.example/hooks"}
    classify.handler(event, None)
    (line,) = logged()
    assert line["targetUrl"] == "https://new.example/hooks"


def test_a_last_attempt_is_logged_once_with_all_there_is_to_say_and_its_metrics(
    event: dict[str, Any], logged: Logged
) -> None:
    event["outcome"]["httpStatus"] = 200
    classify.handler(event, None)
    (line,) = logged()
    expected = {
        "message": "delivery.attempted",
        "deliveryId": "9ad96bf134b647a8947fe9f652f412b1",
        "messageId": "order-1841",
        "senderId": "default",
        "correlationId": "trace-7",
        "targetUrl": "https://example.com/hooks",
        "attempt": 1,
        "maxAttempts": 3,
        "httpStatus": 200,
        "durationMs": 12,
        "decision": "DELIVERED",
        "category": "SUCCESS",
        "status": "DELIVERED",
        "reason": "HTTP 200",
        "nextDelaySeconds": None,
        "AttemptMade": [1.0],
        "AttemptLatency": [12.0],
        "Delivered": [1.0],
    }
    assert {name: line.get(name) for name in expected} == expected
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Homing"
    assert directive["Dimensions"] == [["service"]]


def test_an_attempt_with_a_retry_is_logged_by_compute_backoff(
    event: dict[str, Any], logged: Logged
) -> None:
    classify.handler(event, None)
    assert logged() == []


def test_neither_payload_nor_response_body_reaches_the_log(
    event: dict[str, Any], logged: Logged
) -> None:
    event["outcome"].update(httpStatus=404, responseBody="planted-body")
    classify.handler(event, None)
    assert len(logged()) == 1
    assert "planted-body" not in str(logged())


def test_an_attempt_that_another_execution_has_is_neither_judged_nor_logged(
    event: dict[str, Any], logged: Logged
) -> None:
    event["outcome"] = {"kind": "SUPERSEDED"}
    assert classify.handler(event, None) == {"status": "SUPERSEDED"}
    assert logged() == []


def test_an_attempt_that_is_postponed_is_neither_judged_nor_logged(
    event: dict[str, Any], logged: Logged
) -> None:
    event["outcome"] = Postponed("2025-12-28T12:00:05Z").to_document()
    assert classify.handler(event, None) == {"status": "POSTPONED"}
    assert logged() == []

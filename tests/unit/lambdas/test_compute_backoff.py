"""State `ComputeBackoff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambdas import compute_backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing.delivery import Delivery

    Logged = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RETENTION_DAYS", "30")
    compute_backoff._settings.cache_clear()  # the test starts with a new container
    yield
    compute_backoff._settings.cache_clear()


@pytest.fixture
def event(delivery: Delivery) -> dict[str, Any]:
    document = delivery.to_document()
    del document["request"]
    return {
        **document,
        "outcome": {
            "timestamp": "2025-12-28T12:00:00.000Z",
            "responseTime": 12,
            "httpStatus": 503,
            "retryAfter": None,
            "responseBody": "",
            "error": None,
        },
        "verdict": {
            "decision": "RETRY",
            "category": "SERVER_ERROR",
            "reason": "HTTP 503",
            "status": "RETRY_SCHEDULED",
        },
    }


class FixedChance:
    """A random source that always draws the same number."""

    def __init__(self, draw: float) -> None:
        self._draw = draw

    def random(self) -> float:
        return self._draw


def test_the_delay_and_the_document_of_the_next_attempt_are_given(
    event: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute_backoff, "_chance", FixedChance(0.25))
    assert compute_backoff.handler(event, None) == {
        "exponentialDelay": 1,
        "jitterApplied": 0.25,
        "retryAfterSeconds": None,
        "retryDelaySeconds": 1,
        "nextRetryAt": "2025-12-28T12:00:01.250Z",
        "next": {
            "attemptNumber": 1,
            "attempts": 2,
            "dueAt": "2025-12-28T12:00:02Z",
            "expiresAt": 1_769_515_201,
            "previousDelaySeconds": 1.25,
        },
    }


def test_the_delay_before_widens_decorrelated_jitter(
    event: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute_backoff, "_chance", FixedChance(0.5))
    event["policy"]["jitter"] = "decorrelated"
    event["previousDelaySeconds"] = 5
    assert compute_backoff.handler(event, None)["next"]["previousDelaySeconds"] == 8


def test_chance_is_drawn_anew_each_time(event: dict[str, Any]) -> None:
    drawn = {compute_backoff.handler(event, None)["jitterApplied"] for _ in range(40)}
    assert len(drawn) > 1
    assert all(0 <= jitter < 1 for jitter in drawn)


def test_the_attempt_is_logged_once_with_the_delay_to_the_next(
    event: dict[str, Any], logged: Logged
) -> None:
    backoff = compute_backoff.handler(event, None)
    (line,) = logged()
    assert line["message"] == "delivery.attempted"
    assert (line["attempt"], line["maxAttempts"]) == (1, 3)
    assert (line["decision"], line["RetryScheduled"]) == ("RETRY", [1.0])
    assert line["nextDelaySeconds"] == backoff["next"]["previousDelaySeconds"]


def test_a_record_is_kept_at_least_as_long_as_before(event: dict[str, Any]) -> None:
    """An operator may start the first attempt of a scheduled delivery weeks early."""
    event["expiresAt"] = 4_102_444_800
    assert compute_backoff.handler(event, None)["next"]["expiresAt"] == 4_102_444_800

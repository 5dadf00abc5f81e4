"""The plan of a retry, and two complete entries of the history."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.ledger.updates import retry_entry
from homing.retry.classification import classify
from homing.retry.outcome import Outcome
from homing.retry.plan import plan_retry
from homing.retry.policy import Policy
from homing.timestamps import from_text

if TYPE_CHECKING:
    from homing.delivery import Reference

NOON = "2025-12-28T12:00:00.000Z"


def plan(outcome: Outcome, attempt_number: int = 0, draw: float = 0.25) -> dict[str, Any]:
    return plan_retry(
        Policy(),
        attempt_number,
        outcome,
        previous_delay_seconds=None,
        retention=timedelta(days=30),
        draw=lambda: draw,
    )


@pytest.mark.parametrize(
    ("attempt_number", "timestamp", "http_status", "draw", "expected"),
    [
        (
            0,
            "2025-12-28T12:00:00.000Z",
            500,
            0.25,
            {
                "exponentialDelay": 1,
                "jitterApplied": 0.25,
                "retryDelaySeconds": 1,
                "nextRetryTimestamp": "2025-12-28T12:00:01.250Z",
            },
        ),
        (
            1,
            "2025-12-28T12:00:01.500Z",
            503,
            0.75,
            {
                "exponentialDelay": 2,
                "jitterApplied": 0.75,
                "retryDelaySeconds": 3,
                "nextRetryTimestamp": "2025-12-28T12:00:04.250Z",
            },
        ),
    ],
)
def test_the_two_entries_of_the_requirements_come_out_exactly(  # a row of that table
    reference: Reference,
    attempt_number: int,
    timestamp: str,
    http_status: int,
    draw: float,
    expected: dict[str, Any],
) -> None:
    outcome = Outcome(timestamp, response_time=87, http_status=http_status)
    verdict = classify(outcome, attempts=attempt_number + 1, policy=Policy(max_attempts=3))
    backoff = plan(outcome, attempt_number, draw)
    assert retry_entry(reference, attempt_number, outcome, verdict, backoff) == {
        "attemptNumber": attempt_number,
        "timestamp": timestamp,
        "errorCategory": "SERVER_ERROR",
        "errorDetails": {"message": f"HTTP {http_status}"},
        "responseTime": 87,
        "httpStatus": http_status,
        "correlationId": "trace-7",
        **expected,
    }


def test_the_wait_is_until_the_next_whole_second_never_earlier() -> None:
    assert plan(Outcome(NOON, 1, 500))["next"]["dueAt"] == "2025-12-28T12:00:02Z"


def test_a_retry_due_on_the_whole_second_waits_for_no_other() -> None:
    backoff = plan(Outcome(NOON, 1, 500), draw=0.0)
    assert backoff["nextRetryAt"] == "2025-12-28T12:00:01.000Z"
    assert backoff["next"]["dueAt"] == "2025-12-28T12:00:01Z"


def test_retry_after_puts_off_the_next_attempt_and_is_recorded(reference: Reference) -> None:
    outcome = Outcome(NOON, 1, 429, retry_after="3")
    backoff = plan(outcome)
    assert backoff["nextRetryAt"] == "2025-12-28T12:00:03.000Z"
    verdict = classify(outcome, attempts=1, policy=Policy(max_attempts=3))
    assert retry_entry(reference, 0, outcome, verdict, backoff)["retryAfterSeconds"] == 3


@pytest.mark.parametrize(
    ("http_status", "floor"), [(408, 3), (425, 3), (429, 3), (503, 3), (413, None), (301, None)]
)
def test_retry_after_is_heeded_on_a_status_that_is_retried_alone(
    http_status: int, floor: int | None
) -> None:
    backoff = plan(Outcome(NOON, 1, http_status, retry_after="3"))
    assert backoff["retryAfterSeconds"] == floor


def test_the_record_outlives_the_attempt_by_the_retention() -> None:
    due = from_text("2025-12-28T12:00:01.250Z") + timedelta(days=30)
    assert plan(Outcome(NOON, 1, 500))["next"]["expiresAt"] == int(due.timestamp())


@given(attempt_number=st.integers(0, 19), draw=st.floats(0, 1, exclude_max=True))
def test_the_recorded_figures_add_up_to_the_millisecond(attempt_number: int, draw: float) -> None:
    backoff = plan(Outcome(NOON, 1, 500), attempt_number, draw)
    delay = timedelta(seconds=backoff["exponentialDelay"]) + timedelta(
        seconds=backoff["jitterApplied"]
    )
    assert from_text(backoff["nextRetryAt"]) - from_text(NOON) == delay
    assert abs(backoff["retryDelaySeconds"] - delay.total_seconds()) <= 0.5
    assert from_text(backoff["next"]["dueAt"]) >= from_text(backoff["nextRetryAt"])

from __future__ import annotations

import pytest

from homing.retry.classification import (
    ERROR_RULES,
    Category,
    Decision,
    Status,
    Verdict,
    classify,
)
from homing.retry.outcome import AttemptError, ErrorKind, Outcome

D, R, G = Decision.DELIVERED, Decision.RETRY, Decision.GIVE_UP


def outcome(http_status: int | None = None, error: ErrorKind | None = None) -> Outcome:
    return Outcome(
        timestamp="2025-12-28T12:00:00.000Z",
        response_time=1,
        http_status=http_status,
        error=error and AttemptError(error, "why"),
    )


# The table of docs/retry-policy.md, row by row.
TABLE = [
    *((status, D, Category.SUCCESS) for status in (200, 201, 202, 204, 226, 299)),
    (408, R, Category.TIMEOUT),
    (425, R, Category.RATE_LIMITED),
    (429, R, Category.RATE_LIMITED),
    *((status, R, Category.SERVER_ERROR) for status in (500, 502, 503, 504, 506, 507, 511, 599)),
    (410, G, Category.GONE),
    *((status, G, Category.REDIRECT) for status in (300, 301, 302, 303, 304, 307, 308, 399)),
    *((status, G, Category.CLIENT_ERROR) for status in (400, 401, 403, 404, 409, 411, 422, 451)),
    *((status, G, Category.CLIENT_ERROR) for status in (407, 424, 426, 428, 430, 499)),
    (501, G, Category.SERVER_ERROR),
    (505, G, Category.SERVER_ERROR),
    *((status, R, Category.NETWORK_ERROR) for status in (0, 99, 101, 199, 600, 999)),
]


@pytest.mark.parametrize(("http_status", "decision", "category"), TABLE)
def test_every_status_gets_its_decision_and_category(
    http_status: int, decision: Decision, category: Category
) -> None:
    verdict = classify(outcome(http_status), attempts=1, max_attempts=3)
    assert (verdict.decision, verdict.category) == (decision, category)
    assert verdict.reason == f"HTTP {http_status}"


@pytest.mark.parametrize(
    ("kind", "decision", "category"),
    [
        (ErrorKind.DNS, R, Category.NETWORK_ERROR),
        (ErrorKind.CONNECT, R, Category.NETWORK_ERROR),
        (ErrorKind.RESET, R, Category.NETWORK_ERROR),
        (ErrorKind.PROTOCOL, R, Category.NETWORK_ERROR),
        (ErrorKind.TLS, R, Category.TLS_ERROR),
        (ErrorKind.TIMEOUT, R, Category.TIMEOUT),
        (ErrorKind.INTERNAL, R, Category.INTERNAL_ERROR),
        (ErrorKind.BLOCKED, G, Category.BLOCKED_TARGET),
    ],
)
def test_an_attempt_without_a_response_is_judged_by_the_stage_it_broke_at(
    kind: ErrorKind, decision: Decision, category: Category
) -> None:
    verdict = classify(outcome(error=kind), attempts=1, max_attempts=3)
    assert (verdict.decision, verdict.category, verdict.reason) == (decision, category, "why")


def test_no_kind_of_error_is_without_a_rule() -> None:
    assert set(ERROR_RULES) == set(ErrorKind)


@pytest.mark.parametrize(
    ("http_status", "attempts", "max_attempts", "status"),
    [
        (500, 1, 3, Status.RETRY_SCHEDULED),
        (500, 2, 3, Status.RETRY_SCHEDULED),
        (500, 3, 3, Status.MAX_RETRIES_EXCEEDED),
        (500, 4, 3, Status.MAX_RETRIES_EXCEEDED),
        (500, 1, 1, Status.MAX_RETRIES_EXCEEDED),
        (200, 3, 3, Status.DELIVERED),
        (404, 1, 3, Status.FAILED),
        (404, 3, 3, Status.FAILED),
    ],
)
def test_the_limit_of_attempts_turns_a_retry_into_the_end(
    http_status: int, attempts: int, max_attempts: int, status: Status
) -> None:
    verdict = classify(outcome(http_status), attempts=attempts, max_attempts=max_attempts)
    assert verdict.status is status
    assert verdict.is_final is (status is not Status.RETRY_SCHEDULED)


def test_a_verdict_survives_the_way_through_its_document() -> None:
    verdict = classify(outcome(429), attempts=1, max_attempts=3)
    assert Verdict.from_document(verdict.to_document()) == verdict


def test_an_error_text_is_cut_to_what_the_ledger_keeps() -> None:
    """Whoever made the outcome: the sender cuts its own texts, a Catch of the workflow does not."""
    error = AttemptError(ErrorKind.INTERNAL, "x" * 5000)
    verdict = classify(
        Outcome("2025-12-28T12:00:00.000Z", 0, error=error), attempts=1, max_attempts=3
    )
    assert verdict.reason == "x" * 200

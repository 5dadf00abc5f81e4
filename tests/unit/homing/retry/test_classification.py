from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.reception.policy_override import STATUS_PATTERN
from homing.retry.classification import (
    ERROR_RULES,
    Category,
    Decision,
    Status,
    Verdict,
    classify,
    outcome_document,
)
from homing.retry.not_attempted import NotAttempted, Postponed, Superseded
from homing.retry.outcome import AttemptError, ErrorKind, Outcome
from homing.retry.policy import PRESETS, Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

D, R, G = Decision.DELIVERED, Decision.RETRY, Decision.GIVE_UP


def outcome(http_status: int | None = None, error: ErrorKind | None = None) -> Outcome:
    return Outcome(
        timestamp="2025-12-28T12:00:00.000Z",
        response_time=1,
        http_status=http_status,
        error=error and AttemptError(error, "why"),
    )


# The table in docs/retry-policy.md, row by row.
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
    verdict = classify(outcome(http_status), attempts=1, policy=Policy(max_attempts=3))
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
    verdict = classify(outcome(error=kind), attempts=1, policy=Policy(max_attempts=3))
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
    verdict = classify(
        outcome(http_status), attempts=attempts, policy=Policy(max_attempts=max_attempts)
    )
    assert verdict.status is status
    assert verdict.is_final is (status is not Status.RETRY_SCHEDULED)


@pytest.mark.parametrize(
    ("retry_on", "give_up_on", "http_status", "decision"),
    [
        (["404"], [], 404, R),
        (["404"], [], 405, G),
        (["4xx"], [], 404, R),
        (["4xx"], [], 410, G),  # it is retried only if its own number is listed
        (["410"], [], 410, R),
        (["3xx"], [], 302, R),
        (["5xx"], [], 501, R),
        ([], ["503"], 503, G),
        ([], ["503"], 500, R),
        ([], ["5xx"], 503, G),
        ([], ["4xx"], 429, G),
        (["4xx"], ["404"], 404, G),
        (["4xx"], ["404"], 409, R),
        (["404"], ["4xx"], 404, R),
        (["404"], ["4xx"], 408, G),
        # 44 is in no class; by the table, a number that is not a status is retried.
        (["4xx"], [], 44, R),
        ([], ["4xx", "5xx"], 44, R),
    ],
)
def test_a_policy_names_statuses_and_classes_that_override_the_table(
    retry_on: Sequence[str], give_up_on: Sequence[str], http_status: int, decision: Decision
) -> None:
    policy = Policy(retry_on=tuple(retry_on), give_up_on=tuple(give_up_on))
    assert classify(outcome(http_status), attempts=1, policy=policy).decision is decision


statuses = st.lists(st.from_regex(STATUS_PATTERN, fullmatch=True), max_size=8).map(tuple)
policies = st.builds(Policy, retry_on=statuses, give_up_on=statuses)


@given(policies, st.integers(0, 999))
def test_what_a_policy_names_changes_the_decision_alone_and_only_for_what_it_names(
    policy: Policy, http_status: int
) -> None:
    plain = classify(outcome(http_status), attempts=1, policy=Policy())
    verdict = classify(outcome(http_status), attempts=1, policy=policy)
    assert verdict.category is plain.category
    names = {str(http_status), f"{http_status // 100}xx"}
    if names.isdisjoint({*policy.retry_on, *policy.give_up_on}) or http_status in range(200, 300):
        assert verdict == plain


@given(policies, st.sampled_from(ErrorKind))
def test_an_attempt_without_a_response_has_no_status_that_a_policy_could_name(
    policy: Policy, kind: ErrorKind
) -> None:
    plain = classify(outcome(error=kind), attempts=1, policy=Policy())
    assert classify(outcome(error=kind), attempts=1, policy=policy) == plain


@given(st.integers(0, 999))
def test_standard_webhooks_retries_every_status_but_2xx_and_410(http_status: int) -> None:
    policy = Policy(retry_on=PRESETS["standard-webhooks"].retry_on)
    verdict = classify(outcome(http_status), attempts=1, policy=policy)
    expected = D if http_status in range(200, 300) else G if http_status == 410 else R
    assert verdict.decision is expected


@pytest.mark.parametrize(
    ("policy", "http_status", "reason"),
    [
        (Policy(retry_on=("404",)), 404, "HTTP 404 (retryOn of the policy)"),
        (Policy(give_up_on=("5xx",)), 503, "HTTP 503 (giveUpOn of the policy)"),
        (Policy(retry_on=("5xx",)), 503, "HTTP 503"),
    ],
)
def test_the_reason_names_the_policy_where_it_differs_from_the_table(
    policy: Policy, http_status: int, reason: str
) -> None:
    assert classify(outcome(http_status), attempts=1, policy=policy).reason == reason


def test_a_verdict_survives_the_way_through_its_document() -> None:
    verdict = classify(outcome(429), attempts=1, policy=Policy(max_attempts=3))
    assert Verdict.from_document(verdict.to_document()) == verdict


def test_an_error_text_is_cut_to_what_the_ledger_keeps() -> None:
    """The webhook client shortens its own texts, but a Catch of the workflow does not."""
    error = AttemptError(ErrorKind.INTERNAL, "x" * 5000)
    verdict = classify(
        Outcome("2025-12-28T12:00:00.000Z", 0, error=error), attempts=1, policy=Policy()
    )
    assert verdict.reason == "x" * 200


@pytest.mark.parametrize(
    ("outcome", "fallback"),
    [
        (Outcome("", 0, 204), "DELIVERED"),
        (Outcome("", 0, 503), "FAILED"),
        (Outcome("", 0, error=AttemptError(ErrorKind.TIMEOUT, "slow")), "FAILED"),
        (Postponed("2025-12-28T12:00:05Z"), "POSTPONED"),
        (Superseded(), "SUPERSEDED"),
    ],
    ids=str,
)
def test_an_outcome_says_what_it_leads_to_if_it_cannot_be_classified(
    outcome: Outcome | NotAttempted, fallback: str
) -> None:
    document = outcome_document(outcome)
    assert document.pop("fallback")["status"] == fallback
    assert document == outcome.to_document()

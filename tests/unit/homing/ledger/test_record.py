"""What a ledger record says about its delivery."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from homing.ledger.record import FAILED, WAITING, Record
from homing.retry.classification import Category, Decision, Status, Verdict

NOON = "2025-12-28T12:00:00.000Z"
ENTRY = {"errorCategory": "TIMEOUT", "errorDetails": {"message": "no response within 10 s"}}
ATTRIBUTES: dict[str, Any] = {
    "createdAt": NOON,
    "status": "RETRY_SCHEDULED",
    "attempts": 1,
    "lastUpdatedAt": NOON,
    "nextRetryAt": NOON,
    "ttl": 1_769_515_200,
    "retryHistory": [ENTRY],
}
RETRY = Record.from_attributes(ATTRIBUTES)
FAILURE = replace(RETRY, status=Status.FAILED, next_retry_at=None)


def test_a_record_has_what_its_item_has() -> None:
    more = {
        "generation": 2,
        "executionName": "sleeper",
        "claimedAttempt": 1,
        "deadLetter": "{}",
        "redrivenFrom": "before",
        "redriveHistory": [{"attemptsOnRecord": 1}],
        "historySummary": {"attempts": 3},
        "attention": "RETRY_SCHEDULED#1",
    }
    assert Record.from_attributes(ATTRIBUTES | more) == Record(
        created_at=NOON,
        status=Status.RETRY_SCHEDULED,
        attempts=1,
        last_updated_at=NOON,
        next_retry_at=NOON,
        expires_at=1_769_515_200,
        history=(ENTRY,),
        stored_generation=2,
        execution_name="sleeper",
        claimed_attempt=1,
        dead_letter="{}",
        redriven_from="before",
        redrives=({"attemptsOnRecord": 1},),
        history_summary={"attempts": 3},
    )


@pytest.mark.parametrize("missing", sorted(ATTRIBUTES.keys() - {"nextRetryAt"}))
def test_an_item_without_what_every_update_sets_is_no_record(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        Record.from_attributes({key: ATTRIBUTES[key] for key in ATTRIBUTES.keys() - {missing}})


def test_a_record_is_of_the_first_generation_until_another_is_stored() -> None:
    assert (RETRY.generation, replace(RETRY, stored_generation=2).generation) == (0, 2)


@pytest.mark.parametrize(
    ("status", "is_listed"), [(one, yes) for one in Status for yes in (True, False)]
)
def test_a_delivery_has_ended_unless_it_waits_and_is_not_settled(
    status: Status, *, is_listed: bool
) -> None:
    record = replace(RETRY, status=status, is_listed=is_listed)
    assert record.has_ended is not (record.is_waiting and is_listed)


@pytest.mark.parametrize("status", Status)
def test_a_delivery_waits_has_failed_or_has_ended_otherwise(status: Status) -> None:
    record = replace(RETRY, status=status)
    assert (record.is_waiting, record.has_failed) == (status in WAITING, status in FAILED)
    assert WAITING | FAILED | {Status.DELIVERED, Status.CANCELLED} == set(Status)


@pytest.mark.parametrize(
    ("record", "may_lack"),
    [
        (FAILURE, True),
        (replace(FAILURE, dead_letter="{}"), False),
        (replace(FAILURE, execution_name="sleeper"), False),
        (RETRY, False),
    ],
    ids=str,
)
def test_only_a_failure_in_the_express_path_may_lack_its_dead_letter(
    record: Record, may_lack: bool
) -> None:
    assert record.may_lack_dead_letter is may_lack


@pytest.mark.parametrize(
    ("status", "decision"),
    [(Status.FAILED, Decision.GIVE_UP), (Status.MAX_RETRIES_EXCEEDED, Decision.RETRY)],
)
def test_a_failure_keeps_its_verdict(status: Status, decision: Decision) -> None:
    assert replace(FAILURE, status=status).verdict_of_failure() == Verdict(
        decision, Category.TIMEOUT, "no response within 10 s", status
    )

"""What a claim comes to, by what stands in the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from homing.items import from_dynamodb
from homing.ledger.claim import AttemptClaim, AttemptClaims, claim_update, lost

if TYPE_CHECKING:
    from homing.delivery import Reference

NOW = "2025-12-28T12:00:00.000Z"
CLAIM = AttemptClaim(0, "sleeper", 0, "2025-12-28T12:00:00Z", 1_769_515_200)
PREVIOUS = "2024-12-28T12:00:00.000Z"


@pytest.fixture
def told() -> list[tuple[str, dict[str, str]]]:
    return []


@pytest.fixture
def claims(ledger_table: Any, told: list[tuple[str, dict[str, str]]]) -> AttemptClaims:
    return AttemptClaims(
        ledger_table.name, lambda *said: told.append(said), client=ledger_table.client
    )


def end(ledger_table: Any, reference: Reference) -> None:
    """Put the record of a delivery that has ended."""
    made = claim_update(reference, CLAIM, NOW)
    ledger_table.client.update_item(TableName=ledger_table.name, **made)
    (item,) = ledger_table.items()
    del item["nextRetryAt"]
    item |= {"status": {"S": "DELIVERED"}, "attempts": {"N": "1"}}
    ledger_table.client.put_item(TableName=ledger_table.name, Item=item)


def test_an_attempt_is_claimed_once_for_each_execution(
    claims: AttemptClaims, reference: Reference
) -> None:
    other = replace(CLAIM, execution_name="another")
    mine = replace(CLAIM, due_since=CLAIM.due_at)
    assert claims.contest(reference, CLAIM, at=NOW) == mine
    assert claims.contest(reference, CLAIM, at=NOW) == mine
    assert claims.contest(reference, other, at=NOW) == {"superseded": True}


def test_an_attempt_that_is_postponed_stays_due_since_its_first_time(
    claims: AttemptClaims, reference: Reference
) -> None:
    claims.contest(reference, CLAIM, at=NOW)
    postponed = replace(CLAIM, due_at="2025-12-28T12:05:00Z")
    assert claims.contest(reference, postponed, at=NOW) == replace(
        postponed, due_since=CLAIM.due_at
    )


def test_what_has_ended_is_superseded(
    claims: AttemptClaims, ledger_table: Any, reference: Reference
) -> None:
    end(ledger_table, reference)
    assert claims.contest(reference, CLAIM, at=NOW) == {"superseded": True}


FAILURE = {
    "createdAt": NOW,
    "status": "MAX_RETRIES_EXCEEDED",
    "lastUpdatedAt": NOW,
    "retryHistory": [
        {"errorCategory": "SERVER_ERROR", "errorDetails": {"message": "HTTP 503"}},
    ],
}


@pytest.mark.parametrize(
    ("more", "claim", "is_ours"),
    [
        ({}, CLAIM, True),
        ({"status": "FAILED"}, CLAIM, True),
        ({"status": "DELIVERED"}, CLAIM, False),
        ({"status": "CANCELLED"}, CLAIM, False),
        ({"deadLetter": "kept once it was dead-lettered"}, CLAIM, False),
        ({"executionName": "another"}, CLAIM, False),
        ({"createdAt": PREVIOUS}, CLAIM, False),
        ({"generation": 1}, CLAIM, False),
        ({}, replace(CLAIM, generation=1), False),
    ],
    ids=str,
)
def test_a_failure_that_may_lack_a_dead_letter_is_returned_to_the_waiting_execution(
    reference: Reference, more: dict[str, Any], claim: AttemptClaim, is_ours: bool
) -> None:
    outcome = lost(reference, claim, FAILURE | more)
    assert ("recorded" in outcome) is is_ours
    assert outcome.get("superseded") is (None if is_ours else True)


def test_it_keeps_the_verdict_that_is_on_record(reference: Reference) -> None:
    assert lost(reference, CLAIM, FAILURE) == {
        "recorded": {
            "decision": "RETRY",
            "category": "SERVER_ERROR",
            "reason": "HTTP 503",
            "status": "MAX_RETRIES_EXCEEDED",
        },
        "timestamp": NOW,
        "responseTime": 0,
        "httpStatus": None,
    }


def test_the_end_of_a_previous_acceptance_is_none_of_this_one(
    claims: AttemptClaims,
    ledger_table: Any,
    reference: Reference,
    told: list[tuple[str, dict[str, str]]],
) -> None:
    """The same message, accepted anew, would be lost without a word (docs/decisions/0007)."""
    end(ledger_table, replace(reference, created_at=PREVIOUS))
    assert claims.contest(reference, CLAIM, at=NOW) == CLAIM
    ((event, fields),) = told
    assert (event, fields["reason"]) == ("claim.unrecorded", f"the record is of {PREVIOUS}")
    assert fields["deliveryId"] == reference.delivery_id
    (item,) = ledger_table.items()
    assert from_dynamodb(item)["createdAt"] == PREVIOUS

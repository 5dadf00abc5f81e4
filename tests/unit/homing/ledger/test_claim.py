"""What a claim comes to, by what stands in the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from homing.items import from_dynamodb
from homing.ledger.claim import AttemptClaim
from homing.ledger.record import Record
from homing.ledger.table import Ledger, refusal
from homing.ledger.updates import claim_update
from homing.retry.not_attempted import RecordedFailure, Superseded

if TYPE_CHECKING:
    from homing.delivery import Reference

NOW = "2025-12-28T12:00:00.000Z"
CLAIM = AttemptClaim(0, "sleeper", 0, "2025-12-28T12:00:00Z", 1_769_515_200)
PREVIOUS = "2024-12-28T12:00:00.000Z"


@pytest.fixture
def ledger(ledger_table: Any) -> Ledger:
    return Ledger(ledger_table.name, ledger_table.client)


def end(ledger_table: Any, reference: Reference) -> None:
    """Put the record of a delivery that has ended."""
    made = claim_update(reference, CLAIM, NOW)
    ledger_table.client.update_item(TableName=ledger_table.name, **made)
    (item,) = ledger_table.items()
    del item["nextRetryAt"]
    item |= {"status": {"S": "DELIVERED"}, "attempts": {"N": "1"}}
    ledger_table.client.put_item(TableName=ledger_table.name, Item=item)


def test_an_attempt_is_claimed_once_for_each_execution(
    ledger: Ledger, reference: Reference
) -> None:
    other = replace(CLAIM, execution_name="another")
    mine = replace(CLAIM, due_since=CLAIM.due_at)
    assert ledger.claim(reference, CLAIM, at=NOW) == mine
    assert ledger.claim(reference, CLAIM, at=NOW) == mine
    assert ledger.claim(reference, other, at=NOW) == Superseded()


def test_an_attempt_that_is_postponed_stays_due_since_its_first_time(
    ledger: Ledger, reference: Reference
) -> None:
    ledger.claim(reference, CLAIM, at=NOW)
    postponed = replace(CLAIM, due_at="2025-12-28T12:05:00Z")
    assert ledger.claim(reference, postponed, at=NOW) == replace(postponed, due_since=CLAIM.due_at)


def test_what_has_ended_is_superseded(
    ledger: Ledger, ledger_table: Any, reference: Reference
) -> None:
    end(ledger_table, reference)
    assert ledger.claim(reference, CLAIM, at=NOW) == Superseded()


FAILURE = {
    "createdAt": NOW,
    "status": "MAX_RETRIES_EXCEEDED",
    "attempts": 1,
    "ttl": 1_769_515_200,
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
    refused = refusal(reference, claim, Record.from_attributes(FAILURE | more))
    assert isinstance(refused, RecordedFailure if is_ours else Superseded)


def test_it_keeps_the_verdict_that_is_on_record(reference: Reference) -> None:
    refused = refusal(reference, CLAIM, Record.from_attributes(FAILURE))
    assert refused.to_document() == {
        "kind": "RECORDED",
        "verdict": {
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
    ledger: Ledger,
    ledger_table: Any,
    reference: Reference,
) -> None:
    """The same message, accepted anew, would be lost without a word (docs/decisions/0007)."""
    end(ledger_table, replace(reference, created_at=PREVIOUS))
    assert ledger.claim(reference, CLAIM, at=NOW) == replace(
        CLAIM, unrecorded=f"the record is of {PREVIOUS}"
    )
    (item,) = ledger_table.items()
    assert from_dynamodb(item)["createdAt"] == PREVIOUS

"""The result of a claim, by the record in the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from homing.ledger.claim import AttemptClaim
from homing.ledger.table import Ledger
from homing.retry.not_attempted import Superseded

if TYPE_CHECKING:
    from homing.delivery import Delivery, Reference

NOW = "2025-12-28T12:00:00.000Z"


@pytest.fixture
def ledger(ledger_table: Any) -> Ledger:
    return Ledger(ledger_table.name, ledger_table.client)


@pytest.fixture
def claim(delivery: Delivery) -> AttemptClaim:
    name = delivery.reference.delivery_id
    return AttemptClaim(0, name, 0, delivery.due_at, delivery.expires_at)


@pytest.fixture
def reference(ledger: Ledger, delivery: Delivery) -> Reference:
    """A delivery whose record names its execution."""
    assert ledger.own(delivery.reference, delivery.to_document()) is None
    return delivery.reference


def test_only_the_execution_that_has_the_delivery_claims_its_attempt_and_may_repeat_that(
    ledger: Ledger, reference: Reference, claim: AttemptClaim
) -> None:
    other = replace(claim, execution_name="another")
    mine = replace(claim, due_since=NOW)
    assert ledger.claim(reference, other) == Superseded()
    assert ledger.claim(reference, claim) == mine
    assert ledger.claim(reference, claim) == mine


def test_a_later_generation_takes_over_what_is_not_claimed(
    ledger: Ledger, reference: Reference, claim: AttemptClaim
) -> None:
    later = replace(claim, execution_name="later", generation=1)
    assert ledger.claim(reference, later) == replace(later, due_since=NOW)
    assert ledger.claim(reference, claim) == Superseded()


def test_a_later_generation_leaves_an_attempt_that_is_under_way_and_takes_the_next(
    ledger: Ledger, reference: Reference, claim: AttemptClaim
) -> None:
    ledger.claim(reference, claim)
    later = replace(claim, execution_name="later", generation=1)
    assert ledger.claim(reference, later) == Superseded()
    after = replace(later, attempt_number=1)
    assert ledger.claim(reference, after) == replace(after, due_since=NOW)


def test_an_attempt_that_is_postponed_stays_due_since_its_first_time(
    ledger: Ledger, reference: Reference, claim: AttemptClaim
) -> None:
    ledger.claim(reference, claim)
    postponed = replace(claim, due_at="2025-12-28T12:05:00Z")
    assert ledger.claim(reference, postponed) == replace(postponed, due_since=NOW)


def test_what_has_ended_is_superseded(
    ledger: Ledger, reference: Reference, claim: AttemptClaim
) -> None:
    assert ledger.cancel(reference, at=NOW, expires_at=claim.expires_at)
    assert ledger.claim(reference, claim) == Superseded()


def test_an_attempt_whose_record_is_gone_is_made(
    ledger: Ledger, ledger_table: Any, reference: Reference, claim: AttemptClaim
) -> None:
    """Whatever deleted the record: the delivery was accepted, and its execution is the only one."""
    ledger_table.client.delete_item(
        TableName=ledger_table.name, Key={"pk": {"S": reference.pk}, "sk": {"S": reference.sk}}
    )
    reason = "the ledger has no record of the delivery"
    assert ledger.claim(reference, claim) == replace(claim, unrecorded=reason)
    assert list(ledger_table.items()) == []

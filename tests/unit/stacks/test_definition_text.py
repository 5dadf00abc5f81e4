"""The definition stays short, and repeated parts of it are identical."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DEFINITION = Path(__file__).parents[3] / "statemachine" / "delivery.asl.json"
STATES: dict[str, Any] = json.loads(DEFINITION.read_text())["States"]
FUNCTION = "arn:${Partition}:states:::lambda:invoke"
UPDATE = "arn:${Partition}:states:::dynamodb:updateItem"


def retriers(resource: str) -> dict[str, list[dict[str, Any]]]:
    """Return the retriers of the states that call this resource, by state."""
    return {name: s["Retry"] for name, s in STATES.items() if s.get("Resource") == resource}


def test_it_can_be_read_at_one_sitting() -> None:
    assert len(DEFINITION.read_text().splitlines()) <= 450


def test_no_condition_is_longer_than_a_line() -> None:
    conditions = [
        choice["Condition"] for state in STATES.values() for choice in state.get("Choices", [])
    ]
    assert max(map(len, conditions)) < 100


def test_functions_that_send_nothing_are_retried_alike_and_deliver_less() -> None:
    found = retriers(FUNCTION)
    throttled, broken = found.pop("Deliver")
    (shared,) = found.pop("Classify")
    assert all(each == [shared] for each in found.values())
    assert shared == throttled | {"ErrorEquals": throttled["ErrorEquals"] + broken["ErrorEquals"]}
    assert broken["MaxAttempts"] < throttled["MaxAttempts"] == 12


def test_all_updates_of_the_ledger_are_retried_alike_but_for_their_condition() -> None:
    first, *others = retriers(UPDATE).values()
    assert others == [first, first]
    assert first[0] == {
        "ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"],
        "MaxAttempts": 0,
    }
    assert first[1:] == STATES["ReadRecord"]["Retry"]

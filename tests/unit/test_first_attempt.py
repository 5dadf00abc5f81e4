"""The Express definition is the delivery workflow's, but for start, hand-off and limits."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from stacks.first_attempt import RETRY_LIMIT, first_attempt_definition

DELIVERY: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "statemachine" / "delivery.asl.json").read_text()
)
EXPRESS = first_attempt_definition(DELIVERY, timeout_seconds=60)


def arrows(states: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (name, holder[arrow])
        for name, state in states.items()
        for holder in (state, *state.get("Choices", []), *state.get("Catch", []))
        for arrow in ("Next", "Default")
        if arrow in holder
    }


def as_for_express(state: dict[str, Any]) -> dict[str, Any]:
    """The state with lower limits, and without a claim: what has not waited needs none."""
    state = copy.deepcopy(state)
    state.get("Arguments", {}).get("Payload", {}).pop("claim", None)
    for retrier in state.get("Retry", []):
        retrier["MaxAttempts"] = min(retrier["MaxAttempts"], RETRY_LIMIT)
    return state


def test_it_starts_at_the_attempt() -> None:
    assert (DELIVERY["StartAt"], EXPRESS["StartAt"]) == ("WaitUntilDue", "Deliver")


def test_the_wait_is_swapped_for_a_hand_off() -> None:
    assert set(EXPRESS["States"]) - set(DELIVERY["States"]) == {"HandOff", "HandedOff"}
    assert set(DELIVERY["States"]) - set(EXPRESS["States"]) == {"WaitUntilDue"}


def test_every_arrow_is_the_same_but_those_of_the_wait() -> None:
    swapped = {
        (source, "HandOff" if target == "WaitUntilDue" else target)
        for source, target in arrows(DELIVERY["States"])
        if source != "WaitUntilDue"
    }
    assert arrows(EXPRESS["States"]) == swapped | {("HandOff", "HandedOff")}


@pytest.mark.parametrize("name", sorted(set(DELIVERY["States"]) - {"WaitUntilDue"}))
def test_every_state_is_the_same_but_for_its_arrow_to_the_wait_and_its_retry_limit(
    name: str,
) -> None:
    ours = json.dumps(EXPRESS["States"][name]).replace('"HandOff"', '"WaitUntilDue"')
    assert json.loads(ours) == as_for_express(DELIVERY["States"][name])


def test_a_first_attempt_claims_nothing_and_every_other_one_does() -> None:
    payloads = [each["States"]["Deliver"]["Arguments"]["Payload"] for each in (DELIVERY, EXPRESS)]
    assert ["claim" in payload for payload in payloads] == [True, False]


def test_it_has_no_state_that_express_forbids() -> None:
    text = json.dumps(EXPRESS)
    assert '"Wait"' not in text
    assert ".sync" not in text
    assert "waitForTaskToken" not in text


def test_it_ends_by_itself() -> None:
    assert EXPRESS["TimeoutSeconds"] == 60


def test_the_definition_it_is_made_from_stays_as_it_is() -> None:
    before = copy.deepcopy(DELIVERY)
    first_attempt_definition(DELIVERY, timeout_seconds=60)
    assert before == DELIVERY


def test_a_name_that_is_taken_counts_as_handed_off() -> None:
    hand_off = EXPRESS["States"]["HandOff"]
    (caught,) = hand_off["Catch"]
    assert caught["Next"] == "HandedOff"
    assert hand_off["Retry"][0]["ErrorEquals"] == caught["ErrorEquals"]
    assert hand_off["Retry"][0]["MaxAttempts"] == 0

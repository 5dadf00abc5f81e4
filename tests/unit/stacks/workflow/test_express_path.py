"""The Express definition differs from the delivery workflow only in start, hand-off and limits."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from simulation.workflow.definition import Choice, Succeed, load_definition
from stacks.workflow.express_path import RETRY_LIMIT, first_attempt_definition

DELIVERY: dict[str, Any] = json.loads(
    (Path(__file__).parents[4] / "statemachine" / "delivery.asl.json").read_text()
)

# The next state in the express path if a function is throttled.
WITHOUT_A_FUNCTION = {
    "Deliver": "Postponed",
    "Classify": "WhatNext",
    "ComputeBackoff": "Postponed",
}

POSTPONED = {"end": "POSTPONED", "next": {}, "responseTime": None}


@pytest.fixture
def express() -> dict[str, Any]:
    return first_attempt_definition(DELIVERY, timeout_seconds=60)


def arrows(states: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (name, holder[arrow])
        for name, state in states.items()
        for holder in (state, *state.get("Choices", []), *state.get("Catch", []))
        for arrow in ("Next", "Default")
        if arrow in holder
    }


def as_for_express(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state with lower limits and no claim, which only an attempt after a wait needs."""
    state = copy.deepcopy(state)
    payload = state.get("Arguments", {}).get("Payload", {})
    payload.pop("claim", None)
    if "executionName" in payload:  # the name of the execution that can have claimed the attempt
        payload["executionName"] = "express-path"
    values = state.get("Arguments", {}).get("ExpressionAttributeValues", {})
    if ":executionName" in values:
        values[":executionName"] = {"S": "express-path"}
    for retrier in state.get("Retry", []):
        retrier["MaxAttempts"] = min(retrier["MaxAttempts"], RETRY_LIMIT)
    return state


def test_it_starts_at_the_attempt(express: dict[str, Any]) -> None:
    assert (DELIVERY["StartAt"], express["StartAt"]) == ("WaitUntilDue", "Deliver")


def test_the_wait_is_swapped_for_a_hand_off(express: dict[str, Any]) -> None:
    added = {"Recorded", "HandOff", "HandedOff", "Postponed", "Unrecorded"}
    assert set(express["States"]) - set(DELIVERY["States"]) == added
    assert set(DELIVERY["States"]) - set(express["States"]) == {"WaitUntilDue"}


# The states to which the arrows to the wait lead instead.
INSTEAD_OF_WAIT = {"RecordRetry": "Recorded", "WhatNext": "Postponed"}


def test_every_arrow_is_the_same_but_those_of_the_wait(express: dict[str, Any]) -> None:
    swapped = {
        (source, INSTEAD_OF_WAIT[source] if target == "WaitUntilDue" else target)
        for source, target in arrows(DELIVERY["States"])
        if source != "WaitUntilDue"
    }
    recorded = {("Recorded", to) for to in ("HandOff", "Superseded", "Unrecorded")}
    postponed = {("Deliver", "Postponed"), ("ComputeBackoff", "Postponed")}
    assert arrows(express["States"]) == swapped | recorded | postponed | {("HandOff", "HandedOff")}


@pytest.mark.parametrize("name", sorted(set(DELIVERY["States"]) - {"WaitUntilDue"}))
def test_every_state_is_the_same_but_for_its_arrow_to_the_wait_and_its_limits(
    name: str, express: dict[str, Any]
) -> None:
    ours, theirs = express["States"][name], as_for_express(DELIVERY["States"][name])
    if name in WITHOUT_A_FUNCTION:
        del ours["Catch"][0]
    if name == "WhatNext":
        del ours["Choices"][0]
        theirs["Choices"][-1]["Output"] = ours["Choices"][-1]["Output"]
    text = json.dumps(ours).replace(f'"{INSTEAD_OF_WAIT.get(name)}"', '"WaitUntilDue"')
    assert json.loads(text) == theirs


# The state, its input, and what it changes in the delivery document before the wait.
AFTER_A_RETRY = {
    "attemptNumber": 1,
    "attempts": 2,
    "dueAt": "2025-12-28T12:00:02Z",
    "expiresAt": 1_769_515_201,
    "previousDelaySeconds": 1.25,
}
POSTPONEMENTS = {
    "no concurrency slot": (
        "WhatNext",
        {
            "verdict": {"status": "POSTPONED"},
            "outcome": {"next": {"dueAt": "2025-12-28T12:00:05Z"}},
        },
        {"dueAt": "2025-12-28T12:00:05Z"},
    ),
    "no function to classify": ("WhatNext", {"verdict": {"status": "UNJUDGED"}}, {}),
    "the retry is not on record": (
        "Recorded",
        {"record": {"result": "UNRECORDED"}, "outcome": {"responseTime": 12}, **AFTER_A_RETRY},
        AFTER_A_RETRY,
    ),
    "what RecordRetry returned cannot be read": (
        "Recorded",
        {"record": "?", "outcome": {"responseTime": 12}, **AFTER_A_RETRY},
        AFTER_A_RETRY,
    ),
}


@pytest.mark.parametrize("why", POSTPONEMENTS)
def test_a_delivery_that_must_wait_and_has_no_execution_ends_with_what_the_wait_changes(
    express: dict[str, Any], why: str
) -> None:
    name, document, following = POSTPONEMENTS[why]
    states = load_definition(express).states
    choice = states[name]
    assert isinstance(choice, Choice)
    data = {"input": document}
    rule = next((rule for rule in choice.rules if rule.condition(data) is True), None)
    end = states[choice.default if rule is None else rule.next]
    assert isinstance(end, Succeed)
    output = end.output if rule is None else rule.output
    assert output is not None
    assert output(data) == {
        "end": "POSTPONED",
        "next": following,
        "responseTime": document.get("outcome", {}).get("responseTime"),
    }


@pytest.mark.parametrize(
    ("result", "target"),
    [("RECORDED", "HandOff"), ("REPLAYED", "HandOff"), ("SUPERSEDED", "Superseded")],
)
def test_only_a_retry_that_is_on_record_is_handed_off(
    express: dict[str, Any], result: str, target: str
) -> None:
    choice = load_definition(express).states["Recorded"]
    assert isinstance(choice, Choice)
    data = {"input": {"record": {"result": result}}}
    assert next(rule.next for rule in choice.rules if rule.condition(data)) == target


@pytest.mark.parametrize(("name", "target"), WITHOUT_A_FUNCTION.items())
def test_where_lambda_is_throttled_the_attempt_is_not_judged_here(
    name: str, target: str, express: dict[str, Any]
) -> None:
    first = express["States"][name]["Catch"][0]
    assert first.get("Output") == POSTPONED or target == "WhatNext"
    assert (first["ErrorEquals"], first["Next"]) == (["Lambda.TooManyRequestsException"], target)


def test_a_throttled_function_is_waited_for_in_the_standard_workflow() -> None:
    for name in (*WITHOUT_A_FUNCTION, "RecordRetry"):
        first = DELIVERY["States"][name]["Retry"][0]
        waits = [min(2**number, first["MaxDelaySeconds"]) for number in range(first["MaxAttempts"])]
        assert first["ErrorEquals"][0] == "Lambda.TooManyRequestsException"
        assert sum(waits) / 2 > 600  # with full jitter, on average


def test_a_first_attempt_claims_nothing_and_every_other_one_does(express: dict[str, Any]) -> None:
    payloads = [each["States"]["Deliver"]["Arguments"]["Payload"] for each in (DELIVERY, express)]
    assert ["claim" in payload for payload in payloads] == [True, False]


def test_it_has_no_state_that_express_forbids(express: dict[str, Any]) -> None:
    text = json.dumps(express)
    assert '"Wait"' not in text
    assert ".sync" not in text
    assert "waitForTaskToken" not in text


def test_it_ends_by_itself(express: dict[str, Any]) -> None:
    assert express["TimeoutSeconds"] == 60


def test_the_definition_it_is_made_from_stays_as_it_is() -> None:
    before = copy.deepcopy(DELIVERY)
    first_attempt_definition(DELIVERY, timeout_seconds=60)
    assert before == DELIVERY


def test_a_name_that_is_taken_counts_as_handed_off(express: dict[str, Any]) -> None:
    hand_off = express["States"]["HandOff"]
    (caught,) = hand_off["Catch"]
    assert caught["Next"] == "HandedOff"
    assert hand_off["Retry"][0]["ErrorEquals"] == caught["ErrorEquals"]
    assert hand_off["Retry"][0]["MaxAttempts"] == 0


def test_it_says_what_it_is(express: dict[str, Any]) -> None:
    assert express["Comment"] == "The first attempt of a delivery, at Express prices."


def test_a_hand_off_that_fails_for_another_reason_is_tried_again_for_as_long_as_express_allows(
    express: dict[str, Any],
) -> None:
    assert express["States"]["HandOff"]["Retry"][1] == {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 1,
        "MaxAttempts": RETRY_LIMIT,
        "BackoffRate": 2.0,
        "JitterStrategy": "FULL",
    }
    assert express["States"]["HandedOff"] == {"Type": "Succeed"}


def test_every_definition_has_a_hand_off_and_catchers_of_its_own(express: dict[str, Any]) -> None:
    express["States"]["HandOff"]["Retry"].clear()
    express["States"]["Deliver"]["Catch"][0]["ErrorEquals"].clear()
    states = first_attempt_definition(DELIVERY, timeout_seconds=60)["States"]
    assert states["HandOff"]["Retry"]
    assert states["Deliver"]["Catch"][0]["ErrorEquals"]


def test_every_arrow_to_the_wait_is_bent_and_every_retry_cut_and_nothing_else_touched() -> None:
    states = {
        "WaitUntilDue": {"Type": "Wait", "Next": "Deliver"},
        "Deliver": {
            "Type": "Task",
            "Arguments": {"Payload": {"reference": "a", "claim": "b"}},
            "Catch": [{"Next": "Classify"}],
            "Next": "Classify",
        },
        "Classify": {"Type": "Task", "Catch": []},
        "ComputeBackoff": {"Type": "Task", "Catch": []},
        "WhatNext": {"Type": "Choice", "Choices": [{"Next": "WaitUntilDue"}, {"Next": "End"}]},
        "RecordRetry": {
            "Type": "Task",
            "Arguments": {"Payload": {"executionName": "c"}},
            "Retry": [{"MaxAttempts": 9}, {"MaxAttempts": 1}],
            "Catch": [{"Next": "WaitUntilDue"}],
            "Next": "WaitUntilDue",
        },
        "RecordFailure": {"Type": "Task", "Arguments": {"ExpressionAttributeValues": {":a": "b"}}},
        "End": {"Type": "Succeed"},
    }
    made = first_attempt_definition({"States": states}, timeout_seconds=1)["States"]
    assert made["Deliver"].pop("Catch")[1:] == [{"Next": "Classify"}]
    assert made["Deliver"] == {
        "Type": "Task",
        "Arguments": {"Payload": {"reference": "a"}},
        "Next": "Classify",
    }
    assert made["RecordRetry"] == {
        "Type": "Task",
        "Arguments": {"Payload": {"executionName": "express-path"}},
        "Retry": [{"MaxAttempts": 3}, {"MaxAttempts": 1}],
        "Catch": [{"Next": "Recorded"}],
        "Next": "Recorded",
    }
    assert made["RecordFailure"]["Arguments"] == {
        "ExpressionAttributeValues": {":a": "b", ":executionName": {"S": "express-path"}}
    }
    choices = made["WhatNext"]["Choices"]
    assert [choice["Next"] for choice in choices] == ["Postponed", "Postponed", "End"]
    assert made["End"] == {"Type": "Succeed"}

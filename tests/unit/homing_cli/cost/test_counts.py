"""The counts in homing_cli/cost/counts.json agree with the two definitions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homing_cli.cost.counts import End, load_counts
from stacks.workflow.express_path import first_attempt_definition

STANDARD: dict[str, Any] = json.loads(
    (Path(__file__).parents[4] / "statemachine" / "delivery.asl.json").read_text()
)
EXPRESS = first_attempt_definition(STANDARD, timeout_seconds=60)

SCENARIOS = [(End.DELIVERED, n) for n in range(1, 5)]
SCENARIOS += [(End.MAX_RETRIES_EXCEEDED, n) for n in range(1, 5)]
SCENARIOS += [(End.FAILED, 1)]


def walk(definition: dict[str, Any], statuses: list[str]) -> list[str]:
    """Return the states that an execution enters if its attempts are classified as given."""
    remaining = iter(statuses)
    state = definition["StartAt"]
    entered = [state]
    while "Next" in definition["States"][state] or "Choices" in definition["States"][state]:
        state = _next(definition["States"][state], state, remaining)
        entered.append(state)
    return entered


def _next(one: dict[str, Any], name: str, statuses: Any) -> str:
    """Return the state that follows if the attempt has the next status and is recorded."""
    if name in {"WhatNext", "Recorded"}:
        value = next(statuses) if name == "WhatNext" else "RECORDED"
        for choice in one["Choices"]:
            if f"'{value}'" in choice["Condition"]:
                return str(choice["Next"])
    return str(one["Default"] if "Default" in one else one["Next"])


def tasks(definition: dict[str, Any], entered: list[str]) -> list[str]:
    return [name for name in entered if definition["States"][name]["Type"] == "Task"]


def paths(express_path: str, end: End, attempts: int) -> tuple[list[str], list[str]]:
    """Return the states entered in the Express execution and in the Standard one."""
    statuses = ["RETRY_SCHEDULED"] * (attempts - 1) + [end.value]
    if express_path == "off":
        return [], walk(STANDARD, statuses)
    first = walk(EXPRESS, statuses[:1])
    return first, walk(STANDARD, statuses[1:]) if attempts > 1 else []


@pytest.mark.parametrize("express_path", ["on", "off"])
@pytest.mark.parametrize(("end", "attempts"), SCENARIOS)
def test_workflow_counts_are_the_states_that_the_definitions_enter(
    express_path: str, end: End, attempts: int
) -> None:
    express, standard = paths(express_path, end, attempts)
    calls = load_counts()[express_path].calls(end, attempts)
    entered = [*express, *standard]
    assert calls["express.requests"] == bool(express)
    assert calls["express.tasks"] == len(tasks(EXPRESS, express))
    assert calls["standard.executions"] == bool(standard)
    assert calls["standard.transitions"] == len(standard) + bool(standard)  # and the start
    for function in ("Deliver", "Classify", "ComputeBackoff", "RecordRetry"):
        assert calls[f"lambda.{function}"] == entered.count(function)
    assert calls["sqs.deadLetters.send"] == entered.count("DeadLetter")


@pytest.mark.parametrize("express_path", ["on", "off"])
@pytest.mark.parametrize("end", [End.DELIVERED, End.MAX_RETRIES_EXCEEDED])
def test_what_a_retry_adds_predicts_a_scenario_that_was_counted_too(
    express_path: str, end: End
) -> None:
    """Write units may differ by one, since the ledger item grows and is billed by the whole KB.

    The event "delivery failing", which only the second failure causes, is an exception.
    """
    counted = load_counts()[express_path]
    shorter = {
        scenario: calls for scenario, calls in counted.scenarios.items() if scenario != (end, 4)
    }
    predicted = replace(counted, scenarios=shorter).calls(end, 4)
    actual = dict(counted.scenarios[end, 4])
    units = predicted.pop("dynamodb.writeUnits"), actual.pop("dynamodb.writeUnits")
    third, second = (counted.scenarios[end, attempts] for attempts in (3, 2))
    for name in ("lambda.OperationalEvents", "events.entries"):
        assert predicted.pop(name) - actual.pop(name) == third[name] - second[name]
    assert predicted == actual
    assert abs(units[0] - units[1]) <= 1


def test_a_scenario_far_beyond_the_counted_ones_grows_by_what_the_last_retry_added() -> None:
    counted = load_counts()["off"]
    calls = counted.calls(End.DELIVERED, 20)
    assert calls["lambda.Deliver"] == 20
    assert calls["standard.transitions"] == 1 + 19 * 6 + 5


def test_a_message_delivered_at_once_stays_within_its_budget() -> None:
    """No Standard transition, 2 write units, 1.2 SQS requests in full batches."""
    express_path = load_counts()["on"]
    calls = express_path.calls(End.DELIVERED, 1)
    shared = (
        express_path.per_batch["sqs.deliveries.receive"]
        + express_path.per_batch["sqs.deliveries.delete"]
    )
    assert calls["standard.transitions"] == 0
    assert calls["dynamodb.writeUnits"] <= 2
    assert calls["sqs.deliveries.send"] + calls["sqs.deadLetters.send"] + shared / 10 <= 1.2


def test_every_scenario_counts_the_same_calls() -> None:
    for express_path in load_counts().values():
        assert len({frozenset(calls) for calls in express_path.scenarios.values()}) == 1

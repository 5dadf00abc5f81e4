"""Definitions that the simulation refuses, since it would run them differently from AWS."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from simulation.errors import UnsupportedError
from simulation.workflow.definition import (
    delivery_document,
    first_attempt_document,
    load_definition,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def document() -> dict[str, Any]:
    return copy.deepcopy(delivery_document())


def test_both_definitions_are_run_as_they_are_deployed() -> None:
    assert load_definition(delivery_document()).start_at == "WaitUntilDue"
    express = load_definition(first_attempt_document(45))
    assert (express.start_at, express.timeout) == ("Deliver", 45)


REFUSED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a field of the machine": lambda d: d.update(Version="1.0"),
    "another query language": lambda d: d.pop("QueryLanguage"),
    "a query language of a state": lambda d: d["States"]["Deliver"].update(
        QueryLanguage="JSONPath"
    ),
    "a field of a state": lambda d: d["States"]["Deliver"].update(TimeoutSeconds=3),
    "variables": lambda d: d["States"]["Deliver"].update(Assign={"a": 1}),
    "a kind of state": lambda d: d["States"].update(All={"Type": "Parallel"}),
    "a wait of seconds": lambda d: d["States"].update(
        W={"Type": "Wait", "Seconds": 1, "Next": "W"}
    ),
    "a service": lambda d: d["States"]["DeadLetter"].update(
        Resource="arn:${Partition}:states:::sns:publish"
    ),
    "a field of a retrier": lambda d: d["States"]["Deliver"]["Retry"][0].update(Weight=1),
    "another jitter": lambda d: d["States"]["Deliver"]["Retry"][0].update(JitterStrategy="HALF"),
    "a field of a catcher": lambda d: d["States"]["Deliver"]["Catch"][0].update(Assign={}),
    "a wildcard": lambda d: d["States"]["Deliver"]["Catch"][0].update(
        ErrorEquals=["States.TaskFailed"]
    ),
    "a field of a rule": lambda d: d["States"]["WhatNext"]["Choices"][0].update(Variable="$.a"),
    "an expression": lambda d: d["States"]["DeliveryFailed"].update(Error="{% $uppercase('a') %}"),
    "an arrow to nowhere": lambda d: d["States"]["Deliver"].update(Next="Nowhere"),
    "a start that is not there": lambda d: d.update(StartAt="Nowhere"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_simulation_does_not_implement_is_refused(
    document: dict[str, Any], name: str
) -> None:
    REFUSED[name](document)
    with pytest.raises(UnsupportedError):
        load_definition(document)

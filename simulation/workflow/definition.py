"""Checks and compiles a state machine definition.

The definition is read from the file that is deployed. If it uses fields, types of states, services
or JSONata constructs that the simulation does not implement, it is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from simulation.errors import UnsupportedError
from simulation.workflow.templates import compile_template
from stacks.workflow.express_path import first_attempt_definition

if TYPE_CHECKING:
    from simulation.workflow.expressions import Evaluate

DELIVERY = Path(__file__).parents[2] / "statemachine" / "delivery.asl.json"

RESOURCES = frozenset(
    {
        "arn:${Partition}:states:::lambda:invoke",
        "arn:${Partition}:states:::dynamodb:updateItem",
        "arn:${Partition}:states:::dynamodb:getItem",
        "arn:${Partition}:states:::sqs:sendMessage",
        "arn:${Partition}:states:::states:startExecution",
    }
)

_MACHINE = frozenset({"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds"})
_STATE = frozenset({"Comment", "Type"})
_FIELDS = {
    "Task": _STATE | {"Resource", "Arguments", "Retry", "Catch", "Output", "Next", "End"},
    "Wait": _STATE | {"Timestamp", "Next"},
    "Choice": _STATE | {"Choices", "Default"},
    "Succeed": _STATE | {"Output"},
    "Fail": _STATE | {"Error", "Cause"},
}
_RETRIER = frozenset(
    {
        "Comment",
        "ErrorEquals",
        "IntervalSeconds",
        "MaxAttempts",
        "MaxDelaySeconds",
        "BackoffRate",
        "JitterStrategy",
    }
)
_CATCHER = frozenset({"Comment", "ErrorEquals", "Output", "Next"})
_RULE = frozenset({"Comment", "Condition", "Output", "Next"})

ALL_ERRORS = "States.ALL"
QUERY_ERROR = "States.QueryEvaluationError"
# The errors that `States.ALL` does not match (Amazon States Language, "Errors").
NEVER_ALL = frozenset({"States.DataLimitExceeded", "States.Runtime"})


@dataclass(frozen=True, slots=True)
class Retrier:
    """One entry of `Retry`; its times are in seconds."""

    errors: frozenset[str]
    interval: float
    max_attempts: int
    rate: float
    max_delay: float | None
    full_jitter: bool


@dataclass(frozen=True, slots=True)
class Catcher:
    """One entry of `Catch`. If it has no output, the next state gets the error as its input."""

    errors: frozenset[str]
    output: Evaluate | None
    next: str


@dataclass(frozen=True, slots=True)
class Task:
    """A Task state: a call to a service. `next` is None if the execution ends after it."""

    name: str
    resource: str
    arguments: Evaluate
    retriers: tuple[Retrier, ...]
    catchers: tuple[Catcher, ...]
    output: Evaluate | None
    next: str | None


@dataclass(frozen=True, slots=True)
class Wait:
    """A Wait state: a wait until a point in time."""

    name: str
    timestamp: Evaluate
    next: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `Choices`. If it has no output, the next state gets the Choice state's input."""

    condition: Evaluate
    output: Evaluate | None
    next: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A Choice state: the first rule whose condition holds determines the next state."""

    name: str
    rules: tuple[Rule, ...]
    default: str


@dataclass(frozen=True, slots=True)
class Succeed:
    """A Succeed state."""

    name: str
    output: Evaluate | None


@dataclass(frozen=True, slots=True)
class Fail:
    """A Fail state."""

    name: str
    error: Evaluate
    cause: Evaluate


State: TypeAlias = Task | Wait | Choice | Succeed | Fail


@dataclass(frozen=True, slots=True)
class Definition:
    """A compiled state machine; `timeout` is in seconds, None for no time-out."""

    start_at: str
    states: dict[str, State]
    timeout: float | None


def load_definition(document: dict[str, Any]) -> Definition:
    """Check and compile a definition.

    Raises:
        UnsupportedError: when it uses a feature that is not implemented, or has a transition to an
            unknown state.
    """
    _only(document, _MACHINE, "the machine")
    if document.get("QueryLanguage") != "JSONata":
        raise UnsupportedError("a query language other than JSONata")
    states = {name: _state(name, state) for name, state in document["States"].items()}
    for target in (document["StartAt"], *(_targets(document["States"]))):
        if target not in states:
            raise UnsupportedError(f"a transition to {target}, which does not exist")
    return Definition(document["StartAt"], states, document.get("TimeoutSeconds"))


@cache
def delivery_document() -> dict[str, Any]:
    """Return the definition of the delivery workflow.

    Callers must not change it: all get the same object.
    """
    document: dict[str, Any] = json.loads(DELIVERY.read_text())
    return document


def first_attempt_document(timeout_seconds: int) -> dict[str, Any]:
    """Return the definition of the Express workflow, derived in the same way as in the stack."""
    return first_attempt_definition(delivery_document(), timeout_seconds=timeout_seconds)


def _only(document: dict[str, Any], known: frozenset[str], where: str) -> None:
    if unknown := set(document) - known:
        raise UnsupportedError(f"{', '.join(sorted(unknown))} in {where}")


def _targets(states: dict[str, Any]) -> list[str]:
    return [
        holder[arrow]
        for state in states.values()
        for holder in (state, *state.get("Choices", []), *state.get("Catch", []))
        for arrow in ("Next", "Default")
        if arrow in holder
    ]


def _state(name: str, state: dict[str, Any]) -> State:
    kind = state["Type"]
    if kind not in _FIELDS:
        raise UnsupportedError(f"a state of type {kind}: {name}")
    _only(state, _FIELDS[kind], name)
    match kind:
        case "Task":
            return _task(name, state)
        case "Wait":
            return Wait(name, compile_template(state["Timestamp"]), state["Next"])
        case "Choice":
            return Choice(name, tuple(map(_rule, state["Choices"])), state["Default"])
        case "Succeed":
            return Succeed(name, _optional(state, "Output"))
        case _:
            return Fail(name, compile_template(state["Error"]), compile_template(state["Cause"]))


def _task(name: str, state: dict[str, Any]) -> Task:
    if state["Resource"] not in RESOURCES:
        raise UnsupportedError(f"the resource {state['Resource']}: {name}")
    return Task(
        name,
        state["Resource"],
        compile_template(state["Arguments"]),
        tuple(_retrier(entry, name) for entry in state.get("Retry", [])),
        tuple(_catcher(entry, name) for entry in state.get("Catch", [])),
        _optional(state, "Output"),
        None if state.get("End") else state["Next"],
    )


def _rule(rule: dict[str, Any]) -> Rule:
    _only(rule, _RULE, "a choice")
    return Rule(compile_template(rule["Condition"]), _optional(rule, "Output"), rule["Next"])


def _retrier(entry: dict[str, Any], where: str) -> Retrier:
    _only(entry, _RETRIER, f"Retry of {where}")
    if entry.get("JitterStrategy", "NONE") not in {"NONE", "FULL"}:
        raise UnsupportedError(f"JitterStrategy {entry['JitterStrategy']} in {where}")
    # The defaults are those of the Amazon States Language.
    return Retrier(
        _errors(entry, where),
        entry.get("IntervalSeconds", 1),
        entry.get("MaxAttempts", 3),
        entry.get("BackoffRate", 2.0),
        entry.get("MaxDelaySeconds"),
        entry.get("JitterStrategy") == "FULL",
    )


def _catcher(entry: dict[str, Any], where: str) -> Catcher:
    _only(entry, _CATCHER, f"Catch of {where}")
    return Catcher(_errors(entry, where), _optional(entry, "Output"), entry["Next"])


def _errors(entry: dict[str, Any], where: str) -> frozenset[str]:
    errors = frozenset(entry["ErrorEquals"])
    if wildcards := {e for e in errors if e.startswith("States.")} - {ALL_ERRORS, QUERY_ERROR}:
        raise UnsupportedError(f"{', '.join(sorted(wildcards))} in ErrorEquals of {where}")
    return errors


def _optional(holder: dict[str, Any], field: str) -> Evaluate | None:
    return compile_template(holder[field]) if field in holder else None

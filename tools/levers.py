"""What would make it cheaper, as changes of the counts and assumptions, so that it can be priced.

Each lever is a change of the system, not of the sums. None of them is in the counts: they are what
is still to be decided (docs/cost.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from homing_cli.cost.counts import End

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homing_cli.cost.assumptions import Assumptions
    from homing_cli.cost.counts import Calls
    from homing_cli.cost.model import Model

Scenarios = dict[tuple[End, int], "Calls"]

# A retry of the default policy is due after 1 to 2 s, then after 2 to 3 s, both rounded up.
_WAITS_MS = (0, 2000, 3000)
_LATENCY_MS = 200
_RETRY_TASKS = 4  # Deliver, Classify, ComputeBackoff, RecordRetry


@dataclass(frozen=True, slots=True)
class Lever:
    """A change that saves money.

    Args:
        name: what is changed.
        price: what one gives up for it.
        apply: makes the model with the change.
    """

    name: str
    price: str
    apply: Callable[[Model], Model]


def _keep_as_long_as_dead_letters(model: Model) -> Model:
    return _with(model, settings={**model.assumptions.settings, "retentionDays": 14})


def _past_classify(model: Model) -> Model:
    """A choice behind `Deliver` takes a 2xx straight to its record; every failure pays for it."""

    def shorter(scenarios: Scenarios) -> Scenarios:
        return {
            scenario: _judged_if_failed(calls, *scenario) for scenario, calls in scenarios.items()
        }

    def _judged_if_failed(calls: Calls, end: End, attempts: int) -> Calls:
        delivered = end is End.DELIVERED
        at_once = delivered and attempts == 1
        failed_later = attempts - 1 - delivered if calls["standard.executions"] else 0
        saved = delivered and calls["standard.executions"]
        return {
            **calls,
            "lambda.Classify": calls["lambda.Classify"] - delivered,
            "express.tasks": calls["express.tasks"] - at_once,
            "standard.transitions": calls["standard.transitions"] + failed_later - saved,
        }

    return _with_scenarios(model, shorter)


def _short_waits_in_express(model: Model) -> Model:
    def stay(scenarios: Scenarios) -> Scenarios:
        return {
            (end, attempts): _stayed(calls, end, attempts)
            if calls["express.requests"] and 1 < attempts <= len(_WAITS_MS)
            else calls
            for (end, attempts), calls in scenarios.items()
        }

    def _stayed(calls: Calls, end: End, attempts: int) -> Calls:
        last = 3 if end is End.DELIVERED else 4
        waited_ms = sum(_WAITS_MS[:attempts]) + (attempts - 1) * _LATENCY_MS
        tasks = last + (attempts - 1) * _RETRY_TASKS
        return {
            **calls,
            "standard.executions": 0,
            "standard.transitions": 0,
            "express.tasks": tasks + waited_ms / model.assumptions.express.task_ms,
        }

    return _with_scenarios(model, stay)


def _with(model: Model, **changes: Mapping[str, object]) -> Model:
    assumptions: Assumptions = replace(model.assumptions, **changes)  # type: ignore[arg-type]
    return replace(model, assumptions=assumptions)


def _with_scenarios(model: Model, change: Callable[[Scenarios], Scenarios]) -> Model:
    on = model.counts["on"]
    scenarios = change({scenario: dict(calls) for scenario, calls in on.scenarios.items()})
    return replace(model, counts={**model.counts, "on": replace(on, scenarios=scenarios)})


LEVERS = (
    Lever(
        "records kept for 14 days, not 30",
        "duplicates noticed and records shown for two weeks",
        _keep_as_long_as_dead_letters,
    ),
    Lever("a 2xx goes past `Classify`", "who fails for good pays more", _past_classify),
    Lever("a wait of up to 3 s stays in the Express execution", "", _short_waits_in_express),
)

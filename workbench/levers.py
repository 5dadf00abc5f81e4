"""What would make it cheaper, as changes of the counts and assumptions, so that it can be priced.

Each lever is a change of the system, not of the sums. None of them is in the counts: they are what
is still to be decided (docs/cost.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.counts import End

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workbench.assumptions import Assumptions
    from workbench.cost import Model
    from workbench.counts import Calls

Fates = dict[tuple[End, int], "Calls"]

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


def _read_on_repeats_only(model: Model) -> Model:
    def unread(fates: Fates) -> Fates:
        return {fate: {**calls, "dynamodb.readUnits": 0} for fate, calls in fates.items()}

    return _with_fates(model, unread)


def _keep_a_week(model: Model) -> Model:
    return _with(model, settings={**model.assumptions.settings, "retentionDays": 7})


def _smaller_functions(model: Model) -> Model:
    functions = dict(model.assumptions.functions)
    functions["Deliver"] = replace(functions["Deliver"], memory_mb=128, ms=50)
    functions["Dispatch"] = replace(functions["Dispatch"], memory_mb=256, ms=110)
    return _with(model, functions=functions)


def _short_waits_in_express(model: Model) -> Model:
    def stay(fates: Fates) -> Fates:
        return {
            (end, attempts): _stayed(calls, end, attempts)
            if calls["express.requests"] and 1 < attempts <= len(_WAITS_MS)
            else calls
            for (end, attempts), calls in fates.items()
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

    return _with_fates(model, stay)


def _with(model: Model, **changes: Mapping[str, object]) -> Model:
    assumptions: Assumptions = replace(model.assumptions, **changes)  # type: ignore[arg-type]
    return replace(model, assumptions=assumptions)


def _with_fates(model: Model, change: Callable[[Fates], Fates]) -> Model:
    on = model.counts["on"]
    fates = change({fate: dict(calls) for fate, calls in on.fates.items()})
    return replace(model, counts={**model.counts, "on": replace(on, fates=fates)})


LEVERS = (
    Lever("`dispatch` reads the ledger only for what comes again", "", _read_on_repeats_only),
    Lever("records kept for 7 days, not 30", "duplicates noticed for a week", _keep_a_week),
    Lever(
        "Deliver at 128 MB, Dispatch at 256 MB", "slower TLS, to be measured", _smaller_functions
    ),
    Lever("a wait of up to 3 s stays in the Express execution", "", _short_waits_in_express),
)

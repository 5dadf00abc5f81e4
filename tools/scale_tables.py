"""The generated tables in docs/scaling.md."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from homing_cli.cost.model import Model, load_model
from tools.scale import (
    DEFAULT,
    RATES,
    SLOW,
    binding,
    dispatched_per_second,
    loads,
    quotas,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing_cli.cost.workload import Workload

    Rows = list[list[str]]

_AT_API = replace(DEFAULT, via="api")  # with the default, the function URL, its demand would be 0
_SLOW_SHARES = (0.0, 0.01, 0.05, 0.10, 0.5, 1.0)


@cache
def _model() -> Model:
    return load_model("us-east-1")


def first() -> Rows:
    """Return, for each rate of messages, the quotas that are reached, the largest share first."""
    columns = {
        "express path on": DEFAULT,
        "express path off": replace(DEFAULT, express_path="off"),
        "express path on, every endpoint takes 15 s": SLOW,
        "express path on, all through one HTTP API": _AT_API,
    }
    rows = [["messages/s", *columns]]
    for rate in RATES:
        cells = (_binding(workload, rate) for workload in columns.values())
        rows.append([f"{rate:,}", *cells])
    return rows


def _binding(workload: Workload, rate: float) -> str:
    found = binding(loads(_model(), workload, rate))
    return "; ".join(f"{one.quota.name} ({one.share:.1f}x)" for one in found) or "nothing"


def demand() -> Rows:
    """Return the demand on every quota, by message rate, with the express path on and one API."""
    return _demand(_AT_API)


def demand_off() -> Rows:
    """Return the demand on every quota, by message rate, with the express path off and one API."""
    return _demand(replace(_AT_API, express_path="off"))


def _demand(workload: Workload) -> Rows:
    by_rate = [loads(_model(), workload, rate) for rate in RATES]
    rows = [["quota", "default", *(f"at {rate:,}/s" for rate in RATES)]]
    for name, quota in quotas().items():
        cells = (_cell(one[name].demand, quota.limit) for one in by_rate)
        rows.append([quota.name, f"{quota.limit:,} {quota.unit}", *cells])
    return rows


def _cell(demand: float, limit: float) -> str:
    text = f"{demand:,.0f}" if demand >= 10 else f"{demand:,.1f}"  # noqa: PLR2004  # two digits
    return f"**{text}**" if demand >= limit else text


def dispatcher() -> Rows:
    """Return how many messages a second are dispatched when some endpoints are slow."""
    rows = [
        ["messages to endpoints that take 15 s", "dispatched, express path on", "express path off"]
    ]
    for share in _SLOW_SHARES:
        cells = (
            f"{dispatched_per_second(_model(), workload, share):,.0f}/s"
            for workload in (DEFAULT, replace(DEFAULT, express_path="off"))
        )
        rows.append([f"{share:.0%}", *cells])
    return rows


def remedies() -> Rows:
    """Return every quota, with its source and how to raise it."""
    rows = [["quota", "default", "to raise it", "source"]]
    for one in quotas().values():
        source = one.source or "this stack"
        rows.append([one.name, f"{one.limit:,} {one.unit}", one.remedy, source])
    return rows


SCALE_TABLES: dict[str, Callable[[], Rows]] = {
    "first": first,
    "demand": demand,
    "demand-off": demand_off,
    "dispatcher": dispatcher,
    "remedies": remedies,
}

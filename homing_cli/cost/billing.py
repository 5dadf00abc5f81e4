"""How AWS turns calls into billed units: time rounded up, data in chunks, traces by sampling."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from homing_cli.cost.assumptions import Assumptions, Express, Function, Tracing
    from homing_cli.cost.workload import Workload

_CHUNK_BYTES = 64 * 1024


def chunks(size: float) -> int:
    """Return how many requests SQS bills for one of this many bytes."""
    return max(1, math.ceil(size / _CHUNK_BYTES))


def express_ms(express: Express, calls: Mapping[str, float], workload: Workload) -> float:
    """Return how long the Express execution of such a delivery takes; 0 without one."""
    if not calls["express.requests"]:
        return 0
    return workload.latency_ms + calls["express.tasks"] * express.task_ms


def express_gb_seconds(express: Express, ms: float) -> float:
    """Return what an execution of this length is billed."""
    rounded = math.ceil(ms / express.rounding_ms) * express.rounding_ms
    return rounded / 1000 * express.memory_mb / 1024


def expected_longest(times: Iterable[tuple[float, float]], of: float) -> float:
    """Return the longest time on average when so many things run at once.

    Args:
        times: how long one of them takes: probability, milliseconds.
        of: how many run at once.
    """
    expected, none_longer_before, share = 0.0, 0.0, 0.0
    for probability, ms in sorted(times, key=lambda time: time[1]):
        share += probability
        none_longer = min(share, 1.0) ** of
        expected += (none_longer - none_longer_before) * ms
        none_longer_before = none_longer
    return expected


def batch_fill(rate: float, batch_ms: float, concurrency: int, limit: int) -> float:
    """Return how many messages a batch holds on average.

    While `concurrency` batches are under way, what comes in waits for the next: a trickle makes
    batches of one, and from `concurrency * limit` messages in the time of a batch on they are full.

    Args:
        rate: messages per second.
        batch_ms: how long the dispatcher works on a batch.
        concurrency: how many batches it works on at once.
        limit: how many messages a batch can hold.
    """
    return min(float(limit), max(1.0, rate * batch_ms / 1000 / concurrency))


def function_ms(function: Function, workload: Workload, longest_express_ms: float) -> int:
    """Return how long an invocation takes, waits included, rounded up to the millisecond."""
    waits = {"endpoint": workload.latency_ms, "express": longest_express_ms}
    waited = (
        waits[function.waits[workload.express_path]]
        if workload.express_path in function.waits
        else 0
    )
    return math.ceil(function.ms + waited)


def function_gb_seconds(function: Function, ms: float, assumptions: Assumptions) -> float:
    """Return what an average invocation is billed, its share of cold starts included."""
    billed_ms = ms + assumptions.cold_start_share * function.init_ms
    return billed_ms / 1000 * function.memory_mb / 1024


def traces(tracing: Tracing, calls: float, seconds: float) -> float:
    """Return how many traces X-Ray records of calls that come in at random over some seconds.

    Each second records `reservoirPerSecond` of them, if so many come, and `rate` of the rest. With
    a reservoir of one, a second records one if any call comes in it: 1 - e^-(calls / seconds).
    """
    per_second = calls / seconds
    reserved = 0.0
    for place in range(tracing.reservoir_per_second):
        fewer = sum(_poisson(per_second, calls_in_it) for calls_in_it in range(place + 1))
        reserved += seconds * (1 - fewer)
    return reserved + tracing.rate * (calls - reserved)


def _poisson(mean: float, events: int) -> float:
    return math.exp(-mean) * mean**events / math.factorial(events)

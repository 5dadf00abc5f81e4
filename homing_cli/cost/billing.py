"""The units that AWS bills for calls: rounded time, chunks of data, sampled traces."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from homing_cli.cost.assumptions import Assumptions, Express, Function, Tracing
    from homing_cli.cost.workload import Workload

_CHUNK_BYTES = 64 * 1024


def chunks(size: float) -> int:
    """Return the number of requests that SQS bills for one request of this size."""
    return max(1, math.ceil(size / _CHUNK_BYTES))


def express_ms(express: Express, calls: Mapping[str, float], workload: Workload) -> float:
    """Return the duration of a delivery's Express execution; 0 if there is none."""
    if not calls["express.requests"]:
        return 0
    return workload.latency_ms + calls["express.tasks"] * express.task_ms


def express_gb_seconds(express: Express, ms: float) -> float:
    """Return the GB-seconds that are billed for an execution."""
    rounded = math.ceil(ms / express.rounding_ms) * express.rounding_ms
    return rounded / 1000 * express.memory_mb / 1024


def expected_longest(times: Iterable[tuple[float, float]], of: float) -> float:
    """Return the expected duration of the longest of several concurrent operations.

    Args:
        times: the possible durations of one operation, as (probability, milliseconds).
        of: the number of concurrent operations.
    """
    expected, none_longer_before, share = 0.0, 0.0, 0.0
    for probability, ms in sorted(times, key=lambda time: time[1]):
        share += probability
        none_longer = min(share, 1.0) ** of
        expected += (none_longer - none_longer_before) * ms
        none_longer_before = none_longer
    return expected


def batch_fill(rate: float, batch_ms: float, concurrency: int, limit: int) -> float:
    """Return the average number of messages in a batch.

    Messages that arrive while `concurrency` batches run wait for the next batch. At a low rate,
    each batch therefore has one message. If at least `concurrency * limit` messages arrive in
    `batch_ms`, batches are full.

    Args:
        rate: messages per second.
        batch_ms: the time that the dispatcher takes for a batch.
        concurrency: how many batches are dispatched concurrently.
        limit: how many messages a batch can hold.
    """
    return min(float(limit), max(1.0, rate * batch_ms / 1000 / concurrency))


def function_ms(function: Function, workload: Workload, longest_express_ms: float) -> int:
    """Return the duration of an invocation, waits included, rounded up to the millisecond."""
    waits = {"endpoint": workload.latency_ms, "express": longest_express_ms}
    waited = (
        waits[function.waits[workload.express_path]]
        if workload.express_path in function.waits
        else 0
    )
    is_shared = workload.together > 1 and function.together_ms is not None
    own = function.together_ms if is_shared else function.ms
    return math.ceil((own or 0) + waited)


def function_gb_seconds(function: Function, ms: float, assumptions: Assumptions) -> float:
    """Return the GB-seconds of an average invocation, including its share of cold starts."""
    billed_ms = ms + assumptions.cold_start_share * function.init_ms
    return billed_ms / 1000 * function.memory_mb / 1024


def traces(tracing: Tracing, calls: float, seconds: float) -> float:
    """Return the number of traces that X-Ray records for calls at random times.

    In each second X-Ray records up to `reservoirPerSecond` calls, and of the others the share
    `rate`. A reservoir of one is used in each second that contains at least one call; the
    probability of such a second is 1 - e^-(calls / seconds).
    """
    per_second = calls / seconds
    reserved = 0.0
    for place in range(tracing.reservoir_per_second):
        fewer = sum(_poisson(per_second, calls_in_it) for calls_in_it in range(place + 1))
        reserved += seconds * (1 - fewer)
    return reserved + tracing.rate * (calls - reserved)


def _poisson(mean: float, events: int) -> float:
    return math.exp(-mean) * mean**events / math.factorial(events)

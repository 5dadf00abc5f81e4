"""Show how 10,000 deliveries that fail at the same moment are retried under each jitter strategy.

This is a simulation with a fixed seed and the real `compute_backoff`. As in the workflow, a retry
starts at a whole second (`WaitUntilDue`), and its delay is counted from the end of the failed
attempt. `python benchmarks/stampede.py` prints the table and draws the plot; docs/retry-policy.md
has the conclusions.
"""

from __future__ import annotations

import math
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sizes import IS_SMALLEST, sized
from homing.retry.backoff import compute_backoff
from homing.retry.policy import MAX_ATTEMPTS_LIMIT, Jitter, Policy
from homing_cli.cost import plots

if TYPE_CHECKING:
    from collections.abc import Iterator

COHORT = sized(10_000, 100)
SEED = 20_261_124
PLOT = Path(__file__).parents[1] / "docs" / "images" / "stampede.png"

_ATTEMPT_MS = 300  # the time from when an attempt is due until it ends: start, connection, response
_PERSISTENT = Policy(max_attempts=MAX_ATTEMPTS_LIMIT)


@dataclass(frozen=True, slots=True)
class Case:
    """A case in the table: the behaviour of the endpoint, and the policy without its jitter.

    Args:
        name: its name in the table.
        down_seconds: for how long the endpoint responds to every request with 503.
        capacity: how many requests a second the endpoint accepts after that; None for all.
        retry_after_seconds: the `Retry-After` in its 503 responses.
        policy: the policy of every delivery.
    """

    name: str
    down_seconds: int
    capacity: int | None = None
    retry_after_seconds: int | None = None
    policy: Policy = _PERSISTENT


CASES = (
    Case("down for 60 s", 60),
    Case("down for 60 s, then 500/s", 60, capacity=500),
    Case(
        "down for 60 s, then 500/s, base 10 s",
        60,
        capacity=500,
        policy=replace(_PERSISTENT, base_delay_seconds=10),
    ),
    Case("503 with Retry-After: 30 for 60 s, then 500/s", 60, capacity=500, retry_after_seconds=30),
)
PLOTTED = CASES[1]


@dataclass(slots=True)
class Run:
    """The retries of a cohort: deliveries that failed at the same moment.

    Args:
        cohort: the number of deliveries that failed at the same moment.
        arrivals: the number of retries in each second.
        requests: the total number of attempts, including first attempts.
        drained: the second in which the last delivery succeeded.
        dead_lettered: how many deliveries ran out of attempts.
    """

    cohort: int
    arrivals: Counter[int] = field(default_factory=Counter)
    requests: int = 0
    drained: int = 0
    dead_lettered: int = 0

    def peak(self, since: int = 0) -> float:
        """Return the most retries in any one second from `since` on, as a share of the cohort."""
        most = max((n for second, n in self.arrivals.items() if second >= since), default=0)
        return most / self.cohort

    def shares(self, until: int) -> list[float]:
        """Return the retries in each second, as percentages of the cohort."""
        return [100 * self.arrivals[second] / self.cohort for second in range(until)]


@dataclass(slots=True)
class _Delivery:
    attempt_number: int = 0
    previous_delay_ms: int | None = None


def simulate(case: Case, jitter: Jitter, *, cohort: int = COHORT, seed: int = SEED) -> Run:
    """Simulate deliveries that fail at second 0, until all are delivered or dead-lettered."""
    policy = replace(case.policy, jitter=jitter)
    chance = Random(seed)  # noqa: S311  # a simulation must repeat itself
    run = Run(cohort)
    due: dict[int, list[_Delivery]] = defaultdict(list)
    due[0] = [_Delivery() for _ in range(cohort)]
    while due:
        second = min(due)
        waiting = due.pop(second)
        run.requests += len(waiting)
        if second:
            run.arrivals[second] = len(waiting)
        taken = _taken(case, second, len(waiting))
        if taken:
            run.drained = second
        for delivery in waiting[taken:]:
            if delivery.attempt_number + 1 == policy.max_attempts:
                run.dead_lettered += 1
                continue
            due[_next_second(case, policy, delivery, second, chance)].append(delivery)
    return run


def _taken(case: Case, second: int, waiting: int) -> int:
    if second < case.down_seconds:
        return 0
    return waiting if case.capacity is None else min(waiting, case.capacity)


def _next_second(
    case: Case, policy: Policy, delivery: _Delivery, second: int, chance: Random
) -> int:
    """Schedule the retry of a failed attempt, and return the second in which it will be made."""
    asked = case.retry_after_seconds
    delay_ms = compute_backoff(
        policy,
        delivery.attempt_number,
        draw=chance.random,
        previous_delay_ms=delivery.previous_delay_ms,
        retry_after_ms=None if asked is None else asked * 1000,
    ).delay_ms
    delivery.attempt_number += 1
    delivery.previous_delay_ms = delay_ms
    return math.ceil((second * 1000 + _ATTEMPT_MS + delay_ms) / 1000)


def rows(cohort: int = COHORT) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table in docs/retry-policy.md, without the header."""
    return (row(case, jitter, cohort) for case in CASES for jitter in Jitter)


def row(case: Case, jitter: Jitter, cohort: int) -> tuple[str, ...]:
    """Return one row of the table."""
    run = simulate(case, jitter, cohort=cohort)
    return (
        case.name,
        jitter.value,
        f"{run.peak():.1%}",
        f"{run.peak(case.down_seconds):.1%}",
        f"{run.drained} s",
        f"{run.requests / cohort:.1f}",
        f"{run.dead_lettered / cohort:.1%}",
    )


HEAD = ("endpoint", "jitter", "peak", "peak once up", "drained", "requests each", "never delivered")


def main() -> None:
    """Print the table and draw the plot."""
    for row in (HEAD, ("---",) * len(HEAD), *rows()):
        print(f"| {' | '.join(row)} |")
    until = PLOTTED.down_seconds * 3
    series = {jitter.value: simulate(PLOTTED, jitter).shares(until) for jitter in Jitter}
    title = f"Retries in each second, % of {COHORT:,}: endpoint {PLOTTED.name}"
    if not IS_SMALLEST:
        plots.arrivals(series, title, PLOT)
        print(f"plot: {PLOT}")


if __name__ == "__main__":
    main()

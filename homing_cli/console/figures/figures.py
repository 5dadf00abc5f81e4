"""The figures of the overview, independent of their source."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from homing.retry.classification import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from homing_cli.traces.attempt_log import Attempted

PERCENTILES = (50, 90, 99)
_MOST_STEPS = 240


@dataclass(frozen=True, slots=True)
class Span:
    """A period that ends now, in steps of equal length.

    Args:
        start: the beginning of the period, at the beginning of a step.
        step: the length of a step.
        steps: the number of steps; the last is not yet complete.
    """

    start: datetime
    step: timedelta
    steps: int

    @property
    def instants(self) -> list[datetime]:
        """The time at which each step begins."""
        return [self.start + number * self.step for number in range(self.steps)]

    def number_of(self, instant: datetime) -> int:
        """Return the number of the step that contains an instant."""
        return int((instant - self.start) / self.step)

    @classmethod
    def until(cls, now: datetime, hours: float) -> Span:
        """Return the span of the last hours.

        Each step is a minute, or longer if there would otherwise be more than 240 steps.
        """
        minutes = max(1, math.ceil(hours * 60 / _MOST_STEPS))
        step = timedelta(minutes=minutes)
        whole = now.replace(second=0, microsecond=0)
        steps = math.ceil(hours * 60 / minutes)
        return cls(whole - (steps - 1) * step, step, steps)


@dataclass(frozen=True, slots=True)
class Figures:
    """The overview's figures for a period. Each list has one figure for each step of the span.

    Args:
        span: the period, in steps.
        delivered: successful attempts.
        retried: failed attempts that are retried.
        failed: failed attempts that are not retried.
        latency_ms: for each percentile, its latency in each step; None for a step without attempts.
        percentiles_ms: for each percentile, its latency over the whole span; None if there were no
            attempts.
        source: the source of the figures, in a few words.
    """

    span: Span
    delivered: Sequence[float]
    retried: Sequence[float]
    failed: Sequence[float]
    latency_ms: Mapping[int, Sequence[float | None]]
    percentiles_ms: Mapping[int, float | None]
    source: str

    @property
    def attempts(self) -> int:
        """The number of attempts in the span."""
        return round(sum(self.delivered) + sum(self.retried) + sum(self.failed))

    @property
    def success_rate(self) -> float | None:
        """The share of ended deliveries that were delivered; None if none ended."""
        ended = sum(self.delivered) + sum(self.failed)
        return sum(self.delivered) / ended if ended else None

    @property
    def per_minute(self) -> float:
        """The average number of attempts per minute."""
        return self.attempts / (self.span.steps * self.span.step.total_seconds() / 60)


_LEDS_TO = {
    Status.DELIVERED: "delivered",
    Status.RETRY_SCHEDULED: "retried",
    Status.FAILED: "failed",
    Status.MAX_RETRIES_EXCEEDED: "failed",
}


def from_attempts(attempts: Iterable[Attempted], span: Span, source: str) -> Figures:
    """Return the figures for a span, computed from logged attempts."""
    counts: Counter[tuple[str, int]] = Counter()
    latencies: list[list[int]] = [[] for _ in range(span.steps)]
    for one in attempts:
        number = span.number_of(one.at)
        if 0 <= number < span.steps:
            counts[_LEDS_TO[Status(one.status)], number] += 1
            latencies[number].append(one.latency_ms)
    everything = [latency for step in latencies for latency in step]
    return Figures(
        span=span,
        delivered=[counts["delivered", number] for number in range(span.steps)],
        retried=[counts["retried", number] for number in range(span.steps)],
        failed=[counts["failed", number] for number in range(span.steps)],
        latency_ms={p: [percentile(step, p) for step in latencies] for p in PERCENTILES},
        percentiles_ms={p: percentile(everything, p) for p in PERCENTILES},
        source=source,
    )


def percentile(values: Sequence[float], rank: int) -> float | None:
    """Return a percentile of values (nearest rank); None if there are no values."""
    if not values:
        return None
    return sorted(values)[max(-(-len(values) * rank // 100) - 1, 0)]

"""What a retry policy would do: its schedule, and the load of many that failed together.

Pure, and with the rules that deliveries run by (`homing.retry.backoff`), so the two cannot differ.

The schedule counts from the first attempt and takes attempts to last no time:

    earliest   every draw of chance is the smallest
    middle     every draw is one half
    latest     every draw is the largest

The stampede is that of deliveries that fail in the same second, evenly spread over it, and go on
failing. As in the workflow, each wait ends on the next whole second. Chance is not drawn but laid
out evenly over a fixed number of deliveries, so the same policy always gives the same figures.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from homing.retry.backoff import compute_backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from homing.retry.policy import Policy

_LARGEST = math.nextafter(1, 0)
_SAMPLES = 4096
_BINS = 64  # so that about 64 samples stand behind each
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73)
_SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt of a schedule, in milliseconds after the first.

    Args:
        attempt: which, counted from 1.
        earliest_ms: with the smallest draws.
        middle_ms: with draws of one half.
        latest_ms: with the largest draws.
    """

    attempt: int
    earliest_ms: int
    middle_ms: int
    latest_ms: int


@dataclass(frozen=True, slots=True)
class Wave:
    """The load that one attempt of all deliveries makes.

    Args:
        attempt: which, counted from 1.
        start_s: the first second in which it arrives, counted from the failure.
        width_s: how many seconds one bin is wide.
        per_second: requests a second on average, bin by bin.
    """

    attempt: int
    start_s: int
    width_s: int
    per_second: tuple[float, ...]

    @property
    def peak(self) -> float:
        """Requests a second in the busiest bin."""
        return max(self.per_second)


def schedule(policy: Policy) -> tuple[Step, ...]:
    """Return when each attempt of the policy is made, the first at 0."""
    spread = (
        offsets_ms(policy, lambda: 0.0),
        offsets_ms(policy, lambda: 0.5),
        offsets_ms(policy, lambda: _LARGEST),
    )
    return tuple(
        Step(attempt, *times) for attempt, times in enumerate(zip(*spread, strict=True), start=1)
    )


def offsets_ms(policy: Policy, draw: Callable[[], float]) -> tuple[int, ...]:
    """Return when each attempt is made with these draws, in milliseconds after the first."""
    offsets, previous = [0], None
    for number in range(policy.max_attempts - 1):
        previous = compute_backoff(policy, number, draw=draw, previous_delay_ms=previous).delay_ms
        offsets.append(offsets[-1] + previous)
    return tuple(offsets)


def stampede(policy: Policy, deliveries: int) -> tuple[Wave, ...]:
    """Return the load a second when so many deliveries fail in the same second, attempt by attempt.

    The first attempts themselves, which are the cause, are not in it.
    """
    arrivals = [tuple(_arrivals_s(policy, sample)) for sample in range(_SAMPLES)]
    share = deliveries / _SAMPLES
    return tuple(
        _wave(attempt, seconds, share)
        for attempt, seconds in enumerate(zip(*arrivals, strict=True), start=2)
    )


def _arrivals_s(policy: Policy, sample: int) -> Iterator[int]:
    """Return the whole second of each attempt after the first of one delivery."""
    now_ms, previous = int(_spread(sample, 0) * _SECOND_MS), None
    for number in range(policy.max_attempts - 1):
        draw = partial(_spread, sample, number + 1)
        previous = compute_backoff(policy, number, draw=draw, previous_delay_ms=previous).delay_ms
        second = math.ceil((now_ms + previous) / _SECOND_MS)
        now_ms = second * _SECOND_MS
        yield second


def _spread(sample: int, dimension: int) -> float:
    """Lay samples evenly over [0, 1), in every dimension otherwise (a Kronecker sequence)."""
    return (0.5 + sample * math.sqrt(_PRIMES[dimension])) % 1


def _wave(attempt: int, seconds: Sequence[int], share: float) -> Wave:
    start = min(seconds)
    width = max(1, math.ceil((max(seconds) + 1 - start) / _BINS))
    bins = Counter((second - start) // width for second in seconds)
    return Wave(
        attempt,
        start,
        width,
        tuple(bins[number] * share / width for number in range(max(bins) + 1)),
    )

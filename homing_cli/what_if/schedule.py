"""The schedule of a retry policy, and the load of many deliveries that fail in one second.

Pure functions. They use the rules of real deliveries (`homing.retry.backoff`), so that a schedule
cannot differ from what happens.

The schedule begins at the first attempt, and attempts take no time:

    earliest   every random number is the smallest
    middle     every random number is one half
    latest     every random number is the largest

The stampede is the load of deliveries that first fail within one second, evenly spread over it, and
keep failing. As in the workflow, each wait ends on the next whole second. Evenly spaced samples
take the place of random numbers, so that the same policy always has the same figures.
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
_BINS = 64  # so that each bin has about 64 samples
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73)
_SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """The time of one attempt in a schedule, in milliseconds after the first attempt.

    Args:
        attempt: the number of the attempt, counted from 1.
        earliest_ms: the time of the attempt with the smallest random numbers.
        middle_ms: the time with random numbers of one half.
        latest_ms: the time with the largest random numbers.
    """

    attempt: int
    earliest_ms: int
    middle_ms: int
    latest_ms: int


@dataclass(frozen=True, slots=True)
class Wave:
    """The load that results when all deliveries make attempt number `attempt`.

    Args:
        attempt: the number of the attempt, counted from 1.
        start_s: the first second with a request, counted from the failure.
        width_s: the seconds in a bin; the load is averaged over each bin.
        per_second: the average requests per second of each bin.
    """

    attempt: int
    start_s: int
    width_s: int
    per_second: tuple[float, ...]

    @property
    def peak(self) -> float:
        """The requests per second in the busiest bin."""
        return max(self.per_second)


def schedule(policy: Policy) -> tuple[Step, ...]:
    """Return the times of the policy's attempts; the first is at 0."""
    spread = (
        offsets_ms(policy, lambda: 0.0),
        offsets_ms(policy, lambda: 0.5),
        offsets_ms(policy, lambda: _LARGEST),
    )
    return tuple(
        Step(attempt, *times) for attempt, times in enumerate(zip(*spread, strict=True), start=1)
    )


def offsets_ms(policy: Policy, draw: Callable[[], float]) -> tuple[int, ...]:
    """Return the time of each attempt, in ms after the first.

    Args:
        policy: the retry policy.
        draw: returns the random numbers from 0 to 1 that determine the jitter.
    """
    offsets, previous = [0], None
    for number in range(policy.max_attempts - 1):
        previous = compute_backoff(policy, number, draw=draw, previous_delay_ms=previous).delay_ms
        offsets.append(offsets[-1] + previous)
    return tuple(offsets)


def stampede(policy: Policy, deliveries: int) -> tuple[Wave, ...]:
    """Return the load that each retry causes if many deliveries fail in the same second."""
    arrivals = [tuple(_arrivals_s(policy, sample)) for sample in range(_SAMPLES)]
    share = deliveries / _SAMPLES
    return tuple(
        _wave(attempt, seconds, share)
        for attempt, seconds in enumerate(zip(*arrivals, strict=True), start=2)
    )


def _arrivals_s(policy: Policy, sample: int) -> Iterator[int]:
    """Yield the second in which each retry of one delivery is made."""
    now_ms, previous = int(_spread(sample, 0) * _SECOND_MS), None
    for number in range(policy.max_attempts - 1):
        draw = partial(_spread, sample, number + 1)
        previous = compute_backoff(policy, number, draw=draw, previous_delay_ms=previous).delay_ms
        second = math.ceil((now_ms + previous) / _SECOND_MS)
        now_ms = second * _SECOND_MS
        yield second


def _spread(sample: int, dimension: int) -> float:
    """Return coordinate `dimension` of an evenly spaced sample of [0, 1) (a Kronecker sequence)."""
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

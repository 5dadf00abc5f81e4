"""The delay before the next attempt.

    exponentialDelay = min(maxDelay, base * multiplier ** attemptNumber)
    delay            = max(exponentialDelay + jitterApplied, Retry-After)
    nextRetryAt      = timestamp + delay

With v for exponentialDelay and U for a uniform random draw, each jitter strategy changes v into:

    additive      v + U(0, 1 s)
    full          U(0, v)
    equal         v / 2 + U(0, v / 2)
    decorrelated  min(maxDelay, U(base, 3 * previous delay))
    none          v

`jitterApplied` is what the strategy adds to v; it is negative if the delay becomes shorter. All
calculations are in whole milliseconds, so that the recorded figures add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from homing.retry.policy import Jitter

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.retry.policy import Policy

ADDITIVE_JITTER_MS = 1000


@dataclass(frozen=True, slots=True)
class Backoff:
    """The delay before the next attempt and its parts, in milliseconds.

    Args:
        exponential_ms: the policy's delay before jitter.
        jitter_ms: what jitter added; may be negative.
        retry_after_ms: the `Retry-After` of the endpoint, limited by the policy's ceiling; None if
            the endpoint sent none.
    """

    exponential_ms: int
    jitter_ms: int
    retry_after_ms: int | None = None

    @property
    def delay_ms(self) -> int:
        """The delay with jitter, at least `Retry-After`."""
        return max(self.exponential_ms + self.jitter_ms, self.retry_after_ms or 0)


def compute_backoff(
    policy: Policy,
    attempt_number: int,
    *,
    draw: Callable[[], float],
    previous_delay_ms: int | None = None,
    retry_after_ms: int | None = None,
) -> Backoff:
    """Compute the delay after the failed attempt `attempt_number` (counted from 0).

    Args:
        policy: the delivery's policy.
        attempt_number: any number from 0; large ones do not overflow.
        draw: returns a random number in [0, 1). It is called once; without jitter, not at all.
        previous_delay_ms: the delay before this attempt, for decorrelated jitter.
        retry_after_ms: the `Retry-After` of the endpoint; None if it sent none.
    """
    exponential_ms = exponential_delay_ms(policy, attempt_number)
    jitter_ms = _jitter_ms(policy, exponential_ms, previous_delay_ms, draw)
    if retry_after_ms is not None:
        retry_after_ms = min(retry_after_ms, to_milliseconds(policy.retry_after_ceiling_seconds))
    return Backoff(exponential_ms, jitter_ms, retry_after_ms)


def exponential_delay_ms(policy: Policy, attempt_number: int) -> int:
    """Return the delay before jitter, from the schedule if there is one."""
    if policy.waits:
        return to_milliseconds(policy.waits[min(attempt_number, len(policy.waits) - 1)])
    cap = to_milliseconds(policy.max_delay_seconds)
    base = to_milliseconds(policy.base_delay_seconds)
    if base == 0:
        return 0
    try:
        return min(cap, round(base * float(policy.multiplier) ** attempt_number))
    except OverflowError:
        return cap


def longest_delay_ms(policy: Policy, attempt_number: int) -> int:
    """Return the longest delay possible after an attempt, for any random draw and `Retry-After`."""
    exponential_ms = exponential_delay_ms(policy, attempt_number)
    match policy.jitter:
        case Jitter.ADDITIVE:
            exponential_ms += ADDITIVE_JITTER_MS
        case Jitter.DECORRELATED:
            exponential_ms = to_milliseconds(policy.max_delay_seconds)
        case Jitter.FULL | Jitter.EQUAL | Jitter.NONE:
            pass
        case _:
            assert_never(policy.jitter)
    return max(exponential_ms, to_milliseconds(policy.retry_after_ceiling_seconds))


def _jitter_ms(
    policy: Policy, exponential_ms: int, previous_delay_ms: int | None, draw: Callable[[], float]
) -> int:
    match policy.jitter:
        case Jitter.ADDITIVE:
            return int(draw() * ADDITIVE_JITTER_MS)
        case Jitter.FULL:
            return int(draw() * exponential_ms) - exponential_ms
        case Jitter.EQUAL:
            half = exponential_ms // 2
            return half + int(draw() * (exponential_ms - half)) - exponential_ms
        case Jitter.DECORRELATED:
            base = to_milliseconds(policy.base_delay_seconds)
            previous = base if previous_delay_ms is None else previous_delay_ms
            reach = max(base, 3 * previous)
            delay = min(
                to_milliseconds(policy.max_delay_seconds), base + int(draw() * (reach - base))
            )
            return delay - exponential_ms
        case Jitter.NONE:
            return 0
        case _:
            assert_never(policy.jitter)


def to_milliseconds(seconds: float) -> int:
    """Return seconds as whole milliseconds, rounded to the nearest."""
    return round(seconds * 1000)


def to_seconds(milliseconds: int) -> float:
    """Return milliseconds as seconds, in the form that is recorded: 1000 as `1`, 1250 as `1.25`."""
    whole, rest = divmod(milliseconds, 1000)
    return milliseconds / 1000 if rest else whole

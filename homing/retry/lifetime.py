"""The lifetime of a delivery, which is one execution and may therefore run for at most a year."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from homing.retry.backoff import longest_delay_ms
from homing.retry.policy import MAX_DELAY_LIMIT_SECONDS

if TYPE_CHECKING:
    from homing.retry.policy import Policy

YEAR = timedelta(seconds=MAX_DELAY_LIMIT_SECONDS)
_MARGIN = timedelta(hours=1)  # for the attempts themselves: at most 20, each at most a minute


def longest_life(policy: Policy, first_attempt_in: timedelta) -> timedelta:
    """Return the longest time from now to the end of the last attempt, for any `Retry-After`."""
    waits = range(policy.max_attempts - 1)
    longest_ms = sum(longest_delay_ms(policy, number) for number in waits)
    return first_attempt_in + timedelta(milliseconds=longest_ms) + _MARGIN


def fit_lifetime(policy: Policy, first_attempt_in: timedelta) -> Policy:
    """Return the policy, with a lower `Retry-After` ceiling if its attempts could take over a year.

    Args:
        policy: the delivery's policy.
        first_attempt_in: the time from now until the first attempt.

    Raises:
        ValueError: when the policy's delays alone, without `Retry-After`, add up to more than an
            execution may run.
    """
    waits = policy.max_attempts - 1
    without_retry_after = replace(policy, retry_after_ceiling_seconds=0)
    longest_ms = sum(longest_delay_ms(without_retry_after, number) for number in range(waits))
    left = YEAR - _MARGIN - first_attempt_in - timedelta(milliseconds=longest_ms)
    if left < timedelta():
        raise ValueError("does not fit all attempts into a year from now")
    ceiling = left.total_seconds() // waits if waits else policy.retry_after_ceiling_seconds
    if ceiling >= policy.retry_after_ceiling_seconds:
        return policy
    return replace(policy, retry_after_ceiling_seconds=int(ceiling))

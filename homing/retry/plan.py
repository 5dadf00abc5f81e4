"""The plan of a retry: when it is due, and the document for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.retry.backoff import compute_backoff, to_milliseconds, to_seconds
from homing.retry.classification import Decision, decide
from homing.retry.retry_after import parse_retry_after
from homing.timestamps import from_text, plus_milliseconds, to_due_text, to_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from homing.retry.backoff import Backoff
    from homing.retry.outcome import Outcome
    from homing.retry.policy import Policy


def plan_retry(  # noqa: PLR0913  # most of them given by name
    policy: Policy,
    attempt_number: int,
    outcome: Outcome,
    *,
    previous_delay_seconds: float | None,
    retention: timedelta,
    kept_until: int = 0,
    draw: Callable[[], float],
) -> dict[str, Any]:
    """Return the `backoff` of the delivery document after a failed attempt (docs/architecture.md).

    Args:
        policy: the delivery's policy.
        attempt_number: the attempt that failed, counted from 0.
        outcome: the outcome of that attempt; the delay starts at its timestamp.
        previous_delay_seconds: the delay before that attempt; None for the first attempt.
        retention: how long the record is kept after the next attempt is due.
        kept_until: when the record may be deleted according to the delivery document, in epoch
            seconds. The new time is never earlier, even if the attempt was made before it was due.
        draw: returns a random number in [0, 1) for jitter.
    """
    observed = from_text(outcome.timestamp)
    backoff = compute_backoff(
        policy,
        attempt_number,
        draw=draw,
        previous_delay_ms=_optional_milliseconds(previous_delay_seconds),
        retry_after_ms=_retry_after_ms(outcome, policy),
    )
    next_retry_at = plus_milliseconds(observed, backoff.delay_ms)
    return {
        **_recorded(backoff),
        "nextRetryAt": to_text(next_retry_at),
        "next": {
            "attemptNumber": attempt_number + 1,
            "attempts": attempt_number + 2,
            "dueAt": to_due_text(next_retry_at),
            "expiresAt": max(kept_until, int((next_retry_at + retention).timestamp())),
            "previousDelaySeconds": to_seconds(backoff.delay_ms),
        },
    }


def _recorded(backoff: Backoff) -> dict[str, Any]:
    floor = backoff.retry_after_ms
    return {
        "exponentialDelay": to_seconds(backoff.exponential_ms),
        "jitterApplied": to_seconds(backoff.jitter_ms),
        "retryAfterSeconds": None if floor is None else to_seconds(floor),
        "retryDelaySeconds": (backoff.delay_ms + 500) // 1000,
    }


def _retry_after_ms(outcome: Outcome, policy: Policy) -> int | None:
    if not honours_retry_after(outcome.http_status, policy):
        return None
    return parse_retry_after(outcome.retry_after, now=from_text(outcome.timestamp))


def _optional_milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else to_milliseconds(seconds)


def honours_retry_after(http_status: int | None, policy: Policy) -> bool:
    """Return whether a `Retry-After` counts: it does if the status is retried."""
    return http_status is not None and decide(http_status, policy) is Decision.RETRY

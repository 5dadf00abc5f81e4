"""What an outcome means for the health of its endpoint: healthy, failing, or to be disabled.

While attempts succeed, nothing is written. The time of the first failure is recorded, and the next
success removes it. The failures until that success are a *run of failures*.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from homing.retry.outcome import ErrorKind
from homing.timestamps import from_text

if TYPE_CHECKING:
    from datetime import timedelta

    from homing.endpoints.endpoint import Endpoint
    from homing.retry.outcome import Outcome

_OK = range(200, 300)
_GONE = 410

# The kinds of error for which the endpoint is not to blame; after them, nothing was sent.
_NOT_ITS_FAULT = frozenset({ErrorKind.INTERNAL, ErrorKind.BLOCKED, ErrorKind.DISABLED})


class Step(StrEnum):
    """What to do about the health of an endpoint after an outcome."""

    NOTE_FAILURE = "note a failure"
    NOTE_SUCCESS = "note a success"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class Finding:
    """What to do about the health of an endpoint after an outcome, and why.

    Args:
        step: what to do.
        reason: why, for people.
        run: the time at which the run of failures that led to this step began; None if a single
            outcome led to it.
    """

    step: Step
    reason: str = ""
    run: str | None = None


def examine(endpoint: Endpoint, outcome: Outcome, limit: timedelta | None) -> Finding | None:
    """Return what to do about an endpoint after an outcome; None if nothing is to be done.

    Args:
        endpoint: the endpoint as read before the attempt.
        outcome: the outcome of the attempt.
        limit: how long a run of failures may last; None for no limit.
    """
    if outcome.error is not None and outcome.error.kind in _NOT_ITS_FAULT:
        return None
    if outcome.http_status in _OK:
        since = endpoint.failing_since
        return Finding(Step.NOTE_SUCCESS, run=since) if since else None
    if outcome.http_status == _GONE:
        return Finding(Step.DISABLE, "it answered 410 Gone")
    if endpoint.failing_since is None:
        return Finding(Step.NOTE_FAILURE)
    lasted = from_text(outcome.timestamp) - from_text(endpoint.failing_since)
    if limit is None or lasted < limit:
        return None
    reason = f"every attempt has failed since {endpoint.failing_since}"
    return Finding(Step.DISABLE, reason, run=endpoint.failing_since)

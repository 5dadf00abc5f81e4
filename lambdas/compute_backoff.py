"""The state `ComputeBackoff`: it determines the time at which the next attempt is due."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from random import SystemRandom
from typing import Any

from homing.delivery import Reference
from homing.retry.classification import Verdict
from homing.retry.outcome import Outcome
from homing.retry.plan import plan_retry
from homing.retry.policy import Policy
from homing.settings import ComputeBackoffSettings
from lambdas.initialization import initialize
from lambdas.observation import log_attempt

# Not a `Random`: a snapshot of the function (SnapStart) would contain its state, so all containers
# would draw the same numbers.
_chance = SystemRandom()


@cache
def _settings() -> ComputeBackoffSettings:
    return ComputeBackoffSettings.from_env()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return the document `backoff`, with the time at which the next attempt is due.

    docs/architecture.md describes it (ComputeBackoff).
    """
    policy = Policy.from_document(event["policy"])
    outcome = Outcome.from_document(event["outcome"])
    backoff = plan_retry(
        policy,
        event["attemptNumber"],
        outcome,
        previous_delay_seconds=event["previousDelaySeconds"],
        retention=timedelta(days=_settings().retention_days),
        kept_until=event["expiresAt"],
        draw=_chance.random,
    )
    log_attempt(
        Reference.from_document(event["reference"]),
        outcome,
        Verdict.from_document(event["verdict"]),
        attempt=event["attempts"],
        max_attempts=policy.max_attempts,
        next_delay_seconds=backoff["next"]["previousDelaySeconds"],
    )
    return backoff


initialize(_settings)

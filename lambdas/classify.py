"""The state `Classify`: it decides what an outcome means and what follows."""

from __future__ import annotations

from typing import Any, assert_never

from homing.delivery import Reference
from homing.retry.classification import classify
from homing.retry.outcome import Outcome, OutcomeKind
from homing.retry.policy import Policy
from lambdas.initialization import initialize
from lambdas.observation import log_attempt
from lambdas.warm_up import is_warm_up


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return the `verdict` on an outcome (docs/architecture.md, Classify).

    A postponed or superseded attempt was not made: it has a status, but no verdict.
    """
    if is_warm_up(event):
        return {}
    match OutcomeKind(event["outcome"]["kind"]):
        case OutcomeKind.POSTPONED | OutcomeKind.SUPERSEDED as kind:
            return {"status": kind.value}
        case OutcomeKind.ATTEMPTED:
            return _classified(event)
        case _ as unknown:
            assert_never(unknown)


def _classified(event: dict[str, Any]) -> dict[str, Any]:
    """Return the verdict on an attempt, and log the attempt if it is the last.

    If another attempt follows, `ComputeBackoff` logs this one, with the delay.
    """
    outcome = Outcome.from_document(event["outcome"])
    attempts, policy = event["attempts"], Policy.from_document(event["policy"])
    verdict = classify(outcome, attempts=attempts, policy=policy)
    if verdict.is_final:
        reference = Reference.from_document(event["reference"])
        log_attempt(reference, outcome, verdict, attempt=attempts, max_attempts=policy.max_attempts)
    return verdict.to_document()


initialize()

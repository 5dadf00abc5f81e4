"""State `Classify`: decide what an outcome means and where it leads."""

from __future__ import annotations

from typing import Any

from homing.delivery import Reference
from homing.retry.classification import classify
from homing.retry.outcome import Outcome
from lambdas.observation import log_attempt


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Give the `verdict` on an outcome (docs/architecture.md, Classify).

    Logs the attempt where it was the last; where another follows, `ComputeBackoff` knows when.
    An attempt that was not made, since another execution has it or its endpoint has no room now,
    has no verdict; where it leads is all there is to say. One that is on record has its own.
    """
    if "recorded" in event["outcome"]:
        return dict(event["outcome"]["recorded"])
    if "superseded" in event["outcome"]:
        return {"status": "SUPERSEDED"}
    if "postponed" in event["outcome"]:
        return {"status": "POSTPONED"}
    outcome = Outcome.from_document(event["outcome"])
    attempts, max_attempts = event["attempts"], event["policy"]["maxAttempts"]
    verdict = classify(outcome, attempts=attempts, max_attempts=max_attempts)
    if verdict.is_final:
        reference = Reference.from_document(event["reference"])
        log_attempt(reference, outcome, verdict, attempt=attempts, max_attempts=max_attempts)
    return verdict.to_document()

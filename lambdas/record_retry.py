"""The state `RecordRetry`: it records a failed attempt and the retry that follows it."""

from __future__ import annotations

from functools import cache
from typing import Any

from homing import deadline
from homing.delivery import Reference
from homing.ledger.table import Ledger, RecordResult
from homing.ledger.updates import Retry, retry_entry
from homing.retry.classification import Verdict
from homing.retry.outcome import Outcome
from homing.settings import RecordRetrySettings
from lambdas.initialization import initialize
from lambdas.observation import log_unrecorded


@cache
def _ledger() -> Ledger:
    return Ledger(RecordRetrySettings.from_env().ledger_table)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Record an attempt and the retry; return the document `record`, the result of doing so.

    docs/architecture.md describes it (RecordRetry).
    """
    deadline.begin(context)
    reference = Reference.from_document(event["reference"])
    attempt_number, backoff = event["attemptNumber"], event["backoff"]
    outcome = Outcome.from_document(event["outcome"])
    verdict = Verdict.from_document(event["verdict"])
    entry = retry_entry(reference, attempt_number, outcome, verdict, backoff)
    record = _ledger().record_retry(
        Retry(
            reference,
            attempt_number,
            entry,
            expires_at=backoff["next"]["expiresAt"],
            generation=event["generation"],
            execution_name=event["executionName"],
        )
    )
    if record.result is RecordResult.UNRECORDED:
        log_unrecorded(reference, attempt=event["attempts"], reason=record.reason)
    return record.to_document()


initialize(_ledger)

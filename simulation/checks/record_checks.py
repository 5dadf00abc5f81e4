"""The invariants that every change to a ledger item must satisfy."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from homing.ledger.compaction import KEPT
from simulation.engine.clock import from_iso
from simulation.items import entries_of_run, history_of, number_of, redrives_of, text_of
from simulation.workflow.machine import DEAD_LETTERED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulation.checks.view import View

TERMINAL = DEAD_LETTERED | {"DELIVERED", "CANCELLED"}
_ATTENTION = frozenset({"attention", "senderAttention", "attentionAt", "cause"})
_CLAIM = _ATTENTION | {"generation", "executionName", "claimedAttempt", "redrivenFrom", "ttl"}
_DEAD_LETTER = _ATTENTION | {"deadLetter"}


def faults_of_change(
    view: View, delivery: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> Iterator[str]:
    """Yield a sentence for each invariant that a change to a delivery's record violates."""
    if before is not None and text_of(before, "status") == "CANCELLED":
        yield "CANCELLED was changed"
    status = text_of(after, "status")
    due = text_of(after, "nextRetryAt")
    if due and number_of(after, "ttl") < from_iso(due) / 1000:
        yield "the record expires before its next attempt"
    if _is_no_attempt(before, after, status):
        return
    if status == "CANCELLED":
        yield from _faults_of_cancel(before, after)
    elif redrives_of(after) > redrives_of(before or {}):
        yield from _faults_of_redrive(view, delivery, before or {}, after)
    else:
        yield from _faults_of_attempt(view, delivery, before, after)


def _faults_of_attempt(
    view: View, delivery: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> Iterator[str]:
    status, attempts = text_of(after, "status"), number_of(after, "attempts")
    history = entries_of_run(after)
    if not history:
        yield f"{status} after {attempts} attempts, without an entry of this run"
        return
    numbers = [number_of(entry, "attemptNumber") for entry in history]
    if numbers[-1] + 1 != attempts:
        yield f"{attempts} attempts, but the last entry is of attempt {numbers[-1]}"
    if any(a >= b for a, b in pairwise(numbers)):
        yield f"the entries are not in order: attempts {numbers}"
    missing, run = set(range(attempts)) - set(numbers), redrives_of(after)
    if silent := {number for number in missing if not view.has_gap(delivery, number, run)}:
        yield f"attempts {sorted(silent)} are missing, and this was not reported"
    yield from _status_faults(status, attempts, after, history[-1], view, delivery)
    if before is not None and before.get("retryHistory"):
        if text_of(before, "status") in TERMINAL:
            yield f"{text_of(before, 'status')} became {status}"
        if history_of(before) != history_of(after)[:-1]:
            yield "an update did more than append to the history"


def _faults_of_cancel(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[str]:
    if before is not None and text_of(before, "status") in TERMINAL:
        yield f"{text_of(before, 'status')} was cancelled"
    if history_of(before or {}) != history_of(after):
        yield "a cancellation changed the history"
    if "nextRetryAt" in after:
        yield "CANCELLED with nextRetryAt"


def _faults_of_redrive(
    view: View, delivery: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[str]:
    """Yield the errors in a redrive, which must restart a failed delivery and keep its history."""
    if (text_of(after, "status"), number_of(after, "attempts")) != ("QUEUED", 0):
        yield f"redriven to {text_of(after, 'status')} with {number_of(after, 'attempts')} attempts"
    kept = history_of(after)
    if kept != history_of(before)[-KEPT:]:
        yield "a redrive did not keep the history"
    unrecorded = any(gap[0] == delivery for gap in view.journal.gaps)
    if text_of(before, "status") not in DEAD_LETTERED and not unrecorded:
        yield f"{text_of(before, 'status') or 'nothing'} was redriven"


def _is_no_attempt(before: Mapping[str, Any] | None, after: Mapping[str, Any], status: str) -> bool:
    """Return whether a change records something other than an attempt, a cancellation or a redrive.

    Such a change may set the delivery's owner, claim an attempt, or add a dead letter.
    """
    if before is None:
        return status == "QUEUED" and "executionName" in after
    names = before.keys() | after.keys()
    changed = {name for name in names if before.get(name) != after.get(name)}
    # A dead letter may be added late, when the delivery has already been redriven.
    return changed <= _DEAD_LETTER or (
        text_of(before, "status") not in TERMINAL and changed <= _CLAIM
    )


def _status_faults(
    status: str,
    attempts: int,
    item: Mapping[str, Any],
    last: Mapping[str, Any],
    view: View,
    delivery: str,
) -> Iterator[str]:
    limit = view.documents[delivery]["policy"]["maxAttempts"]
    if (status == "DELIVERED") != (text_of(last, "errorCategory") == "SUCCESS"):
        yield f"{status} after {text_of(last, 'errorCategory')}"
    if (status == "RETRY_SCHEDULED") != ("nextRetryAt" in item):
        yield f"{status} {'with' if 'nextRetryAt' in item else 'without'} nextRetryAt"
    if status == "RETRY_SCHEDULED" and item["nextRetryAt"] != last["nextRetryTimestamp"]:
        yield "nextRetryAt is not that of the last entry"
    if (status == "MAX_RETRIES_EXCEEDED") != ("maxRetriesExceededAt" in item):
        yield f"{status} and maxRetriesExceededAt do not go together"
    if status == "MAX_RETRIES_EXCEEDED" and attempts != limit:
        yield f"MAX_RETRIES_EXCEEDED after {attempts} of {limit}"

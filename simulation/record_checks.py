"""What must hold of every single change of the ledger."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from simulation.view import history_of, number_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulation.view import View

TERMINAL = frozenset({"DELIVERED", "FAILED", "MAX_RETRIES_EXCEEDED"})


def faults_of_change(
    view: View, delivery: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> Iterator[str]:
    """Give a sentence for everything that is wrong with a change of a delivery's record."""
    status, attempts = text_of(after, "status"), number_of(after, "attempts")
    history = history_of(after)
    numbers = [number_of(entry, "attemptNumber") for entry in history]
    if numbers[-1] + 1 != attempts:
        yield f"{attempts} attempts, but the last entry is of attempt {numbers[-1]}"
    if any(a >= b for a, b in pairwise(numbers)):
        yield f"entries of attempts {numbers}"
    missing = set(range(attempts)) - set(numbers)
    if silent := {number for number in missing if not view.has_gap(delivery, number)}:
        yield f"attempts {sorted(silent)} are missing, and nobody said so"
    yield from _status_faults(status, attempts, after, history[-1], view, delivery)
    if before is not None and before.get("retryHistory"):
        if text_of(before, "status") in TERMINAL:
            yield f"{text_of(before, 'status')} became {status}"
        if history_of(before) != history[:-1]:
            yield "an update that did more than append to the history"


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

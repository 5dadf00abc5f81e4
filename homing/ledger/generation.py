"""Generations: each intervention puts a delivery into the hands of another execution.

The document and the record bear the number (absent on a record until its first claim: 0). An
execution of an earlier generation can neither claim an attempt nor record one any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.retry.backoff import to_milliseconds, to_seconds
from homing.timestamps import from_text, to_due_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


# Executions of both workflows bear the delivery's id, and only the Standard one's claims attempts.
# A first attempt in the express path records its retry under this name instead.
EXPRESS_PATH = "express-path"


def generation_of(document: Mapping[str, Any]) -> int:
    """Give the generation of a delivery document or of a record."""
    return int(document.get("generation", 0))


def execution_name(delivery_id: str, generation: int, attempt_number: int | None = None) -> str:
    """Name an execution so that the same intervention, repeated, names the same one.

    Generation 0 bears the delivery's own name. Where a wait is cut short the attempt is part of the
    name: the sleeping execution may have been faster, and the next wait is then another matter.
    """
    parts = [delivery_id]
    if generation:
        parts.append(str(generation))
    if attempt_number is not None:
        parts.append(str(attempt_number))
    return "-".join(parts)


def moved(document: Mapping[str, Any], due: datetime) -> dict[str, Any]:
    """Give a document whose attempt is due at another time; its record is kept as long after it."""
    due_at = to_due_text(due)
    later = from_text(due_at) - from_text(document["dueAt"])
    expires_at = document["expiresAt"] + int(later.total_seconds())
    return {**document, "dueAt": due_at, "expiresAt": expires_at}


def redriven(document: Mapping[str, Any], generation: int, now: datetime) -> dict[str, Any]:
    """Give the document of a delivery that is brought back: attempts start anew, due at once."""
    kept = moved(document, now)
    return {
        "reference": document["reference"],
        "request": document["request"],
        "policy": document["policy"],
        "attemptNumber": 0,
        "attempts": 1,
        "dueAt": kept["dueAt"],
        "expiresAt": kept["expiresAt"],
        "previousDelaySeconds": None,
        "generation": generation,
    }


def resumed(document: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Give the document of the attempt that a scheduled retry waits for, from the record."""
    attempts = record["attempts"]
    last = record["retryHistory"][-1]
    delay_ms = to_milliseconds(last["exponentialDelay"]) + to_milliseconds(last["jitterApplied"])
    floor_ms = to_milliseconds(last.get("retryAfterSeconds", 0))
    return {
        **document,
        "attemptNumber": attempts,
        "attempts": attempts + 1,
        "dueAt": to_due_text(from_text(record["nextRetryAt"])),
        "expiresAt": record["ttl"],
        "previousDelaySeconds": to_seconds(max(delay_ms, floor_ms)),
        "generation": generation_of(record),
    }


def is_of_previous_acceptance(record: Mapping[str, Any], created_at: str) -> bool:
    """Tell whether a record is of the same message, accepted before (docs/decisions/0007).

    Args:
        record: what stands in the ledger under the delivery's key, empty for nothing.
        created_at: when the delivery was.
    """
    return bool(record.get("createdAt", created_at) != created_at)


def is_left_to(
    record: Mapping[str, Any],
    created_at: str,
    attempt_number: int,
    generation: int,
    execution_name: str,
) -> bool:
    """Tell whether an attempt on record is followed by a retry that this execution is to make.

    While a first attempt was postponed, the sender may have repeated the message, and the express
    path have made the attempt. It could hand nothing over then, since the execution that slept has
    the delivery's name; so the retry is that one's (docs/decisions/0068). All else is in other
    hands, or has ended. What the express path finds on record, `dispatch` settles
    (`homing.dispatch.express_path`).

    Args:
        record: what stands in the ledger under the delivery's key, empty for nothing.
        created_at: when the delivery was, since that may be of a previous acceptance (0007).
        attempt_number: the attempt that the execution wanted to claim or to record.
        generation: the execution's.
        execution_name: its name.
    """
    return (
        execution_name != EXPRESS_PATH
        and record.get("status") == "RETRY_SCHEDULED"
        and record.get("createdAt") == created_at
        and record["attempts"] > attempt_number
        and generation_of(record) == generation
        and record.get("executionName", execution_name) == execution_name
    )


def taken_over(
    document: Mapping[str, Any], record: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """Give the document of an attempt that shall be made now and not when it is due.

    Args:
        document: the input of the execution that waits.
        record: the delivery's record; None for a scheduled one before its first attempt.
        now: when it is due instead.
    """
    retrying = record is not None and record["status"] == "RETRY_SCHEDULED"
    waiting = resumed(document, record) if record is not None and retrying else dict(document)
    generation = generation_of(record or document)
    return {**waiting, "dueAt": to_due_text(now), "generation": generation + 1}

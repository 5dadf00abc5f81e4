"""Generations: a redrive, an immediate retry or the watchdog moves a delivery to a new execution.

The delivery document and the ledger record contain the number of the generation; if it is missing,
it is 0. An execution of an earlier generation can neither claim an attempt nor record one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.retry.backoff import to_milliseconds, to_seconds
from homing.retry.classification import Status
from homing.timestamps import from_text, to_due_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from homing.ledger.record import Record


def generation_of(document: Mapping[str, Any]) -> int:
    """Return the generation in a delivery document, or in an item of the ledger (plain values)."""
    return int(document.get("generation", 0))


def execution_name(delivery_id: str, generation: int, attempt_number: int | None = None) -> str:
    """Return the name of an execution. A repeated intervention gets the same name again.

    The execution of generation 0 is named after the delivery's id; later ones append the number of
    their generation. An immediate retry also appends the attempt number, because it changes the
    generation only when it claims its attempt: if the waiting execution makes that attempt first,
    the next immediate retry has the same generation and needs another name.
    """
    parts = [delivery_id]
    if generation:
        parts.append(str(generation))
    if attempt_number is not None:
        parts.append(str(attempt_number))
    return "-".join(parts)


def moved(document: Mapping[str, Any], due: datetime) -> dict[str, Any]:
    """Return a delivery document with its due time moved to `due`, and its expiry by as much."""
    due_at = to_due_text(due)
    later = from_text(due_at) - from_text(document["dueAt"])
    expires_at = document["expiresAt"] + int(later.total_seconds())
    return {**document, "dueAt": due_at, "expiresAt": expires_at}


def put_off(document: Mapping[str, Any], following: Mapping[str, Any]) -> dict[str, Any]:
    """Return a delivery document changed by a wait: `following` contains the changed fields.

    The expiry of the delivery's record moves by the length of the wait.
    """
    due = from_text(following.get("dueAt", document["dueAt"]))
    return {**moved(document, due), **following}


def redriven(document: Mapping[str, Any], generation: int, now: datetime) -> dict[str, Any]:
    """Return the document of a redriven delivery.

    Its attempts are counted from 0 again, and the first is due now.
    """
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


def resumed(document: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Return the document for the attempt that a delivery waits for, according to its record.

    Raises:
        ValueError: when the delivery waits for no attempt.
    """
    if record.next_retry_at is None:
        raise ValueError(f"a record with status {record.status} waits for no attempt")
    return {
        **document,
        "attemptNumber": record.attempts,
        "attempts": record.attempts + 1,
        "dueAt": to_due_text(from_text(record.next_retry_at)),
        "expiresAt": record.expires_at,
        "previousDelaySeconds": _last_delay(record),
        "generation": record.generation,
    }


def _last_delay(record: Record) -> float | None:
    """Return the delay before the next attempt in seconds; None if no retry is scheduled."""
    if record.status is not Status.RETRY_SCHEDULED:
        return None
    last = record.history[-1]
    delay_ms = to_milliseconds(last["exponentialDelay"]) + to_milliseconds(last["jitterApplied"])
    floor_ms = to_milliseconds(last.get("retryAfterSeconds", 0))
    return to_seconds(max(delay_ms, floor_ms))


def taken_over(document: Mapping[str, Any], record: Record, now: datetime) -> dict[str, Any]:
    """Return the document for an attempt that is made now, although it is due later.

    Args:
        document: the input of the execution that waits.
        record: the delivery's record.
        now: the new due time.
    """
    waiting = resumed(document, record)
    return {**waiting, "dueAt": to_due_text(now), "generation": record.generation + 1}

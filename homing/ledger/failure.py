"""A failure that is on record: its verdict, and whether its dead letter may be missing.

A first attempt in the express path is recorded before it is dead-lettered. Between the two the
express path may break, and then whoever finds the record dead-letters the message
(docs/decisions/0006, 0068).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.ledger.generation import generation_of
from homing.retry.classification import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

_FAILED = frozenset({Status.FAILED, Status.MAX_RETRIES_EXCEEDED})


def may_lack_dead_letter(record: Mapping[str, Any]) -> bool:
    """Tell whether a failure on record may have no dead letter, and nobody who sees to it.

    The express path makes first attempts only, and keeps the dead letter once it has been
    dead-lettered. What followed, or came of a redrive, is a Standard execution's: it dead-letters,
    or breaks and can be redriven.
    """
    return record["attempts"] == 1 and "deadLetter" not in record and not generation_of(record)


def is_express_failure_without_dead_letter(record: Mapping[str, Any], created_at: str) -> bool:
    """Return whether a delivery failed in the express path without a known dead letter.

    Args:
        record: what stands in the ledger under the delivery's key, empty for nothing.
        created_at: when the delivery was.
    """
    return (
        record.get("status") in _FAILED
        and record.get("createdAt") == created_at
        and not {"deadLetter", "executionName"} & record.keys()
        and not generation_of(record)
    )


def verdict_on_record(record: Mapping[str, Any]) -> dict[str, str]:
    """Give the `verdict` of the delivery document that a failure on record came from."""
    last = record["retryHistory"][-1]
    exceeded = record["status"] == Status.MAX_RETRIES_EXCEEDED
    return {
        "decision": "RETRY" if exceeded else "GIVE_UP",
        "category": last["errorCategory"],
        "reason": last["errorDetails"]["message"],
        "status": record["status"],
    }

"""The history of a delivery, kept short however often it is redriven.

One run of a delivery adds at most as many entries as a policy allows attempts (20). Only a redrive
begins another run, so that is where older entries are summed up: `retryHistory` and
`redriveHistory` keep their newest, and `historySummary` tells of all that left them,

    {"attempts", "redrives", "firstTimestamp", "lastTimestamp", "byCategory": {category: attempts}}
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# With those of the run that follows at most 40 entries: up to 45 KB of the 400 that DynamoDB takes.
KEPT = 20


def redriven_history(record: Mapping[str, Any], at: str) -> dict[str, Any]:
    """Give the attributes that tell the history of a delivery which is redriven.

    Args:
        record: the delivery's record before; empty where there was none.
        at: the time of the redrive.

    Returns:
        `retryHistory`, `redriveHistory` with an entry for this redrive, and `historySummary` where
        anything has left them, now or before.
    """
    entries, redrives = record.get("retryHistory", []), record.get("redriveHistory", [])
    left, kept = entries[:-KEPT], entries[-KEPT:]
    told = [
        *(_later_by(len(left), redrive) for redrive in redrives),
        _before(record, at, len(kept)),
    ]
    history = {"retryHistory": kept, "redriveHistory": told[-KEPT:]}
    summary = _summary(record.get("historySummary"), left, len(told[:-KEPT]))
    return {**history, "historySummary": summary} if summary else history


def _before(record: Mapping[str, Any], at: str, on_record: int) -> dict[str, Any]:
    """Tell what a delivery had come to: `attemptsOnRecord` entries of the history are from then."""
    return {
        "timestamp": at,
        "status": record.get("status", "UNRECORDED"),
        "attempts": record.get("attempts", 0),
        "attemptsOnRecord": on_record,
    }


def _later_by(count: int, redrive: Mapping[str, Any]) -> dict[str, Any]:
    """Have an earlier redrive point at the same entry once so many before it have left."""
    return {**redrive, "attemptsOnRecord": max(redrive["attemptsOnRecord"] - count, 0)}


def _summary(
    earlier: Mapping[str, Any] | None, left: Sequence[Mapping[str, Any]], redrives: int
) -> dict[str, Any]:
    """Add what leaves the history to what had left it before; empty where nothing ever has."""
    if not (earlier or left or redrives):
        return {}
    before = earlier or {"attempts": 0, "redrives": 0, "byCategory": {}}
    categories = Counter(before["byCategory"]) + Counter(entry["errorCategory"] for entry in left)
    summary = {
        **before,
        "attempts": before["attempts"] + len(left),
        "redrives": before["redrives"] + redrives,
        "byCategory": dict(categories),
    }
    if left:
        summary.setdefault("firstTimestamp", left[0]["timestamp"])
        summary["lastTimestamp"] = left[-1]["timestamp"]
    return summary

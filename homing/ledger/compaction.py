"""Limits the length of a delivery's record, no matter how often the delivery is redriven.

Until a delivery is redriven, `retryHistory` grows to at most 20 entries, the highest number of
attempts that a policy allows. Each redrive removes older entries: `retryHistory` and
`redriveHistory` keep the newest, and `historySummary` sums up all entries removed so far:

    {"attempts", "redrives", "firstTimestamp", "lastTimestamp", "byCategory": {category: attempts}}
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from homing.ledger.record import Record

# How many entries a redrive keeps. With the attempts after the redrive, `retryHistory` has at most
# 40 entries: 45 KB of the 400 KB that an item may have.
KEPT = 20


def redriven_history(record: Record | None, at: str) -> dict[str, Any]:
    """Return the attributes that hold the history of a redriven delivery.

    Args:
        record: the delivery's record before the redrive; None if there was none.
        at: the time of the redrive, in ISO 8601.

    Returns:
        `retryHistory`; `redriveHistory` with an entry for this redrive; and `historySummary`, if
        entries of either list have been removed now or earlier.
    """
    entries = [] if record is None else list(record.history)
    removed, kept = entries[:-KEPT], entries[-KEPT:]
    redrives = [
        *(_moved_by(len(removed), redrive) for redrive in (record.redrives if record else ())),
        _redrive_entry(record, at, len(kept)),
    ]
    history = {"retryHistory": kept, "redriveHistory": redrives[-KEPT:]}
    earlier = None if record is None else record.history_summary
    summary = _summary(earlier, removed, len(redrives[:-KEPT]))
    return {**history, "historySummary": summary} if summary else history


def _redrive_entry(record: Record | None, at: str, on_record: int) -> dict[str, Any]:
    """Return the entry of `redriveHistory`: the state of a delivery before its redrive.

    Its member `attemptsOnRecord` is how many entries of `retryHistory` are from before the redrive.
    """
    return {
        "timestamp": at,
        "status": "UNRECORDED" if record is None else record.status.value,
        "attempts": 0 if record is None else record.attempts,
        "attemptsOnRecord": on_record,
    }


def _moved_by(count: int, redrive: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of an earlier redrive after older entries of `retryHistory` are removed.

    `count` is how many are removed; `attemptsOnRecord` decreases by this number, to no less than 0.
    """
    return {**redrive, "attemptsOnRecord": max(redrive["attemptsOnRecord"] - count, 0)}


def _summary(
    earlier: Mapping[str, Any] | None, removed: Sequence[Mapping[str, Any]], redrives: int
) -> dict[str, Any]:
    """Return the summary of all removed entries; empty if none have been removed."""
    if not (earlier or removed or redrives):
        return {}
    before = earlier or {"attempts": 0, "redrives": 0, "byCategory": {}}
    by_category = Counter(before["byCategory"])
    by_category.update(entry["errorCategory"] for entry in removed)
    summary = {
        **before,
        "attempts": before["attempts"] + len(removed),
        "redrives": before["redrives"] + redrives,
        "byCategory": dict(by_category),
    }
    if removed:
        summary.setdefault("firstTimestamp", removed[0]["timestamp"])
        summary["lastTimestamp"] = removed[-1]["timestamp"]
    return summary

"""Instants as Homing writes them: ISO-8601, UTC, with milliseconds and a `Z`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_MILLISECOND = timedelta(milliseconds=1)


def to_text(instant: datetime) -> str:
    """Write an aware instant as `2025-12-28T12:00:00.000Z` (milliseconds truncated)."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Read an ISO-8601 instant with a zone, at millisecond precision.

    Raises:
        ValueError: when the text is no ISO-8601 date and time, or has no zone.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("has no time zone; append Z for UTC")
    instant = instant.astimezone(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def to_due_text(instant: datetime) -> str:
    """Round an instant *up* to the whole second, as `2025-12-28T12:00:02Z`.

    A Wait state truncates milliseconds (aws-facts: Step Functions), so a time that is not rounded
    up would fire early.
    """
    floor = instant.astimezone(UTC).replace(microsecond=0)
    due = floor if floor == instant else floor + timedelta(seconds=1)
    return due.isoformat().replace("+00:00", "Z")


def plus_milliseconds(instant: datetime, milliseconds: int) -> datetime:
    """Add whole milliseconds to an instant."""
    return instant + milliseconds * _MILLISECOND

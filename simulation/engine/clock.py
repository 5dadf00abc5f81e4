"""Instants of the simulation: whole milliseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def to_datetime(instant: int) -> datetime:
    """Convert an instant to an aware datetime."""
    return _EPOCH + instant * _MILLISECOND


def from_datetime(moment: datetime) -> int:
    """Convert an aware datetime to an instant."""
    return (moment - _EPOCH) // _MILLISECOND


def to_iso(instant: int) -> str:
    """Return an instant as Step Functions writes it: `2025-12-28T12:00:00.000Z`."""
    return to_datetime(instant).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> int:
    """Convert an ISO-8601 text with a zone to an instant."""
    return from_datetime(datetime.fromisoformat(text))

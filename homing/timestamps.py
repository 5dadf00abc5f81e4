"""Times as text. Homing writes them in ISO 8601, in UTC, with milliseconds and a `Z`.

It reads times by the rules of RFC 3339, the profile of ISO 8601 that JSON Schema calls `date-time`,
not by those of `datetime.fromisoformat`, which differ between versions of Python.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MILLISECOND = timedelta(milliseconds=1)

# RFC 3339, section 5.6; its note allows lower-case letters and a space.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HOUR_AND_MINUTE = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_DATE_TIME = re.compile(
    rf"({_DATE.pattern}[Tt ]{_HOUR_AND_MINUTE}):([0-5][0-9]|60)(?:\.([0-9]+))?"
    rf"([Zz]|[+-]{_HOUR_AND_MINUTE})?"
)
_LAST_MINUTE = (23, 59)  # of a day in UTC, the only minute that can have a leap second

_NOT_VALID = "is not a valid ISO-8601 date-time, e.g. 2026-01-31T12:00:00Z"
_NO_TIME = "is a date without a time and a time zone; write it as 2026-01-31T12:00:00Z"


def to_text(instant: datetime) -> str:
    """Return a time, given with its time zone, as text: `2025-12-28T12:00:00.000Z`.

    Microseconds are cut off.
    """
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Return the time that a text in the form of RFC 3339 names, truncated to milliseconds.

    The leap second 23:59:60 UTC is read as the second after it, as in POSIX. Second 60 is invalid
    at any other time.

    Raises:
        ValueError: when the text is not a valid date-time; its message is to be put after the name
            of the field.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError(_NO_TIME if _DATE.fullmatch(text) else _NOT_VALID)
    minute, second, fraction, zone = match.groups()
    if zone is None:
        raise ValueError("has no time zone; append Z for UTC")
    leap = second == "60"
    instant = _in_utc(f"{minute}:{'59' if leap else second}{zone.upper()}")
    if leap and (instant.hour, instant.minute) != _LAST_MINUTE:
        raise ValueError(_NOT_VALID)
    milliseconds = int((fraction or "").ljust(3, "0")[:3]) + (1000 if leap else 0)
    return _in_range(lambda: plus_milliseconds(instant, milliseconds))


def _in_utc(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:  # the 30th of February, the year 0
        raise ValueError(_NOT_VALID) from error
    return _in_range(lambda: instant.astimezone(UTC))


def _in_range(compute: Callable[[], datetime]) -> datetime:
    try:
        return compute()
    except OverflowError as error:
        raise ValueError("is out of range") from error


def to_due_text(instant: datetime) -> str:
    """Return a time rounded *up* to the whole second, as `2025-12-28T12:00:02Z`.

    A Wait state of Step Functions truncates milliseconds, so a time that is not rounded up would
    end the wait early.
    """
    floor = instant.astimezone(UTC).replace(microsecond=0)
    due = floor if floor == instant else floor + timedelta(seconds=1)
    return due.isoformat().replace("+00:00", "Z")


def plus_milliseconds(instant: datetime, milliseconds: int) -> datetime:
    """Return a time plus whole milliseconds."""
    return instant + milliseconds * _MILLISECOND

"""Parsing of `Retry-After` (RFC 9110, section 10.2.3), which may contain anything."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

# A longer number is cut off after eleven digits. It is still more than 300 years, which is above
# any ceiling.
_MEANINGFUL_DIGITS = 11

_SECONDS = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
# Repeated headers are joined by commas (RFC 9110, section 5.3), and a date itself has a comma after
# its weekday.
_VALUES = re.compile(r"\s*(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,[^,]+|[^,]+")


def parse_retry_after(text: str | None, *, now: datetime) -> int | None:
    """Return how many milliseconds from `now` a `Retry-After` asks to wait; None if it does not.

    Each value is a number of seconds or an HTTP date. If there are several values, the greatest is
    used. Fractions of a second are not in the standard, but occur; they are rounded up. Zero, past
    times, negative and unreadable values are ignored. Values are not limited here;
    `homing.retry.backoff` limits them to the policy's ceiling.
    """
    values = _VALUES.findall(text or "")
    return max((_milliseconds(value.strip(), now) for value in values), default=0) or None


def _milliseconds(value: str, now: datetime) -> int:
    match = _SECONDS.fullmatch(value)
    if match is not None:
        seconds = int(match[1].lstrip("0")[:_MEANINGFUL_DIGITS] or "0")
        return (seconds + bool((match[2] or "").strip("0"))) * 1000
    try:
        instant = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0
    if instant.tzinfo is None:  # "-0000" means UTC of unknown origin
        instant = instant.replace(tzinfo=UTC)
    return max(int((instant - now).total_seconds() * 1000), 0)

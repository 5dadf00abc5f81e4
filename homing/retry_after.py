"""Reading `Retry-After` (RFC 9110, section 10.2.3) from endpoints that may write anything there."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

# The first eleven digits of a longer number are still 300 years or more: over any ceiling.
_MEANINGFUL_DIGITS = 11


def applies_to(http_status: int | None) -> bool:
    """Say whether a `Retry-After` on this status is honoured: 429 and any 5xx."""
    status = http_status or 0
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def parse_retry_after(text: str | None, *, now: datetime) -> int | None:
    """Read delta-seconds or an HTTP-date as milliseconds from `now`, None where there is no sense.

    Zero, times past, negative and unreadable values all mean "no floor" and give None. Values are
    not bounded here; `homing.backoff` bounds them by the policy's ceiling.
    """
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return int(text.lstrip("0")[:_MEANINGFUL_DIGITS] or "0") * 1000 or None
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if instant.tzinfo is None:  # "-0000" means UTC of unknown origin
        instant = instant.replace(tzinfo=UTC)
    milliseconds = int((instant - now).total_seconds() * 1000)
    return milliseconds if milliseconds > 0 else None

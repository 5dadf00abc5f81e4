"""The console's words for statuses, outcomes, durations and times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from homing import timestamps
from homing.retry.classification import Category, Status

if TYPE_CHECKING:
    from collections.abc import Mapping


NOTHING = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"
_SECOND_MS, _MINUTE_S = 1000, 60


@dataclass(frozen=True, slots=True)
class StatusWords:
    """How a ledger status is shown: with a symbol and words, not by colour alone."""

    mark: str
    words: str
    meaning: str
    tone: str


_STATUSES: Mapping[str, StatusWords] = {
    Status.QUEUED: StatusWords("…", "Queued", "waits for its first attempt", "waiting"),
    Status.DELIVERED: StatusWords("✓", "Delivered", "the endpoint accepted it", "good"),
    Status.RETRY_SCHEDULED: StatusWords("↻", "Retry scheduled", "another attempt follows", "retry"),
    Status.FAILED: StatusWords("✕", "Failed", "another attempt would not have helped", "bad"),
    Status.MAX_RETRIES_EXCEEDED: StatusWords(
        "✕", "Max retries exceeded", "every attempt the policy allows failed", "bad"
    ),
    Status.CANCELLED: StatusWords("○", "Cancelled", "it was cancelled by an operator", "waiting"),
}

_OUTCOMES: Mapping[str, tuple[str, str]] = {
    Category.SUCCESS: ("The endpoint answered with a 2xx status.", ""),
    Category.TIMEOUT: (
        "The endpoint did not complete its response before the deadline.",
        "Check whether it is overloaded. It should respond first and do the work afterwards.",
    ),
    Category.RATE_LIMITED: (
        "The endpoint asked to slow down.",
        "Send it fewer messages at a time, or use a policy with longer delays.",
    ),
    Category.SERVER_ERROR: (
        "The endpoint reported an error on its side.",
        "Check the endpoint's logs. Send the message again once the endpoint works.",
    ),
    Category.CLIENT_ERROR: (
        "The endpoint refused the request, and would refuse the same request again.",
        "Check the response: the URL, the payload or the credentials may be wrong.",
    ),
    Category.NETWORK_ERROR: (
        "The connection failed: refused, broken, or the host name does not resolve.",
        "Check that the endpoint runs and that its URL is right. Then send the message again.",
    ),
    Category.TLS_ERROR: (
        "The endpoint's certificate could not be verified.",
        "Renew the certificate, or make it match the host name. Then send the message again.",
    ),
    Category.INTERNAL_ERROR: (
        "Homing itself could not finish the attempt.",
        "Check the functions' logs and the alarms. Then send the message again.",
    ),
    Category.GONE: (
        "The endpoint says that it is gone for good (HTTP 410).",
        "If that is right, stop sending to it. If not, fix it and send the message again.",
    ),
    Category.REDIRECT: (
        "The endpoint answered with a redirect, which is never followed.",
        "Use the URL that it redirects to.",
    ),
    Category.BLOCKED_TARGET: (
        "The target is an address that Homing must not reach.",
        "Use a public address.",
    ),
    Category.ENDPOINT_DISABLED: (
        "The endpoint is disabled or deleted, so nothing was sent to it.",
        "Fix it, enable it, then send the message again.",
    ),
}


def status_words(status: str) -> StatusWords:
    """Return the label of a ledger status; an unknown one is shown unchanged."""
    unknown = StatusWords("•", status.replace("_", " ").capitalize(), "", "waiting")
    return _STATUSES.get(status, unknown)


def statuses() -> list[tuple[str, str]]:
    """Return the statuses that a list can be filtered by, with their labels."""
    return [(str(status), words.words) for status, words in _STATUSES.items()]


def categories() -> list[tuple[str, str]]:
    """Return the categories of outcomes, with their labels."""
    return [(category.value, category_words(category.value)) for category in Category]


def category_words(category: str) -> str:
    """Return a category in words: `SERVER_ERROR` is `Server error`."""
    text = category.replace("_", " ").capitalize()
    return text.replace("Tls", "TLS")


def explanation(category: str) -> tuple[str, str]:
    """Return what an outcome means, and what to do about it."""
    return _OUTCOMES.get(category, ("", ""))


def span_words(milliseconds: float | None) -> str:
    """Return a duration in words: `12 ms`, `1.25 s`, `4 min 5 s`, `2 h 5 min`, `3 d 4 h`."""
    if milliseconds is None:
        return NOTHING
    if milliseconds < 0:
        return f"{_MINUS}{span_words(-milliseconds)}"
    if milliseconds < _SECOND_MS:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / _SECOND_MS
    if seconds < _MINUTE_S:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    for size, unit, smaller, small in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            whole, rest = divmod(round(seconds / smaller), size // smaller)
            return f"{whole} {unit} {rest} {small}" if rest else f"{whole} {unit}"
    raise AssertionError("unreachable: a minute is the smallest of them")


def clock_words(text: str | datetime | None, now: datetime | None = None) -> str:
    """Return a time in UTC, with its date unless that is the date of `now`."""
    if not text:
        return NOTHING
    instant = timestamps.from_text(text) if isinstance(text, str) else text
    shown = f"{instant:%H:%M:%S}.{instant.microsecond // 1000:03d}"
    if now is not None and instant.date() == now.date():
        return shown
    return f"{instant:%Y-%m-%d} {shown}"


def ago_words(text: str, now: datetime) -> str:
    """Return roughly how long ago a time was, or how far ahead it is."""
    away = timestamps.from_text(text) - now
    words = _roughly(abs(away))
    if words == "now":
        return "now"
    return f"in {words}" if away > timedelta() else f"{words} ago"


def _roughly(span: timedelta) -> str:
    seconds = span.total_seconds()
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"


def number_words(number: float | None, digits: int = 0) -> str:
    """Return a number with thin spaces between thousands; a dash for None."""
    return NOTHING if number is None else f"{number:,.{digits}f}".replace(",", " ")


def rate_words(per_second: float) -> str:
    """Return a number of attempts per second without trailing zeros: `0.5`, `20`."""
    return f"{per_second:.2f}".rstrip("0").rstrip(".")


def percent_words(share: float | None) -> str:
    """Return a share as a percentage, `99.3 %` or `100 %`; a dash for None."""
    if share is None:
        return NOTHING
    return f"{share * 100:.1f}".removesuffix(".0") + " %"

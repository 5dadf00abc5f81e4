"""Scripts in URLs, which define the behaviour of the receiver.

    /script/503,503,200           503, 503, then always 200: the last step repeats
    /script/429;retry-after=3,200 429 with a Retry-After header, then 200
    /script/drop,200              close the connection without a response, then 200
    /script/delay=2;200           wait 2 seconds, then 200
    /script/drip                  200, one byte per second (drip=0.1: ten per second)
    /script/410/orders            the rest of the path is free, to make paths distinct

A script is a comma-separated list of steps, and a step a semicolon-separated list of parts:

    NNN                  the status, 200 to 599; 200 by default
    drop                 close the connection instead of responding
    drip, drip=SECONDS   send one byte of the response at a time, with this pause in between
    delay=SECONDS        wait before the response
    retry-after=VALUE    send this Retry-After header; percent-encode commas, semicolons, slashes
                         and spaces

Each message runs through the script separately: steps are counted for each path and `webhook-id`.
Any path that does not begin with `/script/` returns 200.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX = "/script/"
MAX_SECONDS = 3600

_STATUS = re.compile(r"[2-5][0-9]{2}")
_SECONDS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,3})?")
_HEADER_VALUE = re.compile(r"[ -~]+")


class ScriptError(ValueError):
    """Raised when a script is not valid. The message names the step and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Step:
    """The behaviour of the receiver for one request.

    Args:
        status: the status of the response.
        delay_seconds: the wait before the response.
        retry_after: the value of the `Retry-After` header; None for no such header.
        drip_seconds: the time between two bytes of the response; None to send it in one piece.
        drop: whether the receiver closes the connection instead of responding.
    """

    status: int = 200
    delay_seconds: float = 0
    retry_after: str | None = None
    drip_seconds: float | None = None
    drop: bool = False

    def __str__(self) -> str:
        return "dropped" if self.drop else str(self.status)


def parse_path(url: str) -> tuple[Step, ...]:
    """Return the script in the URL or path of a request; without one, the script `200`.

    Raises:
        ScriptError: when the text after `/script/` is not a valid script.
    """
    path = urlsplit(url).path
    if not path.startswith(PREFIX):
        return (Step(),)
    return parse_script(path.removeprefix(PREFIX).partition("/")[0])


def parse_script(text: str) -> tuple[Step, ...]:
    """Return the steps of a script such as `503,429;retry-after=3,200`.

    Raises:
        ScriptError: when a step is not valid.
    """
    return tuple(_parse_step(step, at) for at, step in enumerate(text.split(","), start=1))


def step_for(script: Sequence[Step], hit: int) -> Step:
    """Return the step that applies to request number `hit` of a message, counted from 0."""
    return script[min(hit, len(script) - 1)]


def _parse_step(text: str, position: int) -> Step:
    step = Step()
    for part in text.split(";"):
        try:
            step = _with_part(step, part)
        except ValueError as error:
            raise ScriptError(f"step {position}: {part!r} {error}") from error
    return step


def _with_part(step: Step, part: str) -> Step:
    name, _, value = part.partition("=")
    match name:
        case _ if _STATUS.fullmatch(part):
            return replace(step, status=int(part))
        case "drop" if part == "drop":
            return replace(step, drop=True)
        case "drip":
            return replace(step, drip_seconds=1 if part == "drip" else _seconds(value))
        case "delay":
            return replace(step, delay_seconds=_seconds(value))
        case "retry-after":
            return replace(step, retry_after=_header_value(value))
        case _:
            raise ValueError("is not one of NNN (200 to 599), drop, drip, delay=, retry-after=")


def _seconds(text: str) -> float:
    if not _SECONDS.fullmatch(text) or float(text) > MAX_SECONDS:
        raise ValueError(f"needs seconds from 0 to {MAX_SECONDS}, such as 2 or 0.25")
    return float(text)


def _header_value(text: str) -> str:
    value = unquote(text)
    if not _HEADER_VALUE.fullmatch(value):
        raise ValueError("needs a header value in printable ASCII")
    return value

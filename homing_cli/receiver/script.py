"""What the receiver does, as the URL tells it.

    /script/503,503,200           503, again 503, then 200 for ever: the last step repeats
    /script/429;retry-after=3,200 429 with a Retry-After header, then 200
    /script/drop,200              close without an answer, then 200
    /script/delay=2;200           wait 2 seconds, then 200
    /script/drip                  200, a byte a second, its head first (drip=0.1: ten a second)
    /script/410/orders            whatever follows is free, to tell one receiver from another

A script is a list of steps with commas between them, a step a list of parts with semicolons:

    NNN                  the status, 200 to 599; 200 where a step names none
    drop                 close the connection instead of answering
    drip, drip=SECONDS   send the answer a byte at a time, that far apart
    delay=SECONDS        wait first
    retry-after=VALUE    send this header; percent-encode a comma, a semicolon, a slash or a space

Each message goes through the script on its own: the steps are counted for each path and
`webhook-id`. Any path that does not begin with `/script/` answers 200.
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
    """Raised when a path holds no script that makes sense; says which step and why."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the receiver does with one request.

    Args:
        status: the status it answers with.
        delay_seconds: how long it waits first.
        retry_after: the `Retry-After` header, or None.
        drip_seconds: the time between two bytes of the answer, or None to send it in one piece.
        drop: whether it closes the connection instead of answering.
    """

    status: int = 200
    delay_seconds: float = 0
    retry_after: str | None = None
    drip_seconds: float | None = None
    drop: bool = False

    def __str__(self) -> str:
        return "dropped" if self.drop else str(self.status)


def parse_path(url: str) -> tuple[Step, ...]:
    """Return the script of a request's URL or path; `200` where it holds none.

    Raises:
        ScriptError: when what follows `/script/` is no script.
    """
    path = urlsplit(url).path
    if not path.startswith(PREFIX):
        return (Step(),)
    return parse_script(path.removeprefix(PREFIX).partition("/")[0])


def parse_script(text: str) -> tuple[Step, ...]:
    """Read a script such as `503,429;retry-after=3,200`.

    Raises:
        ScriptError: when a step makes no sense.
    """
    return tuple(_parse_step(step, at) for at, step in enumerate(text.split(","), start=1))


def step_for(script: Sequence[Step], hit: int) -> Step:
    """Return the step for a message's request number `hit`, counted from 0."""
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
            raise ValueError("is none of NNN (200 to 599), drop, drip, delay=, retry-after=")


def _seconds(text: str) -> float:
    if not _SECONDS.fullmatch(text) or float(text) > MAX_SECONDS:
        raise ValueError(f"needs seconds from 0 to {MAX_SECONDS}, such as 2 or 0.25")
    return float(text)


def _header_value(text: str) -> str:
    value = unquote(text)
    if not _HEADER_VALUE.fullmatch(value):
        raise ValueError("needs a header value in printable ASCII")
    return value

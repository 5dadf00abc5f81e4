"""Options that describe an endpoint: its id, headers and retry policy, with their checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import typer

from homing.client.fields import RawJson
from homing.errors import InvalidMessageError
from homing.identifiers import ENDPOINT_ID
from homing.json_text import JsonText
from homing.reception.raw_json import decode, read_value, split_members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homing.errors import FieldError

_LONGEST_FILE = 65_536  # in bytes; longer than an endpoint's headers may be in all


def endpoint_id_of(text: str) -> str:
    """Return the endpointId that was typed.

    Raises:
        typer.BadParameter: when it is not a valid endpointId.
    """
    try:
        return ENDPOINT_ID.check(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from error


def header_lines(file: BinaryIO | None) -> list[str]:
    """Return the lines of `--headers-file` that are not blank.

    Error messages contain the number of a line but not its text, which may be secret.
    """
    if file is None:
        return []
    content = file.read(_LONGEST_FILE + 1)
    if len(content) > _LONGEST_FILE:
        raise typer.BadParameter(f"--headers-file is longer than {_LONGEST_FILE} bytes")
    lines = [_header_line(number, line) for number, line in enumerate(content.split(b"\n"), 1)]
    if not any(lines):
        raise typer.BadParameter("--headers-file contains no header")
    return [line for line in lines if line]


def _header_line(number: int, line: bytes) -> str:
    try:
        text = line.decode().strip()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"--headers-file: line {number} is not UTF-8") from error
    if text and ":" not in text:
        raise typer.BadParameter(f"--headers-file: line {number} is not 'Name: value'")
    return text


def header_map(texts: Sequence[str], *, none: bool) -> dict[str, str] | None:
    """Return the headers that the lines "Name: value" describe. A name may occur only once.

    Args:
        texts: the lines.
        none: whether to remove all headers (`--no-headers`).

    Returns:
        The headers; None to leave the endpoint's headers as they are.
    """
    if texts and none:
        raise typer.BadParameter("--no-headers cannot be combined with --header or --headers-file")
    headers: dict[str, str] = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon:
            raise typer.BadParameter(f"--header needs a name and a value: {text!r}")
        if name.strip().lower() in map(str.lower, headers):
            raise typer.BadParameter(
                f"--header {name.strip()} is given twice: separate its values by commas"
            )
        headers[name.strip()] = value.strip()
    return headers if texts or none else None


def event_types(given: Sequence[str], *, none: bool) -> list[str] | None:
    """Return the event types given with `--event-type`; None if they are not to be changed.

    Args:
        given: the event types.
        none: whether to remove all event types (`--no-event-types`).
    """
    if given and none:
        raise typer.BadParameter("--no-event-types cannot be combined with --event-type")
    return list(given) if given or none else None


def policy_object(text: str) -> dict[str, Any]:
    """Return the retry policy given with `--policy`, parsed as strictly as the API parses it."""
    try:
        members = split_members(decode(text))
        return {name: read_value(name, source) for name, source in members.items()}
    except InvalidMessageError as error:
        wrong = "; ".join(map(_sentence, error.errors))
        raise typer.BadParameter(f"--policy {wrong}") from error


def payload_text(text: str) -> JsonText:
    """Return the JSON given with `--payload`, exactly as written."""
    try:
        return JsonText(RawJson(text).text)
    except ValueError as error:
        raise typer.BadParameter(f"--payload is not JSON: {error}") from error


def filter_text(text: str) -> str:
    """Return the event pattern given with `--filter`, exactly as written.

    Only its syntax as a JSON object is checked here; the API checks the rest.
    """
    try:
        split_members(decode(text))
    except InvalidMessageError as error:
        wrong = "; ".join(map(_sentence, error.errors))
        raise typer.BadParameter(f"--filter {wrong}") from error
    return text


def _sentence(error: FieldError) -> str:
    whole = error.field == "body"
    return f"{error.message}, {{}} for none" if whole else f"{error.field} {error.message}"

"""What people type about an endpoint: its id, its headers, its policy, checked as it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import typer

from homing.errors import InvalidMessageError
from homing.identifiers import ENDPOINT_ID
from homing.reception.raw_json import decode, read_value, split_members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homing.errors import FieldError

_LONGEST_FILE = 65_536  # bytes; of headers an endpoint may have far fewer


def endpoint_id_of(text: str) -> str:
    """Return an endpointId that somebody typed, if there can be such an id."""
    try:
        return ENDPOINT_ID.check(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from error


def header_lines(file: BinaryIO | None) -> list[str]:
    """Return the lines of `--headers-file`; blank ones are skipped.

    What is wrong is told by the number of the line, not by its text, which is a secret.
    """
    if file is None:
        return []
    content = file.read(_LONGEST_FILE + 1)
    if len(content) > _LONGEST_FILE:
        raise typer.BadParameter(f"--headers-file is longer than {_LONGEST_FILE} bytes")
    lines = [_header_line(number, line) for number, line in enumerate(content.split(b"\n"), 1)]
    if not any(lines):
        raise typer.BadParameter("--headers-file has no header in it")
    return [line for line in lines if line]


def _header_line(number: int, line: bytes) -> str:
    try:
        text = line.decode().strip()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"--headers-file: line {number} is not UTF-8") from error
    if text and ":" not in text:
        raise typer.BadParameter(f"--headers-file: line {number} is no 'Name: value'")
    return text


def header_map(texts: Sequence[str], *, none: bool) -> dict[str, str] | None:
    """Return the headers of lines "Name: value", each name at most once; None to keep those.

    Args:
        texts: what was given.
        none: whether all are to be taken away.
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
                f"--header {name.strip()} is given twice; give it once, with commas between values"
            )
        headers[name.strip()] = value.strip()
    return headers if texts or none else None


def policy_object(text: str) -> dict[str, Any]:
    """Return the retry policy of `--policy`, read as strictly as the API reads it."""
    try:
        members = split_members(decode(text))
        return {name: read_value(name, source) for name, source in members.items()}
    except InvalidMessageError as error:
        wrong = "; ".join(map(_sentence, error.errors))
        raise typer.BadParameter(f"--policy {wrong}") from error


def _sentence(error: FieldError) -> str:
    whole = error.field == "body"
    return f"{error.message}, {{}} for none" if whole else f"{error.field} {error.message}"

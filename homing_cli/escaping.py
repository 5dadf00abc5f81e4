"""Safe output of untrusted text, to a terminal or to a program that reads lines.

Text from senders and receivers could move the cursor, forge or colour a line, or reverse the
reading direction. Control characters are therefore written as JSON escapes, and JSON is written in
ASCII.
"""

from __future__ import annotations

import json
import re
from typing import Any

import typer

# C0 and C1 controls, marks and overrides of direction, line and paragraph separators, and lone
# surrogates, which no stream can encode.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def shown(text: str) -> str:
    """Return a text as one line without control characters."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: str, *, err: bool = False) -> None:
    """Print one line, on standard output or standard error."""
    typer.echo(shown(text), err=err)


def json_text(document: Any, *, indent: int | None = None) -> str:
    """Return a document as JSON in printable ASCII."""
    return json.dumps(document, indent=indent).replace("\x7f", "\\u007f")

"""Cursors: the place where the next page of a list begins. They are opaque and not trusted."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

from homing_cli.errors import CommandError

_LONGEST = 16_384


class CursorError(CommandError):
    """Raised when a cursor is not valid."""


def to_text(place: Any) -> str:
    """Return a place, any JSON value, as text that is safe in a URL."""
    packed = zlib.compress(json.dumps(place, separators=(",", ":")).encode(), 9)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def from_text(text: str) -> Any:
    """Return the place of a text.

    Raises:
        CursorError: when the text was not written by `to_text`.
    """
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        unpacked = zlib.decompressobj().decompress(packed, _LONGEST)
        return json.loads(unpacked)
    except (ValueError, binascii.Error, zlib.error) as error:
        raise CursorError(
            "this page of the list is not known: start from the first page"
        ) from error

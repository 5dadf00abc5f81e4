"""The limit of StartExecution's input, for fakes: a larger input is refused as by AWS."""

from __future__ import annotations

import json
from typing import Any

MAX_BYTES = 262_144

# The largest payload that is sent inline (200 KiB in UTF-8), of characters that JSON may also
# escape.
LARGE_PAYLOADS = {
    "cyrillic": '"' + "я" * 102_399 + '"',
    "cjk": '"' + "件" * 68_266 + '"',
    "emoji": '"' + "\N{SLIGHTLY SMILING FACE}" * 51_199 + '"',
}


class InputTooLongError(Exception):
    """Stands for botocore's ValidationException for an input that is too long."""


def read_input(text: str) -> dict[str, Any]:
    """Read the input of an execution.

    Raises:
        InputTooLongError: when the input has more bytes than Step Functions accepts.
    """
    size = len(text.encode())
    if size > MAX_BYTES:
        raise InputTooLongError(f"{size} bytes, and {MAX_BYTES} are the most")
    document: dict[str, Any] = json.loads(text)
    return document

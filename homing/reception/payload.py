"""What is sent: the payload's text, decided once at reception and never written again."""

from __future__ import annotations

import json

from homing.http_fields import is_json
from homing.queues.text import UNCARRIED

# What the API's gateway can hand over at all: a function's request has 6 MiB, in which the payload
# is a string, each quote of it two characters (docs/decisions/0040).
MAX_PAYLOAD_BYTES = 6_000_000

# What travels along through queue and execution; above it, the claim check (docs/decisions/0040).
MAX_INLINE_BYTES = 200 * 1024


def sent_text(source: str, content_type: str) -> str:
    """Give the text that goes out as the request body.

    Args:
        source: the payload's exact source text in the sender's request, valid JSON.
        content_type: how it is labelled. With a JSON type the source itself goes out; with any
            other the payload is a JSON string and what it says goes out.

    Raises:
        ValueError: when it is no string although it must be one, or cannot be sent as it is.
    """
    text = source if is_json(content_type) else _string(source)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("holds half of a surrogate pair, which UTF-8 cannot carry") from error
    if UNCARRIED.search(text):
        raise ValueError(r"holds U+FFFE or U+FFFF; in JSON write \ufffe or \uffff")
    return text


def _string(source: str) -> str:
    if not source.startswith('"'):
        raise ValueError("must be a JSON string, since contentType is not JSON")
    return str(json.loads(source))

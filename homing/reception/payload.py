"""The text of the payload, which is taken from the request once and never serialized again."""

from __future__ import annotations

import json

from homing.http_fields import is_json
from homing.queues.text import UNCARRIED

# Lambda takes events of up to 6 MiB, in which the request body is a JSON string, so that each quote
# takes two characters (docs/decisions/0040).
MAX_PAYLOAD_BYTES = 6_000_000

# A payload up to this size goes through the queue and the execution, a larger one to S3
# (docs/decisions/0040).
MAX_INLINE_BYTES = 200 * 1024


def sent_text(source: str, content_type: str) -> str:
    """Return the text to send as the body of attempts.

    Args:
        source: the payload's exact source text in the sender's request, valid JSON.
        content_type: the media type of the payload. With a JSON type, the source text is sent. With
            any other type, the payload must be a JSON string, and the value of the string is sent.

    Raises:
        ValueError: when the payload must be a string but is not, or cannot be sent unchanged.
    """
    text = source if is_json(content_type) else _string(source)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("contains half of a surrogate pair, which UTF-8 cannot encode") from error
    if UNCARRIED.search(text):
        raise ValueError(r"contains U+FFFE or U+FFFF; in JSON write \ufffe or \uffff")
    return text


def _string(source: str) -> str:
    if not source.startswith('"'):
        raise ValueError("must be a JSON string, since contentType is not JSON")
    return str(json.loads(source))

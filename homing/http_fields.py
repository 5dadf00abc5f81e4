"""Which headers and content types a message may bring (RFC 9110, sections 5 and 8.3).

Refused are the headers that Homing or the connection itself must set. What would change on the way
(a space at either end, a character outside ASCII) is refused too, not mended in silence.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_HEADERS = 32
MAX_HEADERS_BYTES = 8 * 1024
MAX_CONTENT_TYPE_LENGTH = 256
DEFAULT_CONTENT_TYPE = "application/json"

# What only Homing can set (prefixes `webhook-` and `proxy-` besides), and what frames the message
# or speaks of the connection (RFC 9110, section 7.6.1). Reception refuses a message that names one.
RESERVED_HEADERS = frozenset(
    {"accept-encoding", "content-type", "user-agent", "x-correlation-id"}
    | {"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
RESERVED_PREFIXES = ("webhook-", "proxy-")

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 -- RFC 9110 calls it so; no secret
_NAME = re.compile(_TOKEN)
_VALUE = re.compile(r"([!-~]([ -~\t]*[!-~])?)?")
_QUOTED = r'"(?:[ !#-\[\]-~\t]|\\[ -~\t])*"'
_PARAMETER = rf"[ \t]*;[ \t]*(?P<name>{_TOKEN})=(?P<value>{_TOKEN}|{_QUOTED})"
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(?:{re.sub(r'[?]P<.*?>', '?:', _PARAMETER)})*")


def is_reserved(name: str) -> bool:
    """Tell whether only Homing, or the connection itself, sets a header; its name in lower case."""
    return name in RESERVED_HEADERS or name.startswith(RESERVED_PREFIXES)


def check_header_name(name: str) -> str:
    """Give the name back.

    Raises:
        ValueError: when it is no header name, or names a header that is not the sender's to set.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError("is not a header name")
    key = name.lower()
    if key == "content-type":
        raise ValueError("cannot be given here; give contentType instead")
    if is_reserved(key):
        raise ValueError("cannot be given: Homing or the connection itself sets it")
    return name


def check_header_value(value: str) -> str:
    """Give the value back.

    Raises:
        ValueError: when it would break the request apart or not arrive as it is.
    """
    if _VALUE.fullmatch(value) is None:
        raise ValueError(
            "may hold printable ASCII and tabs only (no CR, LF or NUL), no space at either end"
        )
    return value


def check_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Give the headers back.

    Raises:
        ValueError: when there are too many, they are too long, or one is given twice.
    """
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"holds {len(headers)} headers; at most {MAX_HEADERS} are allowed")
    size = sum(len(name) + len(value) for name, value in headers.items())
    if size > MAX_HEADERS_BYTES:
        raise ValueError(f"holds {size} bytes; at most {MAX_HEADERS_BYTES} are allowed")
    counts = Counter(name.lower() for name in headers)
    if repeated := [name for name, count in counts.items() if count > 1]:
        raise ValueError(f"gives a header more than once: {', '.join(repeated)}")
    return headers


def check_content_type(text: str) -> str:
    """Give the media type back.

    Raises:
        ValueError: when it is none, or names a character set that is not UTF-8.
    """
    if len(text) > MAX_CONTENT_TYPE_LENGTH:
        raise ValueError(f"is longer than {MAX_CONTENT_TYPE_LENGTH} characters")
    if _MEDIA_TYPE.fullmatch(text) is None:
        raise ValueError("is not a media type such as application/json or text/plain")
    for parameter in re.finditer(_PARAMETER, text):
        is_charset = parameter["name"].lower() == "charset"
        if is_charset and parameter["value"].strip('"').lower() not in {"utf-8", "utf8"}:
            raise ValueError("names a character set; a payload is always sent as UTF-8")
    return text


def is_json(content_type: str) -> bool:
    """Tell whether a media type is JSON: `application/json` or anything with `+json`."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence == "application/json" or essence.endswith("+json")

"""The headers and content types that a message may have (RFC 9110, sections 5 and 8.3).

Headers that Homing or the connection sets are refused. So are values that could change in transit:
those with a space at either end or with a character outside ASCII.
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

# Headers that a message or an endpoint cannot have: those that Homing sets itself, and those about
# framing and the connection (RFC 9110, section 7.6.1). Headers with a reserved prefix are refused,
# too.
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
    """Return whether Homing or the connection sets this header. `name` must be in lower case."""
    return name in RESERVED_HEADERS or name.startswith(RESERVED_PREFIXES)


def check_header_name(name: str) -> str:
    """Return a header name if a sender may set this header.

    Raises:
        ValueError: when it is not a valid name, or the header is reserved.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError("is not a header name")
    key = name.lower()
    if key == "content-type":
        raise ValueError("cannot be set here; use contentType")
    if is_reserved(key):
        raise ValueError("cannot be set: Homing or the connection sets it")
    return name


def check_header_value(value: str) -> str:
    """Return a header value if it can be sent unchanged.

    Raises:
        ValueError: when it would break the request or change in transit.
    """
    if _VALUE.fullmatch(value) is None:
        raise ValueError(
            "must be printable ASCII or tabs (no CR, LF or NUL), without a space at either end"
        )
    return value


def check_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers after checking their number and size.

    Raises:
        ValueError: when there are too many headers, they are too long in total, or a name is
            repeated.
    """
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"has {len(headers)} headers; at most {MAX_HEADERS} are allowed")
    size = sum(len(name) + len(value) for name, value in headers.items())
    if size > MAX_HEADERS_BYTES:
        raise ValueError(f"has {size} bytes; at most {MAX_HEADERS_BYTES} are allowed")
    counts = Counter(name.lower() for name in headers)
    if repeated := [name for name, count in counts.items() if count > 1]:
        raise ValueError(f"has a header more than once: {', '.join(repeated)}")
    return headers


def check_content_type(text: str) -> str:
    """Return a media type after checking that it can label a payload.

    Raises:
        ValueError: when it is not a media type, or names a character set other than UTF-8.
    """
    if len(text) > MAX_CONTENT_TYPE_LENGTH:
        raise ValueError(f"is longer than {MAX_CONTENT_TYPE_LENGTH} characters")
    if _MEDIA_TYPE.fullmatch(text) is None:
        raise ValueError("is not a valid media type, e.g. application/json or text/plain")
    for parameter in re.finditer(_PARAMETER, text):
        is_charset = parameter["name"].lower() == "charset"
        if is_charset and parameter["value"].strip('"').lower() not in {"utf-8", "utf8"}:
            raise ValueError("names a character set; payloads are always sent as UTF-8")
    return text


def is_json(content_type: str) -> bool:
    """Return whether a media type is JSON: `application/json` or anything with `+json`."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence == "application/json" or essence.endswith("+json")

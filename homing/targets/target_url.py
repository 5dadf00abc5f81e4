"""Checks of the syntax of target URLs.

A URL that two programs interpret differently can bypass the address guard, so a URL that RFC 3986
does not allow is refused, not corrected. Which addresses may be reached is not decided here, but by
the address guard.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address

# `timestamp#url` is the sort key of the ledger, which may have 1,024 bytes (DynamoDB quotas).
MAX_URL_LENGTH = 1024 - len("2025-12-28T12:00:00.000Z#")

_ALLOWED = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]*")  # RFC 3986, without '#'
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_URL = re.compile(r"(?i:http(?P<secure>s)?)://(?P<authority>[^/?]+)([/?].*)?")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?P<port>:[0-9]{1,5})?")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_MAX_NAME_LENGTH = 253  # RFC 1035, section 2.3.4, as text
_MAX_PORT = 65_535


def check_target_url(url: str) -> str:
    """Return the URL if requests can be sent to it and its syntax is unambiguous.

    Raises:
        ValueError: otherwise; its message is to be put after the name of the field.
    """
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"is longer than {MAX_URL_LENGTH} characters")
    _check_spelling(url)
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("must be an absolute URL: http://host/... or https://host/...")
    _check_authority(match["authority"])
    if match["secure"] and "_" in match["authority"]:
        raise ValueError(
            "has an underscore in its host name: certificates are not issued for such a name, and "
            "wildcard certificates do not match it; give the host a name without one"
        )
    return url


def _check_spelling(url: str) -> None:
    if "#" in url:
        raise ValueError("has a fragment (#...), which is never sent; leave it out")
    if _ALLOWED.fullmatch(url) is None:
        raise ValueError(
            "has a character that URLs cannot contain (RFC 3986); percent-encode it, "
            "and write an international host name in its xn-- form"
        )
    if _BROKEN_ESCAPE.search(url):
        raise ValueError("has a '%' without two hexadecimal digits after it")


def _check_authority(authority: str) -> None:
    if "@" in authority:
        raise ValueError("has credentials; send them in a header")
    match = _AUTHORITY.fullmatch(authority)
    if match is None or not 1 <= int((match["port"] or ":80")[1:]) <= _MAX_PORT:
        raise ValueError("has no valid host and port; ports are 1 to 65535")
    if not _is_host(match["host"]):
        raise ValueError("names no valid host")


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return len(host) <= _MAX_NAME_LENGTH and _NAME.fullmatch(host) is not None
    try:
        IPv6Address(host[1:-1])
    except ValueError:
        return False
    return True

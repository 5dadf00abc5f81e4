"""The head of an HTTP/1 response (RFC 9112): strict about framing, lenient about everything else.

Lines that are not headers are skipped, since the status is valid without them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.http.attempt import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

RETRY_AFTER_LIMIT = 128  # characters; an HTTP-date has 29

_SWITCHING_PROTOCOLS = 101
_START = b"HTTP/1."
_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9])[ \t]+([1-9][0-9]{2})(?:[ \t].*)?")
_READ = frozenset(
    {b"connection", b"content-length", b"keep-alive", b"retry-after", b"transfer-encoding"}
)
# A line that begins with a space continues the line before it (RFC 9112, section 5.2).
_FOLD = re.compile(rb"\r?\n[ \t]+")
_KEEP_ALIVE = re.compile(rb"(?:.*[,;\s])?timeout\s*=\s*\"?([0-9]{1,6})\b.*", re.IGNORECASE)
# How answers in other protocols begin. An error names the protocol but does not quote the answer:
# errors are logged and recorded, and an endpoint may echo the confidential headers of the request
# (docs/decisions/0045).
_LIKENESSES = (
    (b"\x15\x03", "TLS"),
    (b"SSH-", "SSH"),
    (b"HTTP/", "another version of HTTP"),
    (b"<", "a page without a head"),
)


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a response.

    Args:
        status: its status code.
        minor_version: the minor version of HTTP/1.
        headers: the headers that Homing uses, by lower-case name; repeated ones are joined by
            commas.
    """

    status: int
    minor_version: int
    headers: Mapping[bytes, bytes]

    @classmethod
    def of(cls, status_line: re.Match[bytes], text: bytes) -> Head:
        """Return the head that has this status line and the header lines in `text`."""
        return cls(int(status_line[2]), int(status_line[1]), _headers_of(text))

    @property
    def retry_after(self) -> str | None:
        """The raw `Retry-After` header; repeated headers are joined by commas."""
        text = self.headers.get(b"retry-after", b"").decode("latin-1")
        return text[:RETRY_AFTER_LIMIT] or None

    @property
    def idle_seconds(self) -> int | None:
        """How long the endpoint keeps an idle connection open, from `Keep-Alive: timeout`."""
        match = _KEEP_ALIVE.fullmatch(self.headers.get(b"keep-alive", b""))
        return int(match[1]) if match else None

    @property
    def keeps_open(self) -> bool:
        """Whether the connection stays open after the response. With HTTP/1.0 it never does."""
        closes = b"close" in self.headers.get(b"connection", b"").lower()
        # Both headers in one response are a sign of response smuggling.
        doubtful = b"transfer-encoding" in self.headers and b"content-length" in self.headers
        return self.minor_version >= 1 and not closes and not doubtful


def find_status_line(arrived: bytearray) -> re.Match[bytes] | None:
    """Return the match of the status line (minor version, status); None if it is incomplete.

    Raises:
        ProtocolError: as soon as the data cannot be the status line of an HTTP/1 response.
    """
    if not _START.startswith(arrived[: len(_START)]):
        raise ProtocolError(f"not an HTTP/1 response{_likeness(arrived)}")
    end = arrived.find(b"\n")
    if end < 0:
        return None
    match = _STATUS_LINE.fullmatch(bytes(arrived[:end]).removesuffix(b"\r"))
    if match is None:
        raise ProtocolError("not a status line")
    if int(match[2]) == _SWITCHING_PROTOCOLS:
        raise ProtocolError("101 Switching Protocols, which was not requested")
    return match


def _likeness(arrived: bytearray) -> str:
    names = [name for start, name in _LIKENESSES if arrived.startswith(start)]
    return f", but looks like {names[0]}" if names else ""


def _headers_of(text: bytes) -> dict[bytes, bytes]:
    """Return the headers that Homing uses; lines that are not headers are skipped."""
    headers: dict[bytes, bytes] = {}
    for line in _FOLD.sub(b" ", text).split(b"\n"):
        name, colon, value = line.partition(b":")
        name = name.rstrip().lower()
        if colon and name in _READ:
            value = value.strip()
            headers[name] = headers[name] + b", " + value if name in headers else value
    return headers

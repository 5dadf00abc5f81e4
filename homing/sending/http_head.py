"""The head of an HTTP/1 response (RFC 9112): strict about framing, lenient about the rest.

What is not quite HTTP still says the status of a request, so lines that are no header are skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.sending.attempt import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

RETRY_AFTER_LIMIT = 128  # characters; an HTTP-date has 29

_SWITCHING_PROTOCOLS = 101
_START = b"HTTP/1."
_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9])[ \t]+([1-9][0-9]{2})(?:[ \t].*)?")
_READ = frozenset(
    {b"connection", b"content-length", b"keep-alive", b"retry-after", b"transfer-encoding"}
)
# A line that begins with a space goes on with the one before it (RFC 9112, section 5.2).
_FOLD = re.compile(rb"\r?\n[ \t]+")
_KEEP_ALIVE = re.compile(rb"(?:.*[,;\s])?timeout\s*=\s*\"?([0-9]{1,6})\b.*", re.IGNORECASE)
# What answers in place of HTTP/1, by how it begins. Errors are logged and kept on record, and an
# endpoint may echo what it was sent, so they name it and quote nothing (docs/decisions/0045).
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
        minor_version: of HTTP/1.
        headers: those that matter, by name in lower case; repeated ones joined by commas.
    """

    status: int
    minor_version: int
    headers: Mapping[bytes, bytes]

    @classmethod
    def of(cls, status_line: re.Match[bytes], text: bytes) -> Head:
        """Make a head of its status line and of all its lines."""
        return cls(int(status_line[2]), int(status_line[1]), _headers_of(text))

    @property
    def retry_after(self) -> str | None:
        """The raw `Retry-After` header, if there is any: several are joined by commas."""
        text = self.headers.get(b"retry-after", b"").decode("latin-1")
        return text[:RETRY_AFTER_LIMIT] or None

    @property
    def idle_seconds(self) -> int | None:
        """How long the endpoint keeps an idle connection, if it says so (`Keep-Alive: timeout`)."""
        match = _KEEP_ALIVE.fullmatch(self.headers.get(b"keep-alive", b""))
        return int(match[1]) if match else None

    @property
    def keeps_open(self) -> bool:
        """Whether the connection outlives the response. HTTP/1.0 is not worth the doubt."""
        closes = b"close" in self.headers.get(b"connection", b"").lower()
        # Both ways of telling the length at once is how responses are smuggled.
        doubtful = b"transfer-encoding" in self.headers and b"content-length" in self.headers
        return self.minor_version >= 1 and not closes and not doubtful


def find_status_line(arrived: bytearray) -> re.Match[bytes] | None:
    """Take the status line apart, if all of it is here: the minor version, and the status.

    Raises:
        ProtocolError: as soon as what has come cannot be one, or is of a protocol that was not
            asked for.
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
        raise ProtocolError("101 Switching Protocols, which was not asked for")
    return match


def _likeness(arrived: bytearray) -> str:
    names = [name for start, name in _LIKENESSES if arrived.startswith(start)]
    return f", but looks like {names[0]}" if names else ""


def _headers_of(text: bytes) -> dict[bytes, bytes]:
    """Read the header lines that matter. Those that are none are passed over: the status counts."""
    headers: dict[bytes, bytes] = {}
    for line in _FOLD.sub(b" ", text).split(b"\n"):
        name, colon, value = line.partition(b":")
        name = name.rstrip().lower()
        if colon and name in _READ:
            value = value.strip()
            headers[name] = headers[name] + b", " + value if name in headers else value
    return headers

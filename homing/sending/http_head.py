"""The head of an HTTP/1 response (RFC 9112): strict about framing, lenient about the rest.

What is not quite HTTP still says what became of a request, so lines that are no header are skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.sending.attempt import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RETRY_AFTER_LIMIT = 128  # characters; an HTTP-date has 29

_SWITCHING_PROTOCOLS = 101
_START = b"HTTP/1."
_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9])[ \t]+([1-9][0-9]{2})(?:[ \t].*)?")
_FOLD = re.compile(rb"\n[ \t]+")
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
        headers: by name in lower case; repeated ones joined by commas.
    """

    status: int
    minor_version: int
    headers: Mapping[bytes, bytes]

    @classmethod
    def of(cls, status_line: re.Match[bytes], fields: Sequence[bytes]) -> Head:
        """Make a head of its lines."""
        return cls(int(status_line[2]), int(status_line[1]), _headers_of(fields))

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


def check_start(arrived: bytes) -> None:
    """Raise a ProtocolError as soon as what has come cannot begin a response any more."""
    start = arrived.lstrip(b"\r\n")
    if not _START.startswith(start[: len(_START)]):
        raise ProtocolError(f"not an HTTP/1 response{_likeness(start)}")


def _likeness(start: bytes) -> str:
    names = [name for likeness, name in _LIKENESSES if start.startswith(likeness)]
    return f", but looks like {names[0]}" if names else ""


def read_status_line(line: bytes) -> re.Match[bytes]:
    """Take a status line apart: the minor version, and the status.

    Raises:
        ProtocolError: when it is none, or tells of a protocol that was not asked for.
    """
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise ProtocolError("not a status line")
    if int(match[2]) == _SWITCHING_PROTOCOLS:
        raise ProtocolError("101 Switching Protocols, which was not asked for")
    return match


def _headers_of(fields: Sequence[bytes]) -> dict[bytes, bytes]:
    """Read header lines. Those that are none are passed over: the status counts."""
    headers: dict[bytes, list[bytes]] = {}
    # A line that begins with a space goes on with the one before it (RFC 9112, section 5.2).
    for line in _FOLD.sub(b" ", b"\n".join(fields)).split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon and not line.startswith((b" ", b"\t")):
            headers.setdefault(name.strip().lower(), []).append(value.strip())
    return {name: b", ".join(values) for name, values in headers.items()}

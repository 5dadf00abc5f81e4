"""Reading one HTTP/1.1 response (RFC 9112) from an endpoint that may send anything, for ever.

Two bounds hold whatever comes: the attempt's deadline, renewed before every read of the socket,
and a budget of bytes. Why this is not http.client: docs/decisions/0001-http-client.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.sending.attempt import Attempt, ProtocolError, Stage

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

BODY_LIMIT = 4096  # bytes of a body that are kept
WIRE_LIMIT = 65_536  # bytes that are read for one response: interim ones, heads, framing and body
RETRY_AFTER_LIMIT = 128  # characters; an HTTP-date has 29

_RECEIVE_SIZE = 8192
_SWITCHING_PROTOCOLS = 101
_FIRST_FINAL_STATUS = 200
_WITHOUT_BODY = (204, 304)
_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: .*)?")
_LENGTH = re.compile(rb"[0-9]{1,15}")
# What answers in place of HTTP/1, by how it begins. Errors are logged and kept on record, and an
# endpoint may echo what it was sent, so they name it and quote nothing (docs/decisions/0045).
_LIKENESSES = (
    (b"\x15\x03", "TLS"),
    (b"SSH-", "SSH"),
    (b"HTTP/", "another version of HTTP"),
    (b"<", "a page without a head"),
)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?")


@dataclass(frozen=True, slots=True)
class Response:
    """A final response.

    Args:
        status: its status code, 200 to 999.
        retry_after: its raw `Retry-After` header, or None.
        body: the first `BODY_LIMIT` bytes of the body as they came, never decompressed.
        reusable: whether it ended where it said, and the connection may carry another request.
    """

    status: int
    retry_after: str | None
    body: bytes
    reusable: bool


def read_response(sock: socket.socket, attempt: Attempt) -> Response:
    """Read the final response to a request; interim ones (1xx) are skipped.

    A response counts from the moment its head is complete. A body that then breaks off or makes
    no sense is cut short and the status stands, for the endpoint has answered; one that is still
    coming at the deadline is a time-out, since an attempt lasts no longer than that.

    Args:
        sock: a connected socket; it stays open.
        attempt: its deadline bounds the whole; its stage is kept up to date.

    Raises:
        OSError: when the connection breaks before the head is complete; `TimeoutError` when time
            is up.
        ProtocolError: when what comes is no HTTP/1 response, or more than `WIRE_LIMIT` of head.
    """
    reader = _Reader(sock, attempt)
    attempt.stage = Stage.HEAD
    head = _read_head(reader)
    attempt.stage = Stage.BODY
    body, ended = _read_body(reader, head)
    retry_after = head.headers.get(b"retry-after", b"").decode("latin-1")
    return Response(
        status=head.status,
        retry_after=retry_after[:RETRY_AFTER_LIMIT] or None,
        body=body,
        reusable=ended and head.keeps_open and reader.is_drained,
    )


class _Reader:
    """What has come from a socket, taken in lines and pieces."""

    def __init__(self, sock: socket.socket, attempt: Attempt) -> None:
        self._socket = sock
        self._attempt = attempt
        self._buffer = bytearray()
        self._budget = WIRE_LIMIT

    @property
    def is_drained(self) -> bool:
        """Whether nothing has come that was not taken; the next response would start with it."""
        return not self._buffer

    def require(self, prefix: bytes) -> None:
        """Raise a ProtocolError as soon as what comes cannot begin like this any more."""
        while len(self._buffer) < len(prefix) and prefix.startswith(self._buffer):
            self._receive()
        if not self._buffer.startswith(prefix):
            raise ProtocolError(f"not an HTTP/1 response{_likeness(self._buffer)}")

    def line(self) -> bytes:
        """Take a line, without its end."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            self._receive()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def piece(self, limit: int) -> bytes:
        """Take what is there, at least one byte and at most `limit`."""
        if not self._buffer:
            self._receive()
        piece = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        return piece

    def _receive(self) -> None:
        if self._budget <= 0:
            raise ProtocolError(f"more than {WIRE_LIMIT} bytes")
        self._socket.settimeout(self._attempt.remaining())
        data = self._socket.recv(min(_RECEIVE_SIZE, self._budget))
        if not data:
            raise ConnectionResetError("connection closed by the endpoint")
        self._budget -= len(data)
        self._buffer += data


def _likeness(data: bytearray) -> str:
    names = [name for start, name in _LIKENESSES if data.startswith(start)]
    return f", but looks like {names[0]}" if names else ""


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    minor_version: int
    headers: Mapping[bytes, bytes]  # by name in lower case; repeated ones joined by a comma

    @property
    def keeps_open(self) -> bool:
        """Whether the connection outlives the response. HTTP/1.0 is not worth the doubt."""
        closes = b"close" in self.headers.get(b"connection", b"").lower()
        # Both ways of telling the length at once is how responses are smuggled.
        doubtful = b"transfer-encoding" in self.headers and b"content-length" in self.headers
        return self.minor_version >= 1 and not closes and not doubtful


def _read_head(reader: _Reader) -> _Head:
    while True:
        reader.require(b"HTTP/1.")
        line = reader.line()
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise ProtocolError("not a status line")
        head = _Head(int(match[2]), int(match[1]), _read_headers(reader))
        if head.status >= _FIRST_FINAL_STATUS:
            return head
        if head.status == _SWITCHING_PROTOCOLS:
            raise ProtocolError("101 Switching Protocols, which was not asked for")


def _read_headers(reader: _Reader) -> dict[bytes, bytes]:
    """Read up to the blank line. Lines that are no header are passed over: the status counts."""
    headers: dict[bytes, bytes] = {}
    while line := reader.line():
        name, colon, value = line.partition(b":")
        if colon and not line.startswith((b" ", b"\t")):
            name, value = name.strip().lower(), value.strip()
            headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def _read_body(reader: _Reader, head: _Head) -> tuple[bytes, bool]:
    """Give the part of the body that is kept, and whether the body came to its end there."""
    body = bytearray()
    try:
        for piece in _pieces_of_body(reader, head):
            body += piece
            if len(body) > BODY_LIMIT:
                return bytes(body[:BODY_LIMIT]), False
    except TimeoutError:
        raise
    except (OSError, ProtocolError):
        return bytes(body), False
    return bytes(body), True


def _pieces_of_body(reader: _Reader, head: _Head) -> Iterator[bytes]:
    """Tell how long the body is and give it as it comes (RFC 9112, section 6.3)."""
    coding = head.headers.get(b"transfer-encoding")
    length = head.headers.get(b"content-length")
    if head.status in _WITHOUT_BODY:
        return iter(())
    if coding is not None and coding.lower().endswith(b"chunked"):
        return _chunks(reader)
    if coding is not None or length is None:
        return _pieces(reader, WIRE_LIMIT)  # until the connection closes
    if not _LENGTH.fullmatch(length):
        raise ProtocolError("unreadable Content-Length")
    return _pieces(reader, int(length))


def _pieces(reader: _Reader, length: int) -> Iterator[bytes]:
    while length > 0:
        piece = reader.piece(length)
        length -= len(piece)
        yield piece


def _chunks(reader: _Reader) -> Iterator[bytes]:
    while size := _chunk_size(reader.line()):
        yield from _pieces(reader, size)
        if reader.line():
            raise ProtocolError("a chunk is longer than it says")
    while reader.line():  # trailers
        pass


def _chunk_size(line: bytes) -> int:
    match = _CHUNK_SIZE.fullmatch(line)
    if match is None:
        raise ProtocolError("unreadable chunk size")
    return int(match[1], 16)

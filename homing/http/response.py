"""Reads one HTTP/1.1 response (RFC 9112) from an untrusted endpoint.

Two limits always apply: the attempt's deadline, checked before every read of the socket, and a
maximum number of bytes. docs/decisions/0001-http-client.md explains why http.client is not used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.http.attempt import ProtocolError, Stage
from homing.http.head import Head, find_status_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homing.http.attempt import Attempt
    from homing.http.channel import Channel

BODY_LIMIT = 4096  # how many bytes of a body are kept
BODY_SECONDS = 2  # the longest wait for a body
# How many bytes are read at most for one response: interim responses, heads, framing and body.
WIRE_LIMIT = 65_536

_RECEIVE_SIZE = 8192
_FIRST_FINAL_STATUS = 200
_WITHOUT_BODY = (204, 304)
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?")


@dataclass(frozen=True, slots=True)
class Response:
    """A final response.

    Args:
        status: its status code, 200 to 999.
        retry_after: its raw `Retry-After` header, or None; repeated headers are joined by commas.
        body: the first `BODY_LIMIT` bytes of the body, never decompressed.
        reusable: whether the connection can be used for another request.
        idle_seconds: how long the endpoint keeps an idle connection open, according to the
            response; None if the response does not say.
    """

    status: int
    retry_after: str | None
    body: bytes
    reusable: bool
    idle_seconds: int | None = None


class ResponseReader:
    """Reads the final response to a request; interim responses (1xx) are skipped.

    The head alone decides the status; an incomplete body does not change it. At most `BODY_LIMIT`
    bytes of the body are read, for at most `BODY_SECONDS`.

    Args:
        channel: an open connection; it stays open.
        attempt: the attempt; its deadline applies, and its stage is updated.
    """

    def __init__(self, channel: Channel, attempt: Attempt) -> None:
        self._attempt = attempt
        self._arrived = _Arrived(channel, attempt)
        self._head: Head | None = None

    def head_so_far(self) -> Head | None:
        """Return the head if it has arrived completely; otherwise None. This does not wait.

        Raises:
            OSError: when the connection breaks before the head is complete.
            ProtocolError: when the data is not an HTTP/1 response, or more than `WIRE_LIMIT` bytes
                have arrived.
        """
        if self._head is None and self._arrived.receive():
            self._head = self._parse_head()
        return self._head

    def response(self) -> Response:
        """Wait for the response until its body is complete or reaches a limit, and return it.

        Raises:
            OSError: when the connection breaks before the head is complete; `TimeoutError` when
                time is up.
            ProtocolError: as in `head_so_far`.
        """
        self._attempt.stage = Stage.HEAD
        while self._head is None:
            self._arrived.wait()
            self._head = self._parse_head()
        self._attempt.stage = Stage.BODY
        self._arrived.limit(self._attempt.part(BODY_SECONDS))
        body, ended = _read_body(self._arrived, self._head)
        return Response(
            status=self._head.status,
            retry_after=self._head.retry_after,
            body=body,
            reusable=self._head.keeps_open and ended and self._arrived.is_empty,
            idle_seconds=self._head.idle_seconds,
        )

    def _parse_head(self) -> Head | None:
        """Remove the final head from the received data and return it; None if it is incomplete."""
        while (head := self._arrived.take_head()) is not None:
            if head.status >= _FIRST_FINAL_STATUS:
                return head
        return None


class _Arrived:
    """The data that a channel has received; it is consumed as heads, lines or pieces."""

    def __init__(self, channel: Channel, attempt: Attempt) -> None:
        self._channel = channel
        self._attempt = attempt
        self._time = attempt
        self._buffer = bytearray()
        self._searched = 0
        self._status_line: re.Match[bytes] | None = None
        self._budget = WIRE_LIMIT

    @property
    def is_empty(self) -> bool:
        """Whether all received data is consumed. Data after the response is not part of it."""
        return not self._buffer

    def limit(self, time: Attempt) -> None:
        """Set the deadline of all further waits."""
        self._time = time

    def take_head(self) -> Head | None:
        """Consume and return the next head; None if it is incomplete.

        Raises:
            ProtocolError: as soon as the data cannot be a head.
        """
        if self._status_line is None:
            if self._buffer.startswith((b"\r", b"\n")):  # ignored (RFC 9112, section 2.2)
                self._buffer = self._buffer.lstrip(b"\r\n")
            self._status_line = find_status_line(self._buffer)
        end = _END_OF_HEAD.search(self._buffer, max(0, self._searched - 3))
        if self._status_line is None or end is None:
            self._searched = len(self._buffer)
            return None
        head = Head.of(self._status_line, bytes(self._buffer[: end.start()]))
        del self._buffer[: end.end()]
        self._searched, self._status_line = 0, None
        return head

    def take_line(self) -> bytes | None:
        """Consume and return a line without its line break; None if it is incomplete."""
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line.removesuffix(b"\r")

    def line(self) -> bytes:
        """Wait for a line, consume it and return it without its line break."""
        while (line := self.take_line()) is None:
            self.wait()
        return line

    def piece(self, limit: int) -> bytes:
        """Wait for data, consume at most `limit` bytes and return them."""
        if not self._buffer:
            self.wait()
        piece = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        return piece

    def wait(self) -> None:
        """Wait for more data."""
        while not self._channel.wait(self._time.remaining()) or not self.receive():
            pass

    def receive(self) -> bool:
        """Receive without waiting; return whether there was any data."""
        if self._budget <= 0:
            raise ProtocolError(f"more than {WIRE_LIMIT} bytes")
        data = self._channel.receive(min(_RECEIVE_SIZE, self._budget))
        if data is None:
            return False
        if not data:
            raise ConnectionResetError("connection closed by the endpoint")
        self._attempt.is_answered = True
        self._budget -= len(data)
        self._buffer += data
        return True


def _read_body(arrived: _Arrived, head: Head) -> tuple[bytes, bool]:
    """Return the beginning of the body, up to `BODY_LIMIT`, and whether this is the whole body."""
    body = bytearray()
    try:
        for piece in _pieces_of_body(arrived, head):
            body += piece
            if len(body) > BODY_LIMIT:
                return bytes(body[:BODY_LIMIT]), False
    except (OSError, ProtocolError):
        return bytes(body), False
    return bytes(body), True


def _pieces_of_body(arrived: _Arrived, head: Head) -> Iterator[bytes]:
    """Yield the pieces of the body as they arrive.

    How the body ends follows from the head, by the rules of RFC 9112, section 6.3.
    """
    coding = head.headers.get(b"transfer-encoding")
    length = head.headers.get(b"content-length")
    if head.status in _WITHOUT_BODY:
        return iter(())
    if coding is not None and coding.lower().endswith(b"chunked"):
        return _chunks(arrived)
    if coding is not None or length is None:
        return _pieces(arrived, WIRE_LIMIT)  # until the connection closes
    if not _LENGTH.fullmatch(length):
        raise ProtocolError("unreadable Content-Length")
    return _pieces(arrived, int(length))


def _pieces(arrived: _Arrived, length: int) -> Iterator[bytes]:
    while length > 0:
        piece = arrived.piece(length)
        length -= len(piece)
        yield piece


def _chunks(arrived: _Arrived) -> Iterator[bytes]:
    while size := _chunk_size(arrived.line()):
        yield from _pieces(arrived, size)
        if arrived.line():
            raise ProtocolError("a chunk is longer than it says")
    while arrived.line():  # trailers
        pass


def _chunk_size(line: bytes) -> int:
    match = _CHUNK_SIZE.fullmatch(line)
    if match is None:
        raise ProtocolError("unreadable chunk size")
    return int(match[1], 16)

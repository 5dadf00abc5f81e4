"""A non-blocking connection, plain or over TLS. Only this module distinguishes the two."""

from __future__ import annotations

import math
import select
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

# A write over TLS sends all of its data or none, so a write has at most the size of a TLS record.
_SEND_SIZE = 16_384

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Channel:
    """A connection on which one call can wait both to send and to receive.

    Args:
        sock: a connected socket, over TLS after its handshake; the channel closes it.
    """

    __slots__ = ("_awaited", "_pending", "_poll", "_socket")

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)  # noqa: FBT003 -- the signature of the socket module
        self._socket = sock
        # TLS may have buffered the rest of a record, about which the socket itself does not report.
        self._pending = sock.pending if isinstance(sock, ssl.SSLSocket) else None
        self._awaited = select.POLLIN
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def send(self, data: memoryview) -> int:
        """Send as much as possible without waiting, and return the number of bytes sent.

        Raises:
            OSError: when the connection is broken; `ssl.SSLError` is a subclass.
        """
        try:
            return self._socket.send(data[:_SEND_SIZE])
        except _NOT_NOW:
            return 0

    def receive(self, size: int) -> bytes | None:
        """Return data that has arrived, at most `size` bytes; None if none has.

        At the end of the connection, return b"".

        Raises:
            OSError: when the connection is broken.
        """
        try:
            return self._socket.recv(size)
        except _NOT_NOW:
            return None

    def wait(self, seconds: float, *, to_receive: bool = True, to_send: bool = False) -> bool:
        """Wait until data has arrived or can be sent; return whether data has arrived."""
        if to_receive and self._pending is not None and self._pending():
            return True
        awaited = select.POLLIN * to_receive | select.POLLOUT * to_send
        if awaited != self._awaited:
            self._poll.modify(self._socket, awaited)
            self._awaited = awaited
        events = self._poll.poll(math.ceil(seconds * 1000))
        return bool(events) and events[0][1] != select.POLLOUT

    @property
    def is_silent(self) -> bool:
        """Whether neither data nor the end of the connection has arrived since the last receive."""
        return not self.wait(0)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

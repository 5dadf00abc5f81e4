"""A connected socket that never blocks, plain or over TLS. The two differ here and nowhere else."""

from __future__ import annotations

import math
import select
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

# TLS writes all that it is given or reports nothing written, so it is given a record at a time.
_SEND_SIZE = 16_384

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Channel:
    """Both directions of a connection, each of which can be waited for while the other is open.

    Args:
        sock: a connected socket, over TLS after its handshake; the channel closes it.
    """

    __slots__ = ("_awaited", "_pending", "_poll", "_socket")

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)  # noqa: FBT003 -- how the socket module spells it
        self._socket = sock
        # TLS may hold data that the socket does not show: the rest of a record.
        self._pending = sock.pending if isinstance(sock, ssl.SSLSocket) else None
        self._awaited = select.POLLIN
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def send(self, data: memoryview) -> int:
        """Send as much as can be sent at once and return how many bytes that was.

        Raises:
            OSError: when the connection is broken; `ssl.SSLError` is one, too.
        """
        try:
            return self._socket.send(data[:_SEND_SIZE])
        except _NOT_NOW:
            return 0

    def receive(self, size: int) -> bytes | None:
        """Return what has arrived: at most `size` bytes, b"" at the end, None if there is nothing.

        Raises:
            OSError: when the connection is broken.
        """
        try:
            return self._socket.recv(size)
        except _NOT_NOW:
            return None

    def wait(self, seconds: float, *, to_receive: bool = True, to_send: bool = False) -> bool:
        """Wait so long for something to arrive, or for room to send; return whether it arrived."""
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
        """Whether nothing has arrived that was not received, be it only the end."""
        return not self.wait(0)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

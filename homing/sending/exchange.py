"""One request and its response over an open connection, which may answer before it has read all."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from homing.sending.attempt import Stage
from homing.sending.http_response import Response, ResponseReader

if TYPE_CHECKING:
    from homing.sending.attempt import Attempt
    from homing.sending.channel import Channel

# For how long the rest of a request is offered to an endpoint that has already accepted it.
REST_SECONDS = 2

_ACCEPTED = range(200, 300)


def exchange(channel: Channel, request: bytes, attempt: Attempt) -> Response:
    """Send a request and return the response, which ends the sending (RFC 9112, section 9.5).

    Args:
        channel: an open connection; it stays open.
        request: head and body.
        attempt: its deadline bounds the whole; it is told the stages.

    Raises:
        OSError: when the connection breaks before the head is complete; `TimeoutError` when time
            is up.
        ProtocolError: when what comes is no HTTP/1 response, or has too long a head.
    """
    attempt.stage = Stage.WRITE
    reader = ResponseReader(channel, attempt)
    is_sent = _send(channel, request, reader, attempt)
    response = reader.response()
    return response if is_sent else replace(response, reusable=False)


def _send(channel: Channel, request: bytes, reader: ResponseReader, attempt: Attempt) -> bool:
    """Send a request until it is answered; return whether all of it was sent before.

    Raises:
        TimeoutError: when time is up.
        ProtocolError: when what comes meanwhile is no response.
    """
    rest = memoryview(request)
    try:
        while rest := rest[channel.send(rest) :]:
            if channel.wait(attempt.remaining(), to_send=True) and (head := reader.head_so_far()):
                _offer_rest(channel, rest, attempt, head.status)
                return False
    except TimeoutError:
        raise
    except OSError:  # an answer that has arrived says more than a broken pipe
        return False
    return True


def _offer_rest(channel: Channel, rest: memoryview, attempt: Attempt, status: int) -> None:
    """Send the rest of a request that was accepted, if it is taken soon: it may still be read."""
    if status not in _ACCEPTED:
        return
    time = attempt.part(REST_SECONDS)
    with suppress(OSError):
        while rest := rest[channel.send(rest) :]:
            channel.wait(time.remaining(), to_receive=False, to_send=True)

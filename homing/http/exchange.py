"""One request over an open connection, and its response, which may come before the request ends."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from homing.http.attempt import Stage
from homing.http.response import Response, ResponseReader

if TYPE_CHECKING:
    from homing.http.attempt import Attempt
    from homing.http.channel import Channel

# If an endpoint responds with 2xx before it has read the whole request, the rest of the request is
# sent for at most this many seconds.
REST_SECONDS = 2

_ACCEPTED = range(200, 300)


def exchange(channel: Channel, request: bytes, attempt: Attempt) -> Response:
    """Send a request and return the response.

    If the response comes before all of the request is sent, sending stops (RFC 9112, section 9.5).

    Args:
        channel: an open connection; it stays open.
        request: the head and body.
        attempt: the attempt; its deadline applies, and its stage is updated.

    Raises:
        OSError: when the connection breaks before the response head is complete; `TimeoutError`
            when time is up.
        ProtocolError: when the answer is not an HTTP/1 response, or its head is too long.
    """
    attempt.stage = Stage.WRITE
    reader = ResponseReader(channel, attempt)
    is_sent = _send(channel, request, reader, attempt)
    response = reader.response()
    return response if is_sent else replace(response, reusable=False)


def _send(channel: Channel, request: bytes, reader: ResponseReader, attempt: Attempt) -> bool:
    """Send a request until a response arrives; return whether all of it was sent.

    Raises:
        TimeoutError: when time is up.
        ProtocolError: when an early response is not valid HTTP/1.
    """
    rest = memoryview(request)
    try:
        while rest := rest[channel.send(rest) :]:
            if channel.wait(attempt.remaining(), to_send=True) and (head := reader.head_so_far()):
                _offer_rest(channel, rest, attempt, head.status)
                return False
    except TimeoutError:
        raise
    except OSError:  # the endpoint may have sent a response before it closed the connection
        return False
    return True


def _offer_rest(channel: Channel, rest: memoryview, attempt: Attempt, status: int) -> None:
    """For a short time, send the rest of a request to which the endpoint has responded with 2xx.

    The endpoint may want to read the whole request.
    """
    if status not in _ACCEPTED:
        return
    time = attempt.part(REST_SECONDS)
    with suppress(OSError):
        while rest := rest[channel.send(rest) :]:
            channel.wait(time.remaining(), to_receive=False, to_send=True)

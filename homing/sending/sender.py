"""The HTTP sender: one POST per attempt, and whatever comes of it is an `Outcome`.

- One deadline over name look-up, connect, TLS, write and read.
- Connections stay warm between attempts; a request that may have left is never sent again here.
- Every address is checked before it is connected to, where there is a guard.
- Redirects are not followed, bodies not decompressed, and at most 64 KiB are read.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from math import inf
from typing import TYPE_CHECKING

from homing.outcome import AttemptError, Outcome
from homing.queue_text import UNCARRIED
from homing.sending.attempt import Attempt, Stage
from homing.sending.connection import Resolver, WarmConnections, look_up, open_connection
from homing.sending.http_request import encode_request, request_headers
from homing.sending.http_response import Response, read_response
from homing.targets.target import parse_target
from homing.timestamps import to_text

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from homing.delivery import Reference, Request
    from homing.targets.address_guard import AddressGuard


@cache
def default_tls() -> ssl.SSLContext:
    """Make the TLS context: certificates and names are checked, TLS 1.2 at least. Reads files."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def utc_now() -> datetime:
    """Give the time of day."""
    return datetime.now(UTC)


class Sender:
    """Sends the requests of attempts, one at a time. Opens nothing until the first.

    Args:
        attempt_timeout_seconds: how long an attempt may take in all.
        now: the time of day, for timestamps and for the age of warm connections.
        clock: a monotonic clock in seconds, for the deadline.
        resolve: gives the addresses of a name; what it gives is what is connected to.
        tls: makes the TLS context, on first use.
        guard: says which targets may be reached; without one, any.
    """

    def __init__(
        self,
        *,
        attempt_timeout_seconds: float,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
        resolve: Resolver = look_up,
        tls: Callable[[], ssl.SSLContext] = default_tls,
        guard: AddressGuard | None = None,
    ) -> None:
        self._attempt_timeout_seconds = attempt_timeout_seconds
        self._now = now
        self._clock = clock
        self._resolve = resolve
        self._tls = tls
        self._guard = guard
        self._warm = WarmConnections()

    def send(
        self,
        reference: Reference,
        request: Request,
        secrets: Sequence[str] = (),
        *,
        within: float = inf,
    ) -> Outcome:
        """Make one attempt. What the endpoint and the network do is in the outcome.

        Args:
            reference: the delivery.
            request: what is sent.
            secrets: those that sign it (homing/endpoints/signing.py).
            within: how many seconds there are, where that is less than an attempt may take.
        """
        attempt = Attempt(min(self._attempt_timeout_seconds, within), self._clock)
        result: Response | AttemptError
        try:
            result = self._post(reference, request, secrets, attempt)
        except (OSError, ValueError) as error:
            result = attempt.explain(error)
        return _outcome(result, self._now(), attempt.elapsed())

    def close(self) -> None:
        """Close all warm connections."""
        self._warm.close()

    def _post(
        self, reference: Reference, request: Request, secrets: Sequence[str], attempt: Attempt
    ) -> Response:
        target = parse_target(reference.target_url)
        started = self._now()
        body = request.payload.encode()
        headers = request_headers(reference, request, started, body, secrets)
        message = encode_request(target, headers, body)
        sock = self._warm.take(target.origin, started.timestamp())
        if sock is None:
            sock = open_connection(target, attempt, self._resolve, self._tls, self._guard)
        try:
            response = _exchange(sock, message, attempt)
        except BaseException:
            sock.close()
            raise
        if response.reusable:
            self._warm.keep(target.origin, sock, started.timestamp())
        else:
            sock.close()
        return response


def _exchange(sock: socket.socket, message: bytes, attempt: Attempt) -> Response:
    attempt.stage = Stage.WRITE
    try:
        _write(sock, message, attempt)
    except ConnectionError:
        # An endpoint may answer (413, say) and close before it has read everything. Its answer,
        # where one has arrived, says more than the broken pipe.
        return replace(read_response(sock, attempt), reusable=False)
    return read_response(sock, attempt)


def _write(sock: socket.socket, message: bytes, attempt: Attempt) -> None:
    rest = memoryview(message)
    while rest:
        sock.settimeout(attempt.remaining())
        rest = rest[sock.send(rest) :]


def _outcome(result: Response | AttemptError, ended: datetime, elapsed: float) -> Outcome:
    timestamp, response_time = to_text(ended), int(elapsed * 1000)
    if isinstance(result, AttemptError):
        return Outcome(timestamp, response_time, error=result)
    # A dead letter quotes it.
    text = UNCARRIED.sub("\N{REPLACEMENT CHARACTER}", result.body.decode(errors="replace"))
    return Outcome(
        timestamp=timestamp,
        response_time=response_time,
        http_status=result.status,
        retry_after=result.retry_after,
        response_body=text,
    )

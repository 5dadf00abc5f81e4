"""The HTTP client of webhooks: one POST per attempt, whose result is always an `Outcome`.

- One deadline applies to name look-up, connect, TLS, write and read.
- Connections stay open between attempts for at most 30 seconds. If the endpoint closes one before
  any byte of a response, the request is sent once more over a new connection.
- With a guard, every address is checked before it is connected to.
- Redirects are not followed, bodies are not decompressed, and at most 64 KiB are read.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING

from homing.http.attempt import Attempt
from homing.http.channel import Channel
from homing.http.connection import Resolver, look_up, open_connection
from homing.http.exchange import exchange
from homing.http.tls import default_tls
from homing.http.warm_connections import Connection, Moment, WarmConnections
from homing.queues.text import UNCARRIED
from homing.retry.outcome import AttemptError, Outcome
from homing.sending.http_request import encode_request, request_headers
from homing.targets.target import parse_target
from homing.timestamps import to_text

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from homing.delivery import Reference, Request
    from homing.http.response import Response
    from homing.targets.address_guard import AddressGuard
    from homing.targets.target import Target


def utc_now() -> datetime:
    """Return the time of day."""
    return datetime.now(UTC)


class WebhookClient:
    """Sends the requests of attempts, one at a time. Creating it opens no connection.

    Args:
        attempt_timeout_seconds: the time limit of an attempt.
        now: returns the time of day, for timestamps and the age of warm connections.
        clock: a monotonic clock in seconds, for the deadline and to detect that the container was
            frozen.
        resolve: returns the addresses of a name. The client connects to one of them, without
            another look-up.
        tls: returns the TLS context; called on first use.
        guard: decides which targets may be reached; without a guard, all may be reached.
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
        url: str | None = None,
        within: float = inf,
    ) -> Outcome:
        """Make one attempt and return its outcome; endpoint and network errors do not raise.

        Args:
            reference: the delivery.
            request: what is sent.
            secrets: the secrets that sign the request (homing/credentials/signing.py).
            url: the URL of the request; None for the URL that the delivery was accepted with.
            within: a further time limit, in seconds; the shorter of this and the attempt's applies.
        """
        attempt = Attempt(min(self._attempt_timeout_seconds, within), self._clock)
        result: Response | AttemptError
        try:
            target = parse_target(url or reference.target_url)
            result = self._post(target, reference, request, secrets, attempt)
        except (OSError, ValueError) as error:
            result = attempt.explain(error)
        return _outcome(result, self._now(), attempt.elapsed())

    def close(self) -> None:
        """Close all warm connections."""
        self._warm.close()

    def _post(
        self,
        target: Target,
        reference: Reference,
        request: Request,
        secrets: Sequence[str],
        attempt: Attempt,
    ) -> Response:
        started = self._now()
        body = request.payload.encode()
        headers = request_headers(reference, request, started, body, secrets)
        message = encode_request(target, headers, body)
        now = Moment(started.timestamp(), self._clock())
        warm = self._warm.take(target.origin, now)
        if warm is not None:
            try:
                return self._exchange(target, warm, message, attempt)
            except TimeoutError:
                raise
            except OSError:  # the endpoint may have closed the idle connection
                if attempt.is_answered:
                    raise
        sock = open_connection(target, attempt, self._resolve, self._tls, self._guard)
        return self._exchange(target, Connection(Channel(sock), now), message, attempt)

    def _exchange(
        self, target: Target, connection: Connection, message: bytes, attempt: Attempt
    ) -> Response:
        try:
            response = exchange(connection.channel, message, attempt)
        except BaseException:
            connection.channel.close()
            raise
        if response.reusable:
            now = Moment(self._now().timestamp(), self._clock())
            self._warm.keep(target.origin, connection, now, response.idle_seconds)
        else:
            connection.channel.close()
        return response


def _outcome(result: Response | AttemptError, ended: datetime, elapsed: float) -> Outcome:
    timestamp, response_time = to_text(ended), int(elapsed * 1000)
    if isinstance(result, AttemptError):
        return Outcome(timestamp, response_time, error=result)
    # The text becomes part of the dead letter, so it may contain only what SQS accepts.
    text = UNCARRIED.sub("\N{REPLACEMENT CHARACTER}", result.body.decode(errors="replace"))
    return Outcome(
        timestamp=timestamp,
        response_time=response_time,
        http_status=result.status,
        retry_after=result.retry_after,
        response_body=text,
    )

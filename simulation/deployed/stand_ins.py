"""Stand-ins for network, endpoints, random values and logs.

Most of them replace a class or function of the deployed code, which the docstring names.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError, HTTPClientError

from homing.credentials.secrets_table import SecretsTable
from homing.endpoints.concurrency import MARGIN, ConcurrencySlots
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.endpoints_table import EndpointsTable
from homing.endpoints.rate_slots import RateSlots
from homing.errors import DependencyError
from homing.identifiers import DEFAULT_SENDER_ID
from homing.ordering.turns import Turns
from homing.retry.outcome import AttemptError, ErrorKind, Outcome
from homing.sending.deliverer import Deliverer
from homing.sending.http_request import request_headers
from homing.sending.pacing import Pacing
from homing.sending.recipients import Recipient, Recipients
from homing.timestamps import to_text
from simulation.deployed.clients import DynamoDB
from simulation.deployed.edges import current_edges, outside_history
from simulation.deployment import ENDPOINTS, SECRETS
from simulation.engine.clock import MINUTE, to_datetime, to_iso
from simulation.engine.faults import NoAnswerError, ServiceError
from simulation.engine.replay import TAPE
from simulation.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from homing.delivery import Reference, Request
    from homing.endpoints.health_recorder import EndpointWatch
    from homing.reception.acceptance import Reception
    from homing.recovery.watchdog import Examined
    from homing.sending.webhook_client import WebhookClient
    from simulation.deployment import Deployment


MAY_FAIL_WITH = (ClientError, HTTPClientError, DependencyError)


class UnhurriedContext:
    """Replaces Lambda's context. It always reports a minute of remaining time.

    On AWS, the functions use the remaining time to end before their time-out. In the simulation,
    they do not end early, so some invocations time out and their outcome is lost.
    """

    def get_remaining_time_in_millis(self) -> int:
        """Return a minute in milliseconds."""
        return MINUTE


class SimulatedWebhookClient:
    """Replaces `homing.sending.webhook_client.WebhookClient`, with a simulated network."""

    def send(
        self,
        reference: Reference,
        request: Request,
        secrets: Sequence[str] = (),
        *,
        url: str,
        within: float,
    ) -> Outcome:
        """Make one attempt, without a signature. `within` does not shorten its time-out."""
        del secrets, within
        started = TAPE.now
        headers = request_headers(
            reference, request, to_datetime(started), request.payload.encode()
        )
        arguments = {
            "url": url,
            "webhookId": headers["webhook-id"],
            "body": request.payload,
        }
        try:
            answer = TAPE.call("http.post", arguments, current_edges().deployment.attempt_timeout)
        except ServiceError as error:
            kind = ErrorKind.TIMEOUT if isinstance(error, NoAnswerError) else ErrorKind.CONNECT
            return Outcome(
                to_iso(TAPE.now), TAPE.now - started, error=AttemptError(kind, kind.value)
            )
        return Outcome(
            timestamp=to_iso(TAPE.now),
            response_time=TAPE.now - started,
            http_status=answer["status"],
            retry_after=answer["retryAfter"],
        )

    def close(self) -> None:
        """Do nothing: no connection stays open."""


class EndpointsWithLimits:
    """Replaces `Recipients`: treats each target URL as an endpoint with the deployment's limits."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def find(self, reference: Reference, now: datetime) -> Recipient:
        """Return the endpoint at the target URL of a delivery. It is never disabled."""
        return Recipient(endpoint_of(reference.target_url, to_text(now), self._deployment), None)

    def forget(self, _: Reference) -> None:
        """Do nothing: nothing is cached."""


def endpoint_of(url: str, since: str, deployment: Deployment) -> Endpoint:
    """Return an endpoint at a URL, with the limits of the deployment."""
    return Endpoint(
        DEFAULT_SENDER_ID,
        url,
        url,
        since,
        since,
        attempts_at_once=deployment.attempts_at_once,
        rate_per_second=deployment.rate_per_second,
    )


def sleep(seconds: float) -> None:
    """Replaces `time.sleep` in `deliver`."""
    TAPE.call("function.sleep", seconds, MINUTE)


class NoEndpointWatch:
    """Replaces `EndpointWatch`: the simulation never disables an endpoint."""

    limit = None

    def record(self, *_: Any) -> bool:
        """Record nothing."""
        return False


def cold_deliverer() -> Deliverer:
    """Replaces `_deliverer` of `deliver`: returns a new deliverer, as after a cold start.

    A warm function has caches. With them, a handler that runs again would skip calls that it made
    in earlier runs.
    """
    dynamodb: Any = DynamoDB()
    deployment = current_edges().deployment
    known = Recipients(EndpointsTable(ENDPOINTS, dynamodb), SecretsTable(SECRETS, dynamodb))
    narrow = cast("Recipients", EndpointsWithLimits(deployment))
    has_limits = deployment.attempts_at_once or deployment.rate_per_second
    return Deliverer(
        sender=cast("WebhookClient", SimulatedWebhookClient()),
        recipients=narrow if has_limits else known,
        watch=cast("EndpointWatch", NoEndpointWatch()),
        slots=ConcurrencySlots(
            ENDPOINTS, dynamodb, timedelta(milliseconds=deployment.attempt_timeout) + MARGIN
        ),
        turns=Turns(current_edges().lines, timedelta(milliseconds=deployment.deliver_timeout)),
        pacing=Pacing(RateSlots(ENDPOINTS, dynamodb), sleep),
        fetch=outside_history,  # no payload is large
        now=lambda: to_datetime(TAPE.now),
        chance=SimulatedRandom().random,
        report=log_nothing,
    )


class SimulatedRandom:
    """Replaces `random.SystemRandom`."""

    def random(self) -> float:
        """Return the random number that the simulated history has drawn for the running handler."""
        return current_edges().draw(TAPE.owner)


def log_nothing(*_: Any, **__: Any) -> None:
    """Log nothing."""


def raise_mistakes(_: str, result: object) -> None:
    """Replaces `log_line`: raises an error if a line of ordered deliveries could not advance.

    It raises none if a simulated fault is the cause.
    """
    if isinstance(result, Exception) and not isinstance(result, MAY_FAIL_WITH):
        raise UnsupportedError(f"a line failed with {type(result).__name__}: {result}") from result


def note_unrecorded(reference: Reference, *, attempt: int, reason: str) -> None:
    """Replaces `log_unrecorded`: notes in the journal that an attempt may not be recorded."""
    del reason
    edges = current_edges()
    edges.journal.note_gap(reference.delivery_id, edges.generation, attempt - 1)


def note_detached(*_: Any, **__: Any) -> None:
    """Replaces `log_detached`: counts the detached attempt in the journal."""
    current_edges().journal.detached += 1


def note_examined(one: Examined) -> None:
    """Replaces `log_examined`: notes in the journal what the watchdog did with a delivery."""
    run = TAPE.owner, one.reference.delivery_id  # if the handler runs again, this stays the same
    current_edges().journal.examined[run] = one.finding


def note_accepted(reception: Reception, **_: Any) -> None:
    """Replaces `log_reception` in `ingest`: notes the accepted message in the journal."""
    record = reception.idempotency
    ids = tuple(reference.delivery_id for reference in record.references())
    current_edges().journal.note_accepted(record.message_id, ids, TAPE.now)


def note_unclaimed(_: str, about: dict[str, str]) -> None:
    """Replaces `_report` of `deliver`: notes in the journal that an attempt was not claimed."""
    current_edges().journal.unclaimed.add(about["deliveryId"])

"""The deployed functions, with their edges exchanged: clients, endpoint, clock, chance and logs.

The handlers are the real ones and so is everything behind them. For as long as `simulated_edges`
lasts, the caches in which they keep their clients hold simulated ones.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from homing.dispatch.executions import FirstAttempts, Workflow
from homing.dispatch.express_path import ExpressPath
from homing.endpoints.concurrency import MARGIN, ConcurrencySlots
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.endpoints_table import EndpointsTable
from homing.endpoints.secrets_table import SecretsTable
from homing.errors import AcceptanceError, InvalidMessageError
from homing.ledger.claim import AttemptClaims
from homing.ledger.interventions import InterventionTable
from homing.ledger.records import Records
from homing.ledger.table import Ledger
from homing.payloads.store import PayloadStore
from homing.queues.dead_letters import DeadLetterQueue
from homing.queues.deliveries import DeliveryQueue
from homing.queues.visibility import Redelivery, seconds_until_over
from homing.reception.acceptance import Acceptance
from homing.reception.message import Rules, parse_message
from homing.reception.messages_table import MessagesTable
from homing.recovery.interventions import Interventions
from homing.retry.outcome import AttemptError, ErrorKind, Outcome
from homing.sending.deliverer import Deliverer
from homing.sending.http_request import request_headers
from homing.sending.recipients import Recipient, Recipients
from homing.settings import ComputeBackoffSettings
from homing.targets.address_guard import AddressGuard
from homing.timestamps import to_text
from lambdas import classify, compute_backoff, deliver, dispatch, record_retry
from simulation.deployed.admission import ChanceAdmission
from simulation.deployed.clients import SQS, DynamoDB, StepFunctions
from simulation.engine.clock import MINUTE, SECOND, to_datetime, to_iso
from simulation.engine.faults import NoAnswerError, ServiceError
from simulation.engine.replay import TAPE
from simulation.errors import SimulationError
from simulation.journal import Account
from simulation.scenario import Act

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from homing.delivery import Reference, Request
    from homing.endpoints.health_recorder import EndpointWatch
    from homing.reception.message import Message
    from homing.recovery.interventions import Result
    from homing.sending.webhook_client import Sender
    from simulation.deployed.deployment import Deployment

Handler: TypeAlias = "Callable[[dict[str, Any]], Any]"

LEDGER = "ledger"
MESSAGES = "messages"
SECRETS = "secrets"
ENDPOINTS = "endpoints"
DELIVERIES = "deliveries"
DEAD_LETTERS = "dead-letters"
STANDARD = "standard"
EXPRESS = "express"


class Edges:
    """What the handlers of this process are given; one history at a time sets it."""

    def __init__(self, deployment: Deployment) -> None:
        dynamodb, sqs = DynamoDB(), SQS()
        states = StepFunctions(deployment.slow_threshold)
        self.ledger = Ledger(LEDGER, dynamodb)  # type: ignore[arg-type]  # a client of its own
        workflow = Workflow(STANDARD, states)  # type: ignore[arg-type]
        express = FirstAttempts(EXPRESS, deployment.express_timeout / 1000, states)  # type: ignore[arg-type]
        dead_lettering = DeadLetterQueue(DEAD_LETTERS, sqs)  # type: ignore[arg-type]
        self._off = ExpressPath(workflow, None, self.ledger, dead_lettering)
        self._on = replace(self._off, first_attempts=express)
        self._redelivery = Redelivery(DELIVERIES, sqs)  # type: ignore[arg-type]
        self.acceptance = Acceptance(
            MessagesTable(MESSAGES, dynamodb, lambda: str(next(self._claims))),  # type: ignore[arg-type]
            Records(LEDGER, dynamodb),  # type: ignore[arg-type]
            DeliveryQueue(DELIVERIES, sqs),  # type: ignore[arg-type]
            EndpointsTable(ENDPOINTS, dynamodb),  # type: ignore[arg-type]  # no message names one
            PayloadStore(""),  # no payload is large
        )
        self.deployment = deployment
        self.interventions = Interventions(
            InterventionTable(LEDGER, dynamodb),  # type: ignore[arg-type]
            workflow,
            _no_history,  # no payload is large
        )
        self.draw: Callable[[str], float] = _no_history
        self.account = Account()
        self.generation = 0  # of the delivery whose attempt is being recorded
        self._claims = count()
        self.desk = self._desk(self._off)

    def enter(
        self,
        deployment: Deployment,
        draw: Callable[[str], float],
        account: Account,
    ) -> None:
        """Begin a history."""
        self.deployment = deployment
        self.draw = draw
        self.account = account
        self._claims = count()
        admission = ChanceAdmission(deployment.defers, draw)
        is_on = deployment.express_path_is_on
        self.desk = self._desk(replace(self._on, admission=admission) if is_on else self._off)

    def _desk(self, express_path: ExpressPath) -> dispatch._Desk:
        over_in = seconds_until_over(self.deployment.express_timeout / SECOND)
        return dispatch._Desk(express_path, self._redelivery, over_in)  # noqa: SLF001  # as `dispatch` does


def _no_history(*_: Any) -> Any:
    raise SimulationError("no history has begun")


class _Network:
    """Stands for `homing.sending.webhook_client.Sender`: the same headers, another network."""

    def send(
        self,
        reference: Reference,
        request: Request,
        secrets: Sequence[str] = (),
        *,
        url: str,
        within: float,
    ) -> Outcome:
        """Make one attempt; nobody has a secret here, and the time is always there."""
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
            answer = TAPE.call("http.post", arguments, _edges().deployment.attempt_timeout)
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
        """Keep nothing open."""


class _Narrow:
    """Stands for `Recipients` where each target is an endpoint that counts attempts."""

    def __init__(self, attempts_at_once: int) -> None:
        self._attempts_at_once = attempts_at_once

    def find(self, reference: Reference, now: datetime) -> Recipient:
        """Give the endpoint of a target; it is never disabled."""
        since, url = to_text(now), reference.target_url
        endpoint = Endpoint(
            reference.sender_id, url, url, since, since, attempts_at_once=self._attempts_at_once
        )
        return Recipient(endpoint, None)

    def forget(self, _: Reference) -> None:
        """Remember nothing."""


class _NoWatch:
    """Stands for `EndpointWatch`: no endpoint is disabled here, whatever it answers."""

    limit = None

    def record(self, *_: Any) -> bool:
        """Record nothing."""
        return False


def _cold_deliverer() -> Deliverer:
    """Make what `deliver` makes on its first attempt; here every attempt is the first.

    What a warm function remembers would not be the same when it is run again.
    """
    dynamodb: Any = DynamoDB()
    deployment = _edges().deployment
    known = Recipients(EndpointsTable(ENDPOINTS, dynamodb), SecretsTable(SECRETS, dynamodb))
    narrow = cast("Recipients", _Narrow(deployment.attempts_at_once))
    return Deliverer(
        sender=cast("Sender", _Network()),
        recipients=narrow if deployment.attempts_at_once else known,
        watch=cast("EndpointWatch", _NoWatch()),
        slots=ConcurrencySlots(
            ENDPOINTS, dynamodb, timedelta(milliseconds=deployment.attempt_timeout) + MARGIN
        ),
        fetch=_no_history,  # no payload is large
        now=lambda: to_datetime(TAPE.now),
        chance=_Dice().random,
        report=_nothing,
    )


class _Dice:
    """Stands for `random.SystemRandom`."""

    def random(self) -> float:
        """Draw from the chance of the history."""
        return _edges().draw(TAPE.owner)


def _nothing(*_: Any, **__: Any) -> None:
    """Log nothing: what is told is not part of what happens."""


def _noted(reference: Reference, *, attempt: int, reason: str) -> None:
    """Stand for `log_unrecorded`: a gap in the ledger that was reported."""
    del reason
    edges = _edges()
    edges.account.note_gap(reference.delivery_id, edges.generation, attempt - 1)


def _noted_left(*_: Any, **__: Any) -> None:
    """Stand for `log_detached`."""
    _edges().account.left += 1


def _noted_claim(_: str, about: dict[str, str]) -> None:
    """Stand for the log of a claim that could not be made."""
    _edges().account.unclaimed.add(about["deliveryId"])


_current: list[Edges] = []


def _edges() -> Edges:
    return _current[-1]


@contextmanager
def simulated_edges(deployment: Deployment) -> Iterator[Edges]:
    """Put the handlers into the simulated world."""
    edges = Edges(deployment)
    settings = ComputeBackoffSettings(retention_days=deployment.retention_days)
    claims = AttemptClaims(LEDGER, _noted_claim, DynamoDB())  # type: ignore[arg-type]
    replacements: list[tuple[Any, str, Any]] = [
        (deliver, "_deliverer", _cold_deliverer),
        (deliver, "_claims", lambda: claims),
        (deliver, "utc_now", lambda: to_datetime(TAPE.now)),
        (compute_backoff, "_settings", lambda: settings),
        (compute_backoff, "_chance", _Dice()),
        (record_retry, "_ledger", lambda: edges.ledger),
        (dispatch, "_desk", lambda: _edges().desk),
        (dispatch, "log_detached", _noted_left),
        (dispatch, "log_unsettled", _nothing),
        (dispatch, "log_settled", _nothing),
        (classify, "log_attempt", _nothing),
        (compute_backoff, "log_attempt", _nothing),
        (record_retry, "log_unrecorded", _noted),
    ]
    with ExitStack() as stack:
        for module, name, value in replacements:
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        _current.append(edges)
        stack.callback(_current.pop)
        yield edges


class _Unhurried:
    """Stands for Lambda's context: tells of more time than there is, and is cut off at its end.

    So a history has what the function itself would avoid: an outcome that is lost with it.
    """

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds left."""
        return MINUTE


def run_deliver(event: dict[str, Any]) -> Any:
    """Run `deliver`."""
    return deliver.handler(event, _Unhurried())


def run_classify(event: dict[str, Any]) -> Any:
    """Run `classify`."""
    return classify.handler(event, None)


def run_compute_backoff(event: dict[str, Any]) -> Any:
    """Run `compute_backoff`."""
    return compute_backoff.handler(event, None)


def run_record_retry(event: dict[str, Any]) -> Any:
    """Run `record_retry`."""
    _edges().generation = event.get("generation", 0)
    return record_retry.handler(event, None)


def run_intervention(
    act: Act, reference: Reference, dead_letter: Mapping[str, Any] | None
) -> Result:
    """Do what an operator commands."""
    interventions, now = _edges().interventions, to_datetime(TAPE.started)
    match act:
        case Act.REDRIVE_DEAD_LETTERS if dead_letter is not None:
            return interventions.redrive_dead_letter(dead_letter, reference, now=now)
        case Act.RETRY_NOW:
            return interventions.retry_now(reference, now=now)
        case Act.CANCEL:
            days = _edges().deployment.retention_days
            expires_at = int((now + timedelta(days=days)).timestamp())
            return interventions.cancel(reference, now=now, expires_at=expires_at)
        case _:
            return interventions.redrive(reference, now=now)


@lru_cache(maxsize=16)
def _parsed(body: str, now: int, deployment: Deployment) -> Message:
    """Parse a message once, however often its handler is run again."""
    return parse_message(
        body,
        now=to_datetime(now),
        rules=Rules(
            default_policy=deployment.policy,
            retention=timedelta(days=deployment.retention_days),
            guard=AddressGuard(allow_http=True),
            new_id=lambda: "unnamed",
        ),
    )


def run_accept(event: dict[str, Any]) -> dict[str, Any]:
    """Do what `lambdas.accept` does between the HTTP API's event and its answer."""
    edges = _edges()
    try:
        message = _parsed(event["body"], TAPE.started, edges.deployment)
        reception = edges.acceptance.accept(message, now=to_datetime(TAPE.started))
    except InvalidMessageError as error:
        return {"status": error.status}
    except AcceptanceError:
        return {"status": 503}
    ids = [reference.delivery_id for reference in reception.idempotency.references()]
    return {"status": 200 if reception.is_duplicate else 202, "deliveries": ids}


def run_settle(record: dict[str, Any]) -> None:
    """Settle one record of a batch, as `dispatch` does in one of its threads."""
    dispatch._settle(SQSRecord(record))  # noqa: SLF001  # the handler's threads are what is left out


def run_put_off(record: dict[str, Any]) -> None:
    """Give back a record whose delivery has just been left with another record of the batch."""
    dispatch._detach(SQSRecord(record))  # noqa: SLF001  # as above


def round_trip(value: Any) -> Any:
    """Give what arrives where JSON is passed on."""
    return json.loads(json.dumps(value))

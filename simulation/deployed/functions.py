"""Runs the deployed Lambda functions in the simulation.

The handlers and the code that they call are the real ones. `simulated_edges` replaces some module
attributes of the handlers by stand-ins: those that return AWS clients, times or random values, and
those that write logs.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from homing.api.batch import split_batch
from homing.errors import (
    AcceptanceError,
    DependencyError,
    InvalidMessageError,
    RateExceededError,
)
from homing.queues.received import Received
from homing.reception import acceptance
from homing.reception.acceptance import Reception
from homing.reception.message import Message, parse_message
from homing.reception.recipients import no_subscribers
from homing.settings import ComputeBackoffSettings
from lambdas import (
    classify,
    compute_backoff,
    deliver,
    dispatch,
    ingest,
    record_retry,
    release,
    watchdog,
)
from simulation.deployed.edges import Edges, current_edges, entered, rules_of
from simulation.deployed.stand_ins import (
    SimulatedRandom,
    UnhurriedContext,
    cold_deliverer,
    log_nothing,
    note_accepted,
    note_detached,
    note_examined,
    note_unclaimed,
    note_unrecorded,
    raise_mistakes,
)
from simulation.engine.clock import to_datetime
from simulation.engine.replay import TAPE
from simulation.scenario import Act

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from homing.delivery import Reference
    from homing.reception.acceptance import Result as Accepted
    from homing.reception.recipients import FindSubscribers
    from homing.recovery.interventions import Result
    from simulation.deployment import Deployment


@contextmanager
def simulated_edges(deployment: Deployment) -> Iterator[Edges]:
    """Replace AWS, clocks, random values and logs in the handlers until the context exits."""
    edges = Edges(deployment)
    settings = ComputeBackoffSettings(retention_days=deployment.retention_days)
    replacements: list[tuple[Any, str, Any]] = [
        (deliver, "_deliverer", cold_deliverer),
        (deliver, "_ledger", lambda: edges.ledger),
        (deliver, "_report", note_unclaimed),
        (compute_backoff, "_settings", lambda: settings),
        (compute_backoff, "_chance", SimulatedRandom()),
        (record_retry, "_ledger", lambda: edges.ledger),
        (dispatch, "_desk", lambda: current_edges().desk),
        (dispatch, "log_detached", note_detached),
        (dispatch, "log_unsettled", log_nothing),
        (dispatch, "log_settled", log_nothing),
        (classify, "log_attempt", log_nothing),
        (compute_backoff, "log_attempt", log_nothing),
        (record_retry, "log_unrecorded", note_unrecorded),
        (watchdog, "_watchdog", lambda: edges.watchdog),
        (watchdog, "_releasing", lambda: edges.releasing),
        (watchdog, "log_line", log_nothing),
        (release, "_releasing", lambda: edges.releasing),
        (release, "_now", lambda: to_datetime(TAPE.now)),
        (release, "log_line", raise_mistakes),
        (watchdog, "_undispatched", lambda: edges.undispatched),
        (watchdog, "_runner", _NoBulkRedrives),
        (watchdog, "_now", lambda: to_datetime(TAPE.now)),
        (watchdog, "_has_time", lambda: True),
        (watchdog, "log_examined", note_examined),
        (watchdog, "log_put_back", log_nothing),
        (acceptance, "_side_by_side", _one_by_one),
        (ingest, "_desk", lambda: current_edges().ingest_desk),
        (ingest, "_now", lambda: to_datetime(TAPE.started)),
        (ingest, "log_message", log_nothing),
        (ingest, "log_reception", note_accepted),
    ]
    with ExitStack() as stack:
        for module, name, value in replacements:
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        stack.enter_context(entered(edges))
        yield edges


class _NoBulkRedrives:
    """Replaces the runner of bulk redrives. The simulation has no bulk redrives."""

    def resume(self, has_time: Callable[[], bool], seconds: float) -> None:
        """Do nothing: there is no bulk redrive to continue."""


def _one_by_one(claim: Callable[[Message], Any], messages: Sequence[Message]) -> Sequence[Any]:
    """Replaces `_side_by_side`: makes the calls one after the other instead of concurrently.

    That is one of the orders in which concurrent calls can take effect.
    """
    return [claim(each) for each in messages]


def run_deliver(event: dict[str, Any]) -> Any:
    """Run `deliver`."""
    return deliver.handler(event, UnhurriedContext())


def run_classify(event: dict[str, Any]) -> Any:
    """Run `classify`."""
    return classify.handler(event, None)


def run_compute_backoff(event: dict[str, Any]) -> Any:
    """Run `compute_backoff`."""
    return compute_backoff.handler(event, None)


def run_record_retry(event: dict[str, Any]) -> Any:
    """Run `record_retry`."""
    current_edges().generation = event.get("generation", 0)
    return record_retry.handler(event, None)


def run_release(event: dict[str, Any]) -> Any:
    """Run `release`."""
    return release.handler(event, None)


def run_watchdog(event: dict[str, Any]) -> None:
    """Run `watchdog`."""
    watchdog.handler(event, None)


def run_intervention(
    act: Act, reference: Reference, dead_letter: Mapping[str, Any] | None
) -> Result:
    """Run an operator's command on a delivery.

    `dead_letter` is the dead letter to redrive; None if the command needs none.
    """
    interventions, now = current_edges().interventions, to_datetime(TAPE.started)
    match act:
        case Act.REDRIVE_DEAD_LETTERS if dead_letter is not None:
            return interventions.redrive_dead_letter(dead_letter, reference, now=now)
        case Act.RETRY_NOW:
            return interventions.retry_now(reference, now=now)
        case Act.CANCEL:
            days = current_edges().deployment.retention_days
            expires_at = int((now + timedelta(days=days)).timestamp())
            return interventions.cancel(reference, now=now, expires_at=expires_at)
        case _:
            return interventions.redrive(reference, now=now)


@lru_cache(maxsize=16)
def _parsed(body: str, now: int, deployment: Deployment) -> Message:
    """Return the message in a request body, from a cache if it has been parsed before.

    The cache saves time, since a handler runs again for each of its calls. It cannot be used for
    events: to parse one, a handler reads the subscribers from a table, and must repeat this call
    whenever it runs again.
    """
    return _parse(body, now, deployment, no_subscribers)


def _parse(
    body: str, now: int, deployment: Deployment, find_subscribers: FindSubscribers
) -> Message:
    return parse_message(
        body,
        now=to_datetime(now),
        rules=rules_of(deployment),
        find_subscribers=find_subscribers,
    )


def run_accept(event: dict[str, Any]) -> dict[str, Any]:
    """Accept a message as `lambdas.accept` does, but without the HTTP API's event and response.

    Return the status of the response and, if the message is accepted, the ids of its deliveries.
    """
    (answer,) = _answers([event["body"]])
    return answer


def run_accept_batch(event: dict[str, Any]) -> dict[str, Any]:
    """Accept the messages of one request; return, for each, a result like that of `run_accept`."""
    return {"results": _answers(split_batch(event["body"]))}


def run_ingest(event: dict[str, Any]) -> Any:
    """Run `ingest`."""
    return ingest.handler(event, UnhurriedContext())


def _answers(bodies: Sequence[str]) -> list[dict[str, Any]]:
    parsed = [_message(body) for body in bodies]
    messages = [each for each in parsed if isinstance(each, Message)]
    accepted = current_edges().acceptance.accept_all(messages, now=to_datetime(TAPE.started))
    results = iter(accepted)
    return [_answer(next(results)) if isinstance(each, Message) else each for each in parsed]


def _message(body: str) -> Message | dict[str, Any]:
    """Return the message in a request body or, if the message is refused, the response."""
    edges = current_edges()
    request = body, TAPE.started, edges.deployment
    try:
        if '"eventType"' in body:
            return _parse(*request, edges.acceptance.find_subscribers)
        return _parsed(*request)
    except InvalidMessageError as error:
        return {"status": error.status}
    except DependencyError:
        return {"status": 503}


def _answer(result: Accepted) -> dict[str, Any]:
    match result:
        case Reception():
            ids = [reference.delivery_id for reference in result.idempotency.references()]
            return {"status": 200 if result.is_duplicate else 202, "deliveries": ids}
        case InvalidMessageError():
            return {"status": result.status}
        case RateExceededError():
            return {"status": 429}
        case AcceptanceError():
            return {"status": 503}


def run_settle(record: dict[str, Any]) -> None:
    """Process one queue message of a batch, as a thread of `dispatch` does."""
    dispatch._settle(Received.from_record(record))  # noqa: SLF001  # without the handler's threads


def run_detach(record: dict[str, Any]) -> None:
    """Return a queue message to the queue, since an earlier message's attempt was detached."""
    dispatch._detach(Received.from_record(record))  # noqa: SLF001  # without the handler's threads

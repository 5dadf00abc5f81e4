"""Builds objects of the deployed code for the simulation, with stand-ins for their AWS clients.

`Edges` contains these objects, the source of random draws, and the journal. Each operating system
process that runs simulations uses one `Edges`, and resets it with `enter` at the beginning of each
simulated history. The simulated code gets it from `current_edges`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from homing.dispatch.executions import FirstAttempts, Workflow
from homing.dispatch.express_path import ExpressPath
from homing.endpoints.endpoints_table import EndpointsTable
from homing.ledger.table import Ledger
from homing.ordering.joining import Joining
from homing.ordering.lines_table import Lines
from homing.ordering.places_table import Places
from homing.ordering.releasing import Releasing, pass_over
from homing.payloads.store import PayloadStore
from homing.queues.dead_letters import DeadLetterQueue
from homing.queues.deliveries import DeliveryQueue
from homing.queues.unaccepted import UnacceptedQueue
from homing.queues.undispatched import UndispatchedQueue
from homing.queues.visibility import Redelivery, seconds_until_over
from homing.reception.acceptance import Acceptance
from homing.reception.message import Rules
from homing.reception.messages_table import MessagesTable
from homing.recovery.interventions import Interventions
from homing.recovery.watchdog import Watchdog
from homing.routing.subscriptions import FRESH_SECONDS, Subscriptions
from homing.targets.address_guard import AddressGuard
from lambdas import dispatch, ingest
from simulation.deployed.admission import ChanceAdmission, ChanceBursts
from simulation.deployed.clients import SQS, DynamoDB, StepFunctions
from simulation.deployment import (
    BULK,
    DEAD_LETTERS,
    DELIVERIES,
    ENDPOINTS,
    EXPRESS,
    INGEST,
    LEDGER,
    LINES,
    MESSAGES,
    PLACES,
    STANDARD,
    UNACCEPTED,
    UNDISPATCHED,
)
from simulation.engine.clock import SECOND
from simulation.engine.replay import TAPE
from simulation.errors import SimulationError
from simulation.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing.queues.bursts import Bursts
    from simulation.deployment import Deployment


class Edges:
    """Objects of the deployed code with stand-in AWS clients, random draws and a journal.

    Args:
        deployment: the settings of Homing until `enter` sets others.
    """

    def __init__(self, deployment: Deployment) -> None:
        dynamodb, sqs = DynamoDB(), SQS()
        states = StepFunctions(deployment.slow_threshold)
        self.ledger = Ledger(LEDGER, dynamodb)  # type: ignore[arg-type]  # a stand-in for the client
        workflow = Workflow(STANDARD, states)  # type: ignore[arg-type]
        express = FirstAttempts(EXPRESS, deployment.express_timeout / 1000, states)  # type: ignore[arg-type]
        dead_lettering = DeadLetterQueue(DEAD_LETTERS, sqs)  # type: ignore[arg-type]
        self._off = ExpressPath(workflow, None, self.ledger, dead_lettering)
        self._on = replace(self._off, first_attempts=express)
        self.watchdog = Watchdog(self.ledger, workflow, dead_lettering)
        self.undispatched = UndispatchedQueue(UNDISPATCHED, DELIVERIES, sqs)  # type: ignore[arg-type]
        self._redelivery = Redelivery(DELIVERIES, sqs)  # type: ignore[arg-type]
        endpoints = EndpointsTable(ENDPOINTS, dynamodb)  # type: ignore[arg-type]
        deliveries = DeliveryQueue(DELIVERIES, sqs, BULK)  # type: ignore[arg-type]
        self.lines = Lines(LINES, dynamodb)  # type: ignore[arg-type]
        places = Places(PLACES, dynamodb)  # type: ignore[arg-type]
        self.releasing = Releasing(self.lines, places, self.ledger, endpoints, deliveries)
        self.acceptance = Acceptance(
            MessagesTable(MESSAGES, dynamodb, lambda: str(next(self._claims))),  # type: ignore[arg-type]
            self.ledger,
            deliveries,
            endpoints,
            PayloadStore(""),  # no payload is large
            # This clock jumps ahead at each reading, so the subscriptions are read again for each
            # message: a handler runs again for each of its calls, and must not find in a cache
            # what an earlier run has read.
            Subscriptions(endpoints, count(step=FRESH_SECONDS).__next__),
            joining=Joining(self.releasing),
            bursts=cast("Bursts", ChanceBursts(self._exceeds_burst)),
        )
        self._unaccepted = UnacceptedQueue(UNACCEPTED, sqs)  # type: ignore[arg-type]
        self.ingest_desk = self._ingest_desk(deployment)
        self.deployment = deployment
        self.interventions = Interventions(
            self.ledger,
            workflow,
            outside_history,  # no payload is large
            lambda reference, now: pass_over(self.releasing, reference, now),
        )
        self.draw: Callable[[str], float] = outside_history
        self.journal = Journal()
        self.generation = 0  # of the delivery whose attempt is being recorded
        self._claims = count()
        self.desk = self._desk(self._off)

    def enter(
        self,
        deployment: Deployment,
        draw: Callable[[str], float],
        journal: Journal,
    ) -> None:
        """Begin a simulated history, and discard everything from the previous one.

        Args:
            deployment: the settings of Homing.
            draw: returns a random number from 0 to 1, always the same for the same name.
            journal: where the stand-ins record events.
        """
        self.deployment = deployment
        self.ingest_desk = self._ingest_desk(deployment)
        self.draw = draw
        self.journal = journal
        self._claims = count()
        admission = ChanceAdmission(deployment.defers, draw)
        is_on = deployment.express_path_is_on
        self.desk = self._desk(replace(self._on, admission=admission) if is_on else self._off)

    def _exceeds_burst(self) -> bool:
        bulk = self.deployment.bulk
        return bool(bulk) and self.draw(f"{TAPE.owner}/burst") < bulk

    def _ingest_desk(self, deployment: Deployment) -> ingest._Desk:
        rules, senders = rules_of(deployment), {INGEST: "default"}
        return ingest._Desk(self.acceptance, rules, self._unaccepted, senders)  # noqa: SLF001  # as `ingest` does

    def _desk(self, express_path: ExpressPath) -> dispatch._Desk:
        over_in = seconds_until_over(self.deployment.express_timeout / SECOND)
        return dispatch._Desk(express_path, self._redelivery, over_in)  # noqa: SLF001  # as `dispatch` does


def rules_of(deployment: Deployment) -> Rules:
    """Return the rules for messages that the deployed settings define."""
    return Rules(
        default_policy=deployment.policy,
        retention=timedelta(days=deployment.retention_days),
        guard=AddressGuard(allow_http=True),
        new_id=lambda: "unnamed",
    )


def outside_history(*_: Any) -> Any:
    """Raise an error. This function replaces functions that the simulated code must not call.

    Until a simulated history begins, it also replaces the function that makes random draws.
    """
    raise SimulationError("the simulation provides nothing here, or no history has begun")


_current: list[Edges] = []


def current_edges() -> Edges:
    """Return the `Edges` that the running simulated history uses."""
    return _current[-1]


@contextmanager
def entered(edges: Edges) -> Iterator[None]:
    """Make `edges` the result of `current_edges` until the context exits."""
    _current.append(edges)
    try:
        yield
    finally:
        _current.pop()

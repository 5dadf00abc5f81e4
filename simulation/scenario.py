"""Scenarios: what a simulated history starts from, such as messages, responses and outages."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from simulation.deployment import Deployment
from simulation.engine.clock import from_iso

if TYPE_CHECKING:
    from collections.abc import Mapping


def host_of(url: str) -> str:
    """Return the first label of a URL's host, which is the endpoint's name in scenarios."""
    return url.partition("://")[2].partition("/")[0].partition(":")[0].partition(".")[0]


START = from_iso("2025-12-28T12:00:00.250Z")


@dataclass(frozen=True, slots=True)
class Answer:
    """How an endpoint responds to a request: with a status after `takes` milliseconds, or never."""

    status: int | None
    takes: int = 20
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A message that a sender sends, and sends again if it is not accepted.

    Args:
        message: the id of the message.
        targets: the names of its target hosts (see `host_of`).
        at: when it is sent, in milliseconds from the start.
        policy: the message's own policy, if it has one.
        deliver_in: milliseconds from `at` to the message's `deliverAt`; None if it has none.
        tries: the maximum number of times that the sender sends the message.
        event_type: the event type, if the message is an event. An event goes to the endpoints that
            subscribe to its type, not to `targets`.
        ordering_key: the `orderingKey` of the message, if it has one.
    """

    message: str
    targets: tuple[str, ...]
    at: int = 0
    policy: Mapping[str, Any] | None = None
    deliver_in: int | None = None
    tries: int = 4
    event_type: str | None = None
    ordering_key: str | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """Messages that are sent in one request. The sender resends those that are not accepted.

    Args:
        submissions: the messages; their own `at` and `tries` are ignored.
        at: when they are sent, in milliseconds from the start.
        tries: the maximum number of requests that the sender makes.
    """

    submissions: tuple[Submission, ...]
    at: int = 0
    tries: int = 4


@dataclass(frozen=True, slots=True)
class Subscribing:
    """A change to an endpoint: from `at` on, it subscribes to these event types and no others.

    Args:
        host: the name of the endpoint's host.
        event_types: the event types.
        at: when the change is made, in milliseconds from the start.
        blocks: whether a failed delivery to the endpoint blocks its line.
    """

    host: str
    event_types: tuple[str, ...]
    at: int = 0
    blocks: bool = False


class Act(StrEnum):
    """The actions of an operator on a delivery (`homing.recovery.interventions`)."""

    REDRIVE = "REDRIVE"
    REDRIVE_DEAD_LETTERS = "REDRIVE_DEAD_LETTERS"
    RETRY_NOW = "RETRY_NOW"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class Intervention:
    """An operator's action. The operator repeats it until it succeeds.

    Args:
        act: the action.
        message: the id of the message.
        target: the name of the target's host.
        at: the time of the first try, in milliseconds from the start.
    """

    act: Act
    message: str
    target: str
    at: int


@dataclass(frozen=True, slots=True)
class Outage:
    """A period in which a service, or one operation of it, refuses every call.

    Args:
        service: the service or operation, such as `sqs` or `sqs.receive`.
        begins: when the outage begins, in milliseconds from the start.
        lasts: its duration in milliseconds.
    """

    service: str
    begins: int
    lasts: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a simulated history starts from.

    Args:
        submissions: the messages that are sent.
        endpoints: for each host, its responses in order, one per request; the last one repeats.
        deployment: the settings of Homing.
        interventions: the actions of operators.
        outages: the outages of services.
        stops: whether faults may stop Standard executions, at any state.
        skews: the error of each function's clock, in milliseconds, by the name of the function.
        workers: how many pollers read the delivery queue.
        doubles: the probability that a standard queue delivers a message twice, to two pollers.
        subscriptions: the endpoints' subscriptions to events, and later changes to them.
        together: the batches of messages that are sent in one request each.
        ingested: the messages that are put on the ingest queue; one without targets is invalid.
        refuses: the probability that the delivery queue refuses an entry of SendMessageBatch.
        start: the first instant of the history.
    """

    submissions: tuple[Submission, ...]
    endpoints: Mapping[str, tuple[Answer, ...]]
    deployment: Deployment = field(default_factory=Deployment)
    interventions: tuple[Intervention, ...] = ()
    outages: tuple[Outage, ...] = ()
    stops: bool = False
    skews: Mapping[str, int] = field(default_factory=dict)
    workers: int = 2
    doubles: float = 0.0
    subscriptions: tuple[Subscribing, ...] = ()
    together: tuple[Together, ...] = ()
    ingested: tuple[Submission, ...] = ()
    refuses: float = 0.0
    start: int = START

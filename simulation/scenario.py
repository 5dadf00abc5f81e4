"""Scenarios: messages, responses of endpoints, outages and wrong clocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from simulation.deployment import Deployment
from simulation.engine.clock import from_iso

if TYPE_CHECKING:
    from collections.abc import Mapping


def host_of(url: str) -> str:
    """Return the name that scenarios give an endpoint: the first label of its host."""
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
    """A message, which its sender sends again until it is accepted.

    Args:
        message: its id.
        targets: the hosts of its targets.
        at: when it is sent, in milliseconds from the start.
        policy: the message's own policy, if it has one.
        deliver_in: milliseconds from sending to `deliverAt`; None for immediately.
        tries: the maximum number of the sender's tries.
        event_type: the type of the event, if the message is one. It goes to the subscribers, not to
            `targets`.
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
        tries: the maximum number of the sender's tries.
    """

    submissions: tuple[Submission, ...]
    at: int = 0
    tries: int = 4


@dataclass(frozen=True, slots=True)
class Subscribing:
    """A change: from the time `at` on, a host's endpoint subscribes only to these event types.

    `at` is in milliseconds from the start. `blocks` says whether a failure blocks a line.
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
    """An operator's action, which is repeated until it succeeds; `at` is in ms from the start."""

    act: Act
    message: str
    target: str
    at: int


@dataclass(frozen=True, slots=True)
class Outage:
    """A period in which a service or operation refuses every call, in ms from the start."""

    service: str
    begins: int
    lasts: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """The input of a history.

    Args:
        submissions: the messages that are sent.
        endpoints: the responses of each host, one per request; the last one repeats.
        deployment: the settings of Homing.
        interventions: the actions of operators.
        outages: the outages of services.
        stops: whether Standard executions may be stopped from outside, at any state.
        skews: the errors of the functions' clocks, in milliseconds.
        workers: the number of pollers of the queue.
        doubles: the probability that a standard queue delivers a message twice, to two pollers.
        subscriptions: the subscriptions to events, and their changes.
        together: the messages that are sent in one request.
        ingested: the messages that are put on the ingest queue; one without targets is invalid.
        refuses: the probability that the delivery queue refuses an entry of a batch.
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

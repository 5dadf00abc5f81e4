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
    """Return the name of an endpoint in scenarios: the first label of its host."""
    return url.partition("://")[2].partition("/")[0].partition(":")[0].partition(".")[0]


START = from_iso("2025-12-28T12:00:00.250Z")


@dataclass(frozen=True, slots=True)
class Answer:
    """The response of an endpoint: a status after `takes` milliseconds, or none."""

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
        policy: its own policy, if any.
        deliver_in: milliseconds from sending to `deliverAt`; None for immediately.
        tries: the maximum number of the sender's tries.
        event_type: the type of the event. It goes to those who subscribe, and not to `targets`.
        ordering_key: orders its deliveries.
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
    """Messages in one request; the sender resends those that are not accepted.

    Args:
        submissions: the messages; their own `at` and `tries` do not count.
        at: when they are sent, in milliseconds from the start.
        tries: the maximum number of the sender's tries.
    """

    submissions: tuple[Submission, ...]
    at: int = 0
    tries: int = 4


@dataclass(frozen=True, slots=True)
class Subscribing:
    """From this time on, a host's endpoint subscribes only to these event types.

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
    """An operator's action, repeated until it succeeds; `at` is in ms from the start."""

    act: Act
    message: str
    target: str
    at: int


@dataclass(frozen=True, slots=True)
class Outage:
    """A service or operation that refuses every call; times in milliseconds from the start."""

    service: str
    begins: int
    lasts: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """The input of a history.

    Args:
        submissions: the messages that are sent.
        endpoints: the answers of each host, one per request; the last one repeats.
        deployment: how Homing is set up.
        interventions: the actions of operators.
        outages: the outages of services.
        stops: whether Standard executions may be stopped from outside, at any state.
        skews: the errors of the functions' clocks, in milliseconds.
        workers: the number of pollers of the queue.
        doubles: the probability that a standard queue delivers a message to two workers.
        subscriptions: the subscriptions to events, and their changes.
        together: the messages that are sent in one request.
        ingested: the messages that are put on the ingest queue; one without targets is invalid.
        refuses: the probability that the delivery queue refuses an entry of a call.
        start: the first instant.
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

"""Scenarios: who sends what, how endpoints answer, what is down and whose clock is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from simulation.deployment import Deployment
from simulation.engine.clock import from_iso

if TYPE_CHECKING:
    from collections.abc import Mapping


def host_of(url: str) -> str:
    """Give the name that an endpoint goes by here: the first part of its host."""
    return url.partition("://")[2].partition("/")[0].partition(":")[0].partition(".")[0]


START = from_iso("2025-12-28T12:00:00.250Z")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint does with a request: a status after a while, or none."""

    status: int | None
    takes: int = 20
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A message handed over by a sender, who repeats it where it hears nothing good.

    Args:
        message: its id.
        targets: the hosts that it goes to.
        at: when, in milliseconds from the start.
        policy: its own policy.
        deliver_in: after how many milliseconds it is to be delivered, None for at once.
        tries: how often the sender tries.
    """

    message: str
    targets: tuple[str, ...]
    at: int = 0
    policy: Mapping[str, Any] | None = None
    deliver_in: int | None = None
    tries: int = 4


class Act(StrEnum):
    """What an operator may do with a delivery (`homing.recovery.interventions`)."""

    REDRIVE = "REDRIVE"
    REDRIVE_DEAD_LETTERS = "REDRIVE_DEAD_LETTERS"
    RETRY_NOW = "RETRY_NOW"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class Intervention:
    """An act of an operator, who repeats it until it has been answered; `at` from the start."""

    act: Act
    message: str
    target: str
    at: int


@dataclass(frozen=True, slots=True)
class Outage:
    """A service that refuses every call for a while; times from the start."""

    service: str
    begins: int
    lasts: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that is given in a history.

    Args:
        submissions: what is sent.
        endpoints: the answers of each host, one per request; the last one repeats.
        deployment: how Homing is set up.
        interventions: what operators do in the meantime.
        outages: what is down when.
        skews: how wrong the clocks of functions are, in milliseconds.
        workers: how many pollers the queue has.
        doubles: how likely a standard queue hands a message to two workers.
        start: the first instant.
    """

    submissions: tuple[Submission, ...]
    endpoints: Mapping[str, tuple[Answer, ...]]
    deployment: Deployment = field(default_factory=Deployment)
    interventions: tuple[Intervention, ...] = ()
    outages: tuple[Outage, ...] = ()
    skews: Mapping[str, int] = field(default_factory=dict)
    workers: int = 2
    doubles: float = 0.0
    start: int = START

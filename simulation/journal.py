"""The journal of a simulated history: the facts that the invariants check."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homing.delivery import Reference
    from homing.recovery.watchdog import Finding
    from simulation.scenario import Intervention
    from simulation.workflow.machine import Execution


@dataclass(frozen=True, slots=True)
class Sent:
    """A request to an endpoint.

    Args:
        instant: when it was sent.
        delivery: the delivery's id.
        run: how often the delivery had been redriven before.
        attempt: the attempt number.
        hurried: whether the attempt was made early, by an operator's immediate retry.
        set_out: the number of the event in which it was decided to make this attempt. For a first
            attempt in the express path, that is the read of the ledger; otherwise it is the attempt
            claim or, without a claim, the entry into the state `Deliver`.
        webhook_id: the `webhook-id` as sent.
        body: the body as sent.
        status: the status of the endpoint's response; None if there was none.
        by: the label of the process that sent it.
        until: when the endpoint responded, or the wait for its response timed out.
    """

    instant: int
    delivery: str
    run: int
    attempt: int
    hurried: bool
    set_out: int
    webhook_id: str
    body: str
    status: int | None
    by: str
    until: int


@dataclass(frozen=True, slots=True)
class Begun:
    """The beginning of an attempt. It is recorded only for deliveries in lines.

    Args:
        event: the number of the simulated event at which the attempt began.
        instant: when the attempt began.
        delivery: the delivery's id.
        by: the label of the invocation that began the attempt.
    """

    event: int
    instant: int
    delivery: str
    by: str


@dataclass(frozen=True, slots=True)
class Written:
    """A change to a ledger item: the number of its event, and the typed item before and after.

    `before` is None for a new item.
    """

    event: int
    key: tuple[str, str]
    before: dict[str, Any] | None
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Planned:
    """A retry that an execution scheduled for the instant `due` after attempt `attempt` failed."""

    delivery: str
    run: int
    attempt: int
    due: int
    by: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter: its body, and how often its delivery had been redriven before."""

    document: dict[str, Any]
    run: int


@dataclass(slots=True)
class Settling:
    """A queue message that `dispatch` is processing.

    Args:
        delivery: the delivery's name.
        read: the number of the event at which `dispatch` last read the ledger for it.
    """

    delivery: str
    read: int | None = None


@dataclass(slots=True)
class Journal:
    """The facts of one simulated history.

    Args:
        accepted: the accepted deliveries, with the instant of acceptance.
        lists: for each message, the different lists of deliveries in the responses about it.
        refused: the statuses of responses that did not accept the message.
        ingested: the messages that were put on the ingest queue.
        unaccepted: the ingested messages that are in the queue of unaccepted messages.
        sent: the requests to endpoints.
        written: the changes to ledger items.
        planned: the retries that executions have scheduled.
        dead: the dead letters on the dead-letter queue, per delivery.
        gaps: delivery, run and number of each attempt that was reported as unrecorded.
        references: the deliveries that have been on a queue, by message and target host.
        redrives: for each delivery, the generations that its redrives started.
        unclaimed: the deliveries for which `deliver` reported that it could not claim an attempt.
        acted: the actions of operators, with their results.
        executions: all executions, in the order of their starts.
        examined: the findings of the watchdog, by watchdog run and delivery.
        undispatched: the number of messages in the queue of undispatched messages.
        detached: the number of detached attempts.
    """

    accepted: dict[str, int] = field(default_factory=dict)
    lists: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    refused: list[int] = field(default_factory=list)
    ingested: set[str] = field(default_factory=set)
    unaccepted: set[str] = field(default_factory=set)
    sent: list[Sent] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    begun: list[Begun] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    dead: dict[str, list[DeadLetter]] = field(default_factory=dict)
    gaps: set[tuple[str, int, int]] = field(default_factory=set)
    references: dict[tuple[str, str], Reference] = field(default_factory=dict)
    redrives: dict[str, list[int]] = field(default_factory=dict)
    unclaimed: set[str] = field(default_factory=set)
    acted: list[tuple[Intervention, str]] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    examined: dict[tuple[str, str], Finding] = field(default_factory=dict)
    undispatched: int = 0
    detached: int = 0

    def run_of(self, delivery: str, generation: int) -> int:
        """Return how often a delivery had been redriven up to this generation."""
        return sum(made <= generation for made in self.redrives.get(delivery, ()))

    def note_accepted(self, message: str, deliveries: tuple[str, ...], now: int) -> None:
        """Record a response that accepts a message, or that reports it as a duplicate."""
        self.lists.setdefault(message, set()).add(deliveries)
        for delivery in deliveries:
            self.accepted.setdefault(delivery, now)

    def note_gap(self, delivery: str, generation: int, attempt: int) -> None:
        """Record that an execution of this generation reported an attempt as unrecorded."""
        self.gaps.add((delivery, self.run_of(delivery, generation), attempt))

"""What happened in a history, written down as it happens, for the invariants to judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homing.delivery import Reference
    from simulation.scenario import Intervention
    from simulation.workflow.machine import Execution


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that left for the endpoint.

    Args:
        instant: when.
        delivery: the delivery's id.
        run: how often the delivery had been redriven.
        attempt: its attempt number.
        hurried: whether an operator had cut the wait for it short.
        set_out: the number of the event at which this attempt was decided on: for a first attempt
            in the express path the look into the ledger, else its claim (or the step into
            `Deliver`).
        webhook_id: as it left.
        body: as it left.
        status: what the endpoint made of it; None where it never got there or gave no status.
        by: the process.
        until: when the endpoint has answered, or nobody waits for that any more.
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
class Written:
    """A change of the ledger; items are typed, `before` is None for a new one."""

    event: int
    key: tuple[str, str]
    before: dict[str, Any] | None
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Planned:
    """A retry that an execution has decided on."""

    delivery: str
    run: int
    attempt: int
    due: int
    by: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter: its body, and how often its delivery had been redriven when it was begun."""

    document: dict[str, Any]
    run: int


@dataclass(slots=True)
class Settling:
    """What is known of a queue message that is being settled.

    Args:
        delivery: the delivery's name.
        read: the number of the event at which the ledger was last looked into.
    """

    delivery: str
    read: int | None = None


@dataclass(slots=True)
class Journal:
    """The facts of one history.

    Args:
        accepted: the deliveries that have been promised to a sender, with the instant.
        refused: answers to senders that promise nothing.
        sent: requests to endpoints.
        written: changes of the ledger.
        planned: retries that were decided on.
        dead: the dead letters on the dead-letter queue, per delivery.
        gaps: delivery, run and attempt that an execution went on from unrecorded, and said so.
        references: the deliveries that have been on the queue, by message and target host.
        redrives: of each delivery, the generations that redrives made.
        unclaimed: the deliveries that made an attempt without a claim, and said so.
        acted: what operators did, and what came of it.
        executions: all executions, in the order of their starts.
        undispatched: messages that went to the queue of undispatched messages.
        detached: how often a message was detached.
    """

    accepted: dict[str, int] = field(default_factory=dict)
    refused: list[int] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    dead: dict[str, list[DeadLetter]] = field(default_factory=dict)
    gaps: set[tuple[str, int, int]] = field(default_factory=set)
    references: dict[tuple[str, str], Reference] = field(default_factory=dict)
    redrives: dict[str, list[int]] = field(default_factory=dict)
    unclaimed: set[str] = field(default_factory=set)
    acted: list[tuple[Intervention, str]] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    undispatched: int = 0
    detached: int = 0

    def run_of(self, delivery: str, generation: int) -> int:
        """Tell how often a delivery had been redriven when it was of this generation."""
        return sum(made <= generation for made in self.redrives.get(delivery, ()))

    def note_gap(self, delivery: str, generation: int, attempt: int) -> None:
        """Note an attempt that an execution of this generation could not record, and said so."""
        self.gaps.add((delivery, self.run_of(delivery, generation), attempt))

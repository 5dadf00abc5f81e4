"""The watchdog: it resumes deliveries whose execution is gone, without an operator's help.

The record of a waiting delivery contains the name of its execution. If its attempt is overdue, the
watchdog acts on the state of that execution:

    running                     do nothing; check it again once the attempt is twice as late
    delivered, dead-lettered    do nothing: only the execution's last update of the ledger has
                                failed, and that failure has been counted as a metric
    ended in any other way      as in a redrive, move the delivery to the next generation with one
                                conditional update, and start the execution of that generation
    never started               start it, if the execution before it has the document; otherwise do
                                nothing, since a queue still has the message

If a record says that a delivery has failed, but its dead letter was not sent, the watchdog sends
it. Each step can be repeated, and its update of the record is conditional, so the watchdog neither
duplicates nor loses a delivery, no matter how often it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from homing.delivery import document_text
from homing.dispatch.express_path import dead_letter_of
from homing.ledger.generation import execution_name, moved, resumed
from homing.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from homing.delivery import Reference
    from homing.dispatch.executions import Execution, Workflow
    from homing.ledger.record import Record
    from homing.ledger.table import Ledger
    from homing.queues.dead_letters import DeadLetterQueue

# An attempt that is late by less than this may be under way. A function can continue to run for a
# while after its execution has ended: this is more than that time plus the difference of clocks.
GRACE = timedelta(minutes=15)
_LONGEST_PAUSE = timedelta(days=1)
# 14 days in the delivery queue, 14 in the queue of undispatched messages, and one to spare.
_QUEUED_FOR = timedelta(days=29)
# With 32 partitions, a run examines up to 8,000 deliveries. At 15 calls of DescribeExecution a
# second, that takes about ten minutes.
MOST_PER_PARTITION = 250


class Finding(StrEnum):
    """What the watchdog has found out about an overdue delivery, or done with it.

    `TAKEN_UP`: the delivery was moved to a new execution. `STARTED`: the execution that its record
    names was started. `DEAD_LETTERED`: its dead letter was sent. `SETTLED`: the delivery had
    already ended. `UNDER_WAY`: its execution is running. `QUEUED`: its message is on a queue.
    `LOST`: no execution and no queue has its message any more, for example because somebody has
    deleted it. `FAILED`: AWS has refused a call, which the next run repeats.
    """

    TAKEN_UP = "TAKEN_UP"
    STARTED = "STARTED"
    DEAD_LETTERED = "DEAD_LETTERED"
    SETTLED = "SETTLED"
    UNDER_WAY = "UNDER_WAY"
    QUEUED = "QUEUED"
    LOST = "LOST"
    FAILED = "FAILED"

    @property
    def is_recovery(self) -> bool:
        """Whether the watchdog has resumed or dead-lettered the delivery."""
        return self in {Finding.TAKEN_UP, Finding.STARTED, Finding.DEAD_LETTERED}


@dataclass(frozen=True, slots=True)
class Examined:
    """An overdue delivery, what was done with it, and the error if that failed."""

    reference: Reference
    finding: Finding
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Watchdog:
    """Resumes overdue deliveries.

    Args:
        ledger: the ledger.
        workflow: the Standard workflow.
        dead_letters: the dead-letter queue.
    """

    ledger: Ledger
    workflow: Workflow
    dead_letters: DeadLetterQueue

    def run(self, now: datetime, has_time: Callable[[], bool]) -> Iterator[Examined]:
        """Examine all overdue deliveries, until time runs out.

        The next run examines the deliveries that are left.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        for reference, record in self.ledger.overdue(now - GRACE, MOST_PER_PARTITION):
            if not has_time():
                return
            try:
                yield Examined(reference, self.examine(reference, record, now=now))
            except (BotoCoreError, ClientError) as error:
                yield Examined(reference, Finding.FAILED, error)

    def examine(self, reference: Reference, record: Record, *, now: datetime) -> Finding:
        """Resume an overdue delivery, unless it is in progress.

        Args:
            reference: the delivery.
            record: its ledger record. In it, the delivery waits for an attempt, or has failed but
                is not yet indexed as failed.
            now: the time.

        Raises:
            BotoCoreError, ClientError: when AWS refuses a call; the next run repeats it.
        """
        name = record.execution_name or reference.delivery_id
        execution = self.workflow.describe(name)
        if execution is None:
            return self._start(reference, record, name, now)
        if execution.stopped_at is None or execution.stopped_at > now - GRACE:
            return self._look_again(reference, record, Finding.UNDER_WAY, now)
        if record.has_failed:
            return self._dead_letter(reference, record, execution)
        if execution.has_delivered or execution.has_dead_lettered:
            self.ledger.settle(reference, record)
            return Finding.SETTLED
        return self._take_up(reference, record, execution, now)

    def _take_up(
        self, reference: Reference, record: Record, execution: Execution, now: datetime
    ) -> Finding:
        """Move the delivery to its next generation, and start the execution of that generation."""
        generation = record.generation + 1
        waiting = {**resumed(execution.document, record), "generation": generation}
        document = moved(waiting, now)
        name = execution_name(reference.delivery_id, generation)
        if not self.ledger.take_up(reference, record, document, name, at=to_text(now)):
            return Finding.UNDER_WAY  # the delivery has continued in the meantime
        self.workflow.start(name, document_text(document))
        return Finding.TAKEN_UP

    def _dead_letter(self, reference: Reference, record: Record, execution: Execution) -> Finding:
        """Send the dead letter of a failed delivery, unless its execution has sent it.

        Then index the delivery as failed.
        """
        if not execution.has_dead_lettered:
            self.dead_letters.send(dead_letter_of(execution.document, record))
        self.ledger.list_failure(reference, record)
        return Finding.SETTLED if execution.has_dead_lettered else Finding.DEAD_LETTERED

    def _start(self, reference: Reference, record: Record, name: str, now: datetime) -> Finding:
        """Start the execution that the record names.

        A redrive, or an earlier run of the watchdog, has recorded this execution and then failed to
        start it.
        """
        source = record.redriven_from if record.is_waiting else None
        before = self.workflow.describe(source) if source else None
        if before is None:
            return self._await_queue(reference, record, now)
        document = moved(resumed(before.document, record), now)
        self.workflow.start(name, document_text(document))
        return Finding.STARTED

    def _await_queue(self, reference: Reference, record: Record, now: datetime) -> Finding:
        """Assume that the delivery's message is on a queue, as long as a queue can retain it.

        After that time, report the delivery as lost.
        """
        if _due_at(record) > now - _QUEUED_FOR:
            return self._look_again(reference, record, Finding.QUEUED, now)
        self.ledger.settle(reference, record)
        return Finding.LOST

    def _look_again(
        self, reference: Reference, record: Record, finding: Finding, now: datetime
    ) -> Finding:
        """Have a delivery checked again once it is twice as late as now, or after a day at most."""
        pause = min(max(now - _due_at(record), GRACE), _LONGEST_PAUSE)
        self.ledger.look_again(reference, record, at=to_text(now + pause))
        return finding


def _due_at(record: Record) -> datetime:
    """Return the time at which the attempt was due, or at which the failure was recorded."""
    return from_text(record.next_retry_at or record.last_updated_at)

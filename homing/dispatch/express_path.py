"""The express path: how `dispatch` processes one queue message.

A first attempt runs as an Express execution, which cannot be resumed if it fails halfway. So the
queue keeps the message until the execution has ended. When a message is redelivered or a duplicate,
the delivery's record in the ledger determines what to do:

    no record               No execution has the delivery: run the first attempt.
    QUEUED, RETRY_SCHEDULED Start the execution that has the delivery, under its name. If it
                            was started before, the name is taken, and no second one starts.
    DELIVERED, CANCELLED    Nothing is left to do.
    FAILED, MAX_RETRIES_…   If the express path recorded the failure, send the dead letter, unless
                            the record contains it: a crash may have come between the record and
                            the dead letter (docs/decisions/0006). Otherwise nothing is left to
                            do.

A retry is recorded together with the name of the execution that makes it. A delivery may also wait
for another reason: it is scheduled, deferred or postponed, or a function could not be invoked. Such
a delivery is assigned to its execution in the ledger before that execution starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, assert_never

from homing.delivery import Delivery, document_text, read_delivery
from homing.dispatch.bulkhead import recipient_of
from homing.ledger.generation import moved, put_off, resumed
from homing.retry.classification import Status
from homing.timestamps import from_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homing.delivery import Reference
    from homing.dispatch.bulkhead import Recipient
    from homing.dispatch.executions import FirstAttempt
    from homing.ledger.record import Record


# How a first attempt has ended if the delivery must wait and no execution has it.
POSTPONED = "POSTPONED"

# How a first attempt has ended if the ledger record determines what to do with the message
# (docs/decisions/0057).
_SUPERSEDED = frozenset({"SUPERSEDED", "DELIVERED_SUPERSEDED"})


class Settled(StrEnum):
    """What was done with a queue message, which may now be deleted from the queue."""

    STARTED = "STARTED"
    ALREADY_STARTED = "ALREADY_STARTED"
    DELIVERED = "DELIVERED"
    HANDED_OFF = "HANDED_OFF"
    DEAD_LETTERED = "DEAD_LETTERED"
    ALREADY_SETTLED = "ALREADY_SETTLED"
    DEFERRED = "DEFERRED"


class Starts(Protocol):
    """The Standard workflow, as the express path uses it."""

    def start(self, delivery_id: str, document: str) -> bool:
        """Start the execution of a delivery; return whether it is new."""


class Runs(Protocol):
    """The Express workflow, as the express path uses it."""

    def run(self, delivery_id: str, document: str) -> FirstAttempt:
        """Run a first attempt and return how it ended.

        Raises:
            UnsettledError: when the execution fails unexpectedly or times out.
        """


class Records(Protocol):
    """The ledger, as the express path uses it."""

    def read(self, reference: Reference) -> Record | None:
        """Return the current record of the delivery; None if it has none."""

    def own(self, reference: Reference, document: Mapping[str, Any]) -> Record | None:
        """Assign a delivery to its execution; if that fails, return the delivery's record."""

    def keep_dead_letter(self, reference: Reference, dead_letter: str) -> None:
        """Store a dead letter in the delivery's ledger record, if possible."""


class DeadLetters(Protocol):
    """The dead-letter queue, as the express path uses it."""

    def send(self, document: Mapping[str, Any]) -> None:
        """Put a delivery document on the dead-letter queue."""


class Admits(Protocol):
    """The admission to the express path (`homing.dispatch.admission`)."""

    def admit(
        self, recipient: Recipient, attempt: Callable[[], FirstAttempt]
    ) -> FirstAttempt | datetime:
        """Make an attempt, or return the time at which the deferred delivery is due.

        Raises:
            DetachedError: when the attempt takes too long.
        """


@dataclass(frozen=True, slots=True)
class ExpressPath:
    """Processes queue messages.

    Args:
        workflow: the Standard workflow.
        first_attempts: the Express workflow; None if the express path is off, so that all
            deliveries run in the Standard workflow.
        records: the ledger.
        dead_letters: the dead-letter queue.
        admission: keeps a slow endpoint from blocking the express path for the others; None admits
            every attempt and waits for its end.
    """

    workflow: Starts
    first_attempts: Runs | None
    records: Records
    dead_letters: DeadLetters
    admission: Admits | None = None

    def settle(self, body: str) -> tuple[Reference, Settled]:
        """Process one queue message; when this returns, the message may be deleted from the queue.

        Args:
            body: the delivery document.

        Raises:
            MalformedDeliveryError: when the body is not a delivery document.
            UnsettledError: when the Express execution fails unexpectedly or times out.
            DetachedError: when the execution takes too long. It continues. When the queue
                redelivers the message, the ledger record determines what to do.
            BotoCoreError, ClientError: when AWS refuses a call.
        """
        document, delivery = read_delivery(body)
        return delivery.reference, self._settle(body, document, delivery)

    def _settle(self, body: str, document: Mapping[str, Any], delivery: Delivery) -> Settled:
        if self.first_attempts is None or is_scheduled(delivery):
            return self._hand_over(document, Settled.STARTED)
        record = self.records.read(delivery.reference)
        if record is not None:
            return self._from_record(document, record)
        make = partial(self._attempt, self.first_attempts, body, document)
        end = self._admitted(recipient_of(delivery.reference), document, make)
        if end not in _SUPERSEDED:
            return Settled(end)
        record = self.records.read(delivery.reference)
        if record is not None:
            return self._from_record(document, record)
        # The stored record is of an earlier acceptance and is replaced (docs/decisions/0022).
        if end == "DELIVERED_SUPERSEDED":
            return Settled.DELIVERED
        return self._hand_over(document, Settled.HANDED_OFF)

    def _admitted(
        self, recipient: Recipient, document: Mapping[str, Any], make: Callable[[], FirstAttempt]
    ) -> str:
        """Make the first attempt, or defer it if its endpoint is slow; return how it ended."""
        if self.admission is None:
            return make().end
        ended = self.admission.admit(recipient, make)
        if not isinstance(ended, datetime):
            return ended.end
        return self._hand_over(moved(document, ended), Settled.DEFERRED)

    def _attempt(self, runs: Runs, body: str, document: Mapping[str, Any]) -> FirstAttempt:
        """Run the first attempt, then do what `dispatch` has to do after it.

        If the attempt is detached, the rest of this method runs later or never. So it does only
        what is safe at any time: store a dead letter (decision 0054), and hand the delivery over if
        it has no execution yet.
        """
        reference = Delivery.from_document(document).reference
        ended = runs.run(reference.delivery_id, body)
        if ended.end == Settled.DEAD_LETTERED:
            self.records.keep_dead_letter(reference, body)
        elif ended.end == POSTPONED:
            settled = self._hand_over(put_off(document, ended.following), Settled.HANDED_OFF)
            return replace(ended, end=settled)
        return ended

    def _hand_over(self, document: Mapping[str, Any], settled: Settled) -> Settled:
        """Assign a delivery to its execution and start the execution.

        If the delivery cannot be assigned, do what its record requires.
        """
        reference = Delivery.from_document(document).reference
        record = self.records.own(reference, document)
        if record is not None:
            return self._from_record(document, record)
        is_new = self.workflow.start(reference.delivery_id, document_text(document))
        return settled if is_new else Settled.ALREADY_STARTED

    def _from_record(self, document: Mapping[str, Any], record: Record) -> Settled:
        reference = Delivery.from_document(document).reference
        match record.status:
            case Status.QUEUED | Status.RETRY_SCHEDULED:
                name = record.execution_name or reference.delivery_id
                is_new = self.workflow.start(name, document_text(resumed(document, record)))
                return Settled.STARTED if is_new else Settled.ALREADY_STARTED
            case Status.FAILED | Status.MAX_RETRIES_EXCEEDED if record.may_lack_dead_letter:
                self.dead_letters.send(dead_letter_of(document, record))
                self.records.keep_dead_letter(reference, document_text(document))
                return Settled.DEAD_LETTERED
            case Status.FAILED | Status.MAX_RETRIES_EXCEEDED | Status.DELIVERED | Status.CANCELLED:
                return Settled.ALREADY_SETTLED
            case _ as unknown:
                assert_never(unknown)


def is_scheduled(delivery: Delivery) -> bool:
    """Return whether a delivery was scheduled for later, and so runs in the Standard workflow."""
    return from_text(delivery.due_at) > from_text(delivery.reference.created_at)


def dead_letter_of(document: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Return the dead letter of a delivery whose failure is recorded."""
    return {
        **document,
        "attemptNumber": record.attempts - 1,
        "attempts": record.attempts,
        "verdict": record.verdict_of_failure().to_document(),
        "generation": record.generation,
    }

"""The express path: how `dispatch` settles one queue message.

A first attempt runs as an Express execution, which leaves nothing behind that could be resumed if
it breaks halfway. So the queue keeps the message until the execution has come back, and a message
that is redelivered (after a break, or because its sender repeated it) is settled from the ledger:

    no record               run the first attempt; but if the message is redelivered, the delivery
                            may have been handed off without a record: then it is under way
    DELIVERED, CANCELLED    nothing is left to do
    RETRY_SCHEDULED         go on in the Standard workflow, under the delivery's own name
    FAILED, MAX_RETRIES_…   dead-letter it again: the break may have come between the record and
                            the dead letter (docs/decisions/0006). Not if the dead letter is on
                            record too, which is kept once it has been dead-lettered, nor after
                            further attempts, since the Standard workflow dead-letters what it has
                            made
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, assert_never

from homing.delivery import Delivery, document_text, read_delivery
from homing.errors import UnsettledError
from homing.ledger.generation import moved, resumed
from homing.retry.classification import Status
from homing.timestamps import from_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homing.delivery import Reference
    from homing.dispatch.executions import FirstAttempt
    from homing.ledger.record import Record


# Ends after which the record says what is left to do (docs/decisions/0068).
_SUPERSEDED = frozenset({"SUPERSEDED", "DELIVERED_SUPERSEDED"})


class Settled(StrEnum):
    """How a queue message was settled: its work is done, or safely in other hands."""

    STARTED = "STARTED"
    ALREADY_STARTED = "ALREADY_STARTED"
    DELIVERED = "DELIVERED"
    HANDED_OFF = "HANDED_OFF"
    DEAD_LETTERED = "DEAD_LETTERED"
    ALREADY_SETTLED = "ALREADY_SETTLED"
    DEFERRED = "DEFERRED"


class Starts(Protocol):
    """What the express path asks of the Standard workflow."""

    def start(self, delivery_id: str, document: str) -> bool:
        """Start the execution of a delivery; tell whether it is new."""

    def is_under_way(self, delivery_id: str) -> bool:
        """Tell whether the execution of a delivery has been started."""


class Runs(Protocol):
    """What the express path asks of the Express workflow."""

    def run(self, delivery_id: str, document: str) -> FirstAttempt:
        """Run a first attempt and give its end.

        Raises:
            UnsettledError: when it broke before its end.
        """


class Records(Protocol):
    """What the express path asks of the ledger."""

    def read(self, reference: Reference) -> Record | None:
        """Give the delivery's record as it stands, None without one."""

    def keep_dead_letter(self, reference: Reference, dead_letter: str) -> None:
        """Keep a dead letter with the record, if that is possible now."""


class DeadLetters(Protocol):
    """What the express path asks of the dead-letter queue."""

    def send(self, document: Mapping[str, Any]) -> None:
        """Put a delivery document on the dead-letter queue."""


class Admits(Protocol):
    """What the express path asks before a first attempt (`homing.dispatch.admission`)."""

    def admit(self, url: str, attempt: Callable[[], FirstAttempt]) -> FirstAttempt | datetime:
        """Make an attempt, or tell when the delivery shall be due instead.

        Raises:
            DetachedError: when it is not back in time.
        """


@dataclass(frozen=True, slots=True)
class ExpressPath:
    """Settles queue messages.

    Args:
        workflow: the Standard workflow.
        first_attempts: the Express workflow; None where the express path is off and all is
            Standard.
        records: the ledger.
        dead_letters: the dead-letter queue.
        admission: keeps one endpoint from taking the express path from the others; None lets all
            in, and waits for each to its end.
    """

    workflow: Starts
    first_attempts: Runs | None
    records: Records
    dead_letters: DeadLetters
    admission: Admits | None = None

    def settle(self, body: str, *, is_redelivered: bool = False) -> tuple[Reference, Settled]:
        """Settle one queue message; only then may it be acknowledged.

        Args:
            body: the delivery document.
            is_redelivered: whether the queue may have handed the delivery out before: in this
                message, or in another that this one repeats.

        Raises:
            MalformedDeliveryError: when the body is no delivery document.
            UnsettledError: when the Express execution broke before its end.
            DetachedError: when it is not back in time. It goes on, and when the queue hands the
                message out again, the ledger tells what came of it.
            botocore.exceptions.ClientError: when AWS refuses a call.
        """
        document, delivery = read_delivery(body)
        if self.first_attempts is None or is_scheduled(delivery):
            return delivery.reference, self._start(delivery.reference.delivery_id, body)
        record = self.records.read(delivery.reference)
        if record is not None:
            return delivery.reference, self._from_record(document, record)
        if is_redelivered and self.workflow.is_under_way(delivery.reference.delivery_id):
            return delivery.reference, Settled.ALREADY_STARTED
        end = self._first_attempt(self.first_attempts, document, delivery, body)
        if end not in _SUPERSEDED:
            return delivery.reference, Settled(end)
        record = self.records.read(delivery.reference)
        if record is not None:
            return delivery.reference, self._from_record(document, record)
        if (
            end == "DELIVERED_SUPERSEDED"
        ):  # by a record of a previous acceptance (docs/decisions/0007)
            return delivery.reference, Settled.DELIVERED
        raise UnsettledError("superseded, but by nobody that the ledger knows")

    def _first_attempt(
        self, runs: Runs, document: Mapping[str, Any], delivery: Delivery, body: str
    ) -> str:
        """Run the first attempt, or defer the delivery where its endpoint is slow; give the end."""
        make = partial(self._attempt, runs, delivery.reference, body)
        if self.admission is None:
            return make().end
        ended = self.admission.admit(delivery.reference.target_url, make)
        if not isinstance(ended, datetime):
            return ended.end
        deferred = document_text(moved(document, ended))
        is_new = self.workflow.start(delivery.reference.delivery_id, deferred)
        return Settled.DEFERRED if is_new else Settled.ALREADY_STARTED

    def _attempt(self, runs: Runs, reference: Reference, body: str) -> FirstAttempt:
        """Make the first attempt. If it is detached, what is done here is done later, or never.

        So only this may be done here: to keep the dead letter, since no execution keeps it (0054).
        """
        ended = runs.run(reference.delivery_id, body)
        if ended.end == Settled.DEAD_LETTERED:
            self.records.keep_dead_letter(reference, body)
        return ended

    def _from_record(self, document: Mapping[str, Any], record: Record) -> Settled:
        reference = Delivery.from_document(document).reference
        match record.status:
            case Status.RETRY_SCHEDULED:
                name = record.execution_name or reference.delivery_id
                return self._start(name, document_text(resumed(document, record)))
            case Status.FAILED | Status.MAX_RETRIES_EXCEEDED if record.may_lack_dead_letter:
                self.dead_letters.send(dead_letter_of(document, record))
                self.records.keep_dead_letter(reference, document_text(document))
                return Settled.DEAD_LETTERED
            case (
                Status.FAILED
                | Status.MAX_RETRIES_EXCEEDED
                | Status.QUEUED
                | Status.DELIVERED
                | Status.CANCELLED
            ):
                return Settled.ALREADY_SETTLED
            case _ as unknown:
                assert_never(unknown)

    def _start(self, name: str, body: str) -> Settled:
        is_new = self.workflow.start(name, body)
        return Settled.STARTED if is_new else Settled.ALREADY_STARTED


def is_scheduled(delivery: Delivery) -> bool:
    """Tell whether a delivery was to wait from the start; it belongs to the Standard workflow."""
    return from_text(delivery.due_at) > from_text(delivery.reference.created_at)


def dead_letter_of(document: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Give the dead letter of a delivery whose failure is on record."""
    return {
        **document,
        "attemptNumber": record.attempts - 1,
        "attempts": record.attempts,
        "verdict": record.verdict_of_failure().to_document(),
        "generation": record.generation,
    }

"""The express path: how `dispatch` settles one queue message.

A first attempt runs as an Express execution, which cannot be resumed if it breaks halfway. So the
queue keeps the message until the execution has ended. A message that is redelivered, or a
duplicate, is settled by what the ledger has on record:

    no record               Run the first attempt. If the message is redelivered, the delivery may
                            have been handed off without a record: then it is under way.
    QUEUED                  Nothing is left to do: an execution has the delivery.
    DELIVERED, CANCELLED    Nothing is left to do.
    RETRY_SCHEDULED         Start the Standard execution under the delivery's own name.
    FAILED, MAX_RETRIES_…   Dead-letter it again: the break may have come between the record and
                            the dead letter (docs/decisions/0006). Not if the record has the dead
                            letter, which is kept there once it was sent; nor after further
                            attempts, since the Standard workflow dead-letters those itself.
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


# Ends after which the message is settled from the record (docs/decisions/0068).
_SUPERSEDED = frozenset({"SUPERSEDED", "DELIVERED_SUPERSEDED"})


class Settled(StrEnum):
    """How a queue message was settled: it may be deleted from the queue."""

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

    def is_under_way(self, delivery_id: str) -> bool:
        """Return whether the execution of a delivery has been started."""


class Runs(Protocol):
    """The Express workflow, as the express path uses it."""

    def run(self, delivery_id: str, document: str) -> FirstAttempt:
        """Run a first attempt and return its end.

        Raises:
            UnsettledError: when it broke before its end.
        """


class Records(Protocol):
    """The ledger, as the express path uses it."""

    def read(self, reference: Reference) -> Record | None:
        """Return the delivery's record as it stands, None without one."""

    def keep_dead_letter(self, reference: Reference, dead_letter: str) -> None:
        """Keep a dead letter with the record, if that is possible now."""


class DeadLetters(Protocol):
    """The dead-letter queue, as the express path uses it."""

    def send(self, document: Mapping[str, Any]) -> None:
        """Put a delivery document on the dead-letter queue."""


class Admits(Protocol):
    """The admission to the express path (`homing.dispatch.admission`)."""

    def admit(self, url: str, attempt: Callable[[], FirstAttempt]) -> FirstAttempt | datetime:
        """Make an attempt, or return when the deferred delivery is due.

        Raises:
            DetachedError: when the attempt takes too long.
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
        admission: keeps a slow endpoint from blocking the express path for the others; None admits
            every attempt and waits for its end.
    """

    workflow: Starts
    first_attempts: Runs | None
    records: Records
    dead_letters: DeadLetters
    admission: Admits | None = None

    def settle(self, body: str, *, is_redelivered: bool = False) -> tuple[Reference, Settled]:
        """Settle one queue message, after which it may be deleted from the queue.

        Args:
            body: the delivery document.
            is_redelivered: whether the queue may have handed the delivery out before, in this
                message or in another of the same delivery.

        Raises:
            MalformedDeliveryError: when the body is no delivery document.
            UnsettledError: when the Express execution broke before its end.
            DetachedError: when the execution takes too long. It goes on; the message is settled
                from its record when the queue hands it out again.
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
        raise UnsettledError("superseded, but the ledger has no record of the delivery")

    def _first_attempt(
        self, runs: Runs, document: Mapping[str, Any], delivery: Delivery, body: str
    ) -> str:
        """Run the first attempt, or defer it where its endpoint is slow; return the end."""
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
        """Run the first attempt, and keep its dead letter with the record (decision 0054).

        If the attempt is detached, the rest of this method runs later or never. So nothing else
        belongs here.
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
    """Return whether a delivery was scheduled for later; then the Standard workflow makes it."""
    return from_text(delivery.due_at) > from_text(delivery.reference.created_at)


def dead_letter_of(document: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Return the dead letter of a delivery whose failure is on record."""
    return {
        **document,
        "attemptNumber": record.attempts - 1,
        "attempts": record.attempts,
        "verdict": record.verdict_of_failure().to_document(),
        "generation": record.generation,
    }

"""The record of a delivery: the ledger's item as a type, with its derived properties.

The module `homing.ledger.table` converts items of the ledger to records when it reads them. Where
the whole item is returned as JSON (the message query, the console), it stays plain JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from homing.retry.classification import Category, Decision, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

# The express path uses this as its `executionName` when it records an attempt. Only Standard
# executions can have a delivery, so no record contains this name.
EXPRESS_PATH = "express-path"

FAILED = frozenset({Status.FAILED, Status.MAX_RETRIES_EXCEEDED})
WAITING = frozenset({Status.QUEUED, Status.RETRY_SCHEDULED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the ledger holds about one delivery. Times are in ISO 8601, UTC, with milliseconds.

    Args:
        created_at: when the message was accepted. If a message was accepted more than once, this
            tells its records apart.
        status: the status of the delivery.
        attempts: how many attempts have been made since it was accepted or last redriven.
        last_updated_at: when an attempt or an intervention was last recorded.
        expires_at: when the record may be deleted, epoch seconds (`ttl`).
        history: the entries of `retryHistory`, oldest first, as they are stored.
        next_retry_at: when the next attempt is due; None once the delivery has ended.
        stored_generation: the item's `generation`; None if the delivery ended in the express path.
        execution_name: the Standard execution that has the delivery, or had it when it ended; None
            if the delivery ended in the express path. The record of a waiting delivery has one.
        claimed_attempt: the attempt that this execution has claimed last, counted from 0.
        dead_letter: the delivery document as text, stored once it has been dead-lettered.
        redriven_from: the execution that had the delivery before a redrive or the watchdog last
            moved it to a new one.
        redrives: the entries of `redriveHistory`, oldest first, as they are stored.
        history_summary: what was removed from both histories (`homing.ledger.compaction`).
        is_listed: whether the record is in the attention index.
    """

    created_at: str
    status: Status
    attempts: int
    last_updated_at: str
    expires_at: int
    history: tuple[Mapping[str, Any], ...]
    next_retry_at: str | None = None
    stored_generation: int | None = None
    execution_name: str | None = None
    claimed_attempt: int | None = None
    dead_letter: str | None = None
    redriven_from: str | None = None
    redrives: tuple[Mapping[str, Any], ...] = ()
    history_summary: Mapping[str, Any] | None = None
    is_listed: bool = True

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any]) -> Self:
        """Build the record from an item of the ledger (plain values, not DynamoDB's typed JSON).

        Raises:
            KeyError: when an attribute is missing that every update of the ledger sets.
        """
        return cls(
            created_at=attributes["createdAt"],
            status=Status(attributes["status"]),
            attempts=attributes["attempts"],
            last_updated_at=attributes["lastUpdatedAt"],
            expires_at=attributes["ttl"],
            history=tuple(attributes["retryHistory"]),
            next_retry_at=attributes.get("nextRetryAt"),
            stored_generation=attributes.get("generation"),
            execution_name=attributes.get("executionName"),
            claimed_attempt=attributes.get("claimedAttempt"),
            dead_letter=attributes.get("deadLetter"),
            redriven_from=attributes.get("redrivenFrom"),
            redrives=tuple(attributes.get("redriveHistory", ())),
            history_summary=attributes.get("historySummary"),
            is_listed="attention" in attributes,
        )

    @property
    def generation(self) -> int:
        """The number of the generation that has the delivery (`homing.ledger.generation`)."""
        return self.stored_generation or 0

    @property
    def has_failed(self) -> bool:
        """Whether the delivery has failed for good."""
        return self.status in FAILED

    @property
    def is_waiting(self) -> bool:
        """Whether the delivery waits for an attempt. If it does not, it has ended."""
        return self.status in WAITING

    @property
    def has_ended(self) -> bool:
        """Whether the delivery has ended, or the watchdog no longer examines it."""
        return not (self.is_waiting and self.is_listed)

    @property
    def may_lack_dead_letter(self) -> bool:
        """Whether the failed delivery may have neither a dead letter nor an execution to send it.

        The express path records a failure, then sends the dead letter, then stores it in the
        record; a crash may stop it between these steps (decision 0006). Any other failed delivery
        has an execution, which sends the dead letter or, if it has failed itself, can be redriven.
        """
        return self.has_failed and self.dead_letter is None and self.execution_name is None

    def is_of_previous_acceptance(self, created_at: str) -> bool:
        """Return whether the record is from an earlier acceptance of the message (decision 0022).

        Args:
            created_at: when the delivery that the caller deals with was accepted.
        """
        return self.created_at != created_at

    def verdict_of_failure(self) -> Verdict:
        """Return the verdict of a failed delivery, from the last entry of `retryHistory`."""
        last = self.history[-1]
        exceeded = self.status is Status.MAX_RETRIES_EXCEEDED
        return Verdict(
            decision=Decision.RETRY if exceeded else Decision.GIVE_UP,
            category=Category(last["errorCategory"]),
            reason=last["errorDetails"]["message"],
            status=self.status,
        )

"""The claim: how an execution reserves an attempt after its wait (docs/decisions/0057).

During the wait the delivery may have been cancelled, or taken over by another execution. One
conditional update of the ledger decides: the execution whose update succeeds makes the attempt, and
any other stops. `Ledger.claim` makes the update.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from homing.timestamps import from_text

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class AttemptClaim:
    """What an execution needs to claim an attempt.

    Args:
        attempt_number: the attempt, counted from 0.
        execution_name: the execution that claims it.
        generation: the generation of that execution.
        due_at: when the attempt was due, in ISO 8601, a whole second.
        expires_at: when the record may be deleted, epoch seconds.
        slot: the rate slot to which the attempt was postponed, as a document; None if there is no
            slot. The slot may belong to an earlier attempt.
        due_since: when the attempt was due before it was postponed, in ISO 8601, from the ledger
            record; None before the claim is made, or if the record does not contain it.
        unrecorded: why the claim is not in the ledger, although the attempt may be made; None
            before the claim is made, or if it is in the ledger.
    """

    attempt_number: int
    execution_name: str
    generation: int
    due_at: str
    expires_at: int
    slot: Mapping[str, str] | None = None
    due_since: str | None = None
    unrecorded: str | None = None

    @property
    def retention(self) -> timedelta:
        """How long the record is kept after the attempt is due."""
        return timedelta(seconds=self.expires_at - from_text(self.due_at).timestamp())

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the claim in the input of `Deliver` (docs/architecture.md)."""
        claim = event["claim"]
        return cls(
            event["attemptNumber"],
            claim["executionName"],
            claim["generation"],
            claim["dueAt"],
            claim["expiresAt"],
            claim.get("slot"),
        )

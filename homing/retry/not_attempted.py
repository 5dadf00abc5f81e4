"""The results of `Deliver` when it has not made the attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from homing.retry.outcome import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Postponed:
    """The result of `Deliver` if it has postponed the attempt.

    Either no concurrency slot is free, or the attempt's rate slot is more than two seconds away, or
    it is another delivery's turn in the line.

    Args:
        due_at: the new due time of the attempt, in ISO 8601, a whole second.
        expires_at: when the delivery's record may be deleted, in epoch seconds; None to leave that
            unchanged.
        slot: the rate slot to which the attempt is postponed, as a document; None if it has none.
    """

    due_at: str
    expires_at: int | None = None
    slot: Mapping[str, str] | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the `outcome` of the delivery document, with `responseTime` null."""
        expiry = {} if self.expires_at is None else {"expiresAt": self.expires_at}
        slot = {} if self.slot is None else {"slot": dict(self.slot)}
        return {
            "kind": OutcomeKind.POSTPONED,
            "next": {"dueAt": self.due_at, **expiry, **slot},
            "responseTime": None,
        }


@dataclass(frozen=True, slots=True)
class Superseded:
    """The result of `Deliver` if the delivery has ended or another execution has it."""

    def to_document(self) -> dict[str, Any]:
        """Return the `outcome` of the delivery document."""
        return {"kind": OutcomeKind.SUPERSEDED}


NotAttempted: TypeAlias = Postponed | Superseded

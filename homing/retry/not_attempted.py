"""The results of `Deliver` when it has not made the attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from homing.retry.outcome import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing.retry.classification import Verdict


@dataclass(frozen=True, slots=True)
class Postponed:
    """The attempt is made later, since its endpoint has no free concurrency slot.

    Args:
        due_at: when it is due instead, ISO-8601, a whole second.
        expires_at: when its record may be deleted, epoch seconds; None to leave that as it was.
    """

    due_at: str
    expires_at: int | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the `outcome` of the delivery document, with a response time of 0."""
        expiry = {} if self.expires_at is None else {"expiresAt": self.expires_at}
        return {
            "kind": OutcomeKind.POSTPONED,
            "next": {"dueAt": self.due_at, **expiry},
            "responseTime": None,
        }


@dataclass(frozen=True, slots=True)
class Resumed:
    """The express path has made the attempt; the retry that it scheduled is made instead.

    Args:
        following: the fields of the delivery document that the retry changes.
    """

    following: Mapping[str, Any]

    def to_document(self) -> dict[str, Any]:
        """Return the `outcome` of the delivery document, of the same kind as a postponed one."""
        return {
            "kind": OutcomeKind.POSTPONED,
            "next": dict(self.following),
            "responseTime": None,
        }


@dataclass(frozen=True, slots=True)
class Superseded:
    """The delivery has ended, or another execution has it; this one ends."""

    def to_document(self) -> dict[str, Any]:
        """Return the `outcome` of the delivery document."""
        return {"kind": OutcomeKind.SUPERSEDED}


@dataclass(frozen=True, slots=True)
class RecordedFailure:
    """The express path has made the attempt and recorded its failure; it is dead-lettered now.

    Args:
        verdict: the verdict on record.
        timestamp: when it was recorded, ISO-8601.
    """

    verdict: Verdict
    timestamp: str

    def to_document(self) -> dict[str, Any]:
        """Return the `outcome` of the delivery document."""
        return {
            "kind": OutcomeKind.RECORDED,
            "verdict": self.verdict.to_document(),
            "timestamp": self.timestamp,
            "responseTime": 0,
            "httpStatus": None,
        }


NotAttempted: TypeAlias = Postponed | Resumed | Superseded | RecordedFailure

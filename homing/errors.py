"""The exceptions of Homing.

HomingError
├── MalformedDeliveryError   a queue message is no delivery document
├── InvalidMessageError      a sender's request cannot be accepted
├── SettingsError            an environment variable is missing or unreadable
├── UnsettledError           a first attempt broke before its end; the queue keeps its message
├── DetachedError                a first attempt goes on, and nobody waits for it any more; likewise
├── AcceptanceError              a message could be stored or queued only in part
└── DependencyError             the tables could not be read

What an endpoint does is an `Outcome`, never one of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class HomingError(Exception):
    """The base of all exceptions that Homing raises."""


class MalformedDeliveryError(HomingError):
    """Raised when a queue message is no delivery document (docs/architecture.md)."""


class SettingsError(HomingError):
    """Raised when environment variables are missing or unreadable; names all of them at once."""


class UnsettledError(HomingError):
    """Raised when a first attempt broke before its end, so that the queue keeps its message."""


class DetachedError(HomingError):
    """Raised when a first attempt is detached: it goes on, and the queue keeps its message."""


class AcceptanceError(HomingError):
    """Raised when a message could not be handed to the queue; nothing has been promised."""


class DependencyError(HomingError):
    """Raised when what is on record for a message could not be read."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of a request, and how to mend it."""

    field: str
    message: str


class InvalidMessageError(HomingError):
    """Raised when a sender's request cannot be accepted.

    Args:
        errors: what is wrong, field by field.
        status: the HTTP status to answer with: 400, 403, 404, 409 or 413.
    """

    def __init__(self, errors: Sequence[FieldError], status: int = 400) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = tuple(errors)
        self.status = status

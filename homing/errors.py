"""The exceptions of Homing.

HomingError
├── MalformedDeliveryError   a queue message is not a delivery document
├── InvalidMessageError      a request of a sender is invalid
├── SettingsError            an environment variable is missing or invalid
├── UnsettledError           a first attempt failed unexpectedly; its message stays in the queue
├── DetachedError            a first attempt is detached; its message stays in the queue
├── AcceptanceError          a message could not be stored or queued completely
│   └── FullLineError        too many messages with the same orderingKey are waiting
├── RateExceededError        a message would exceed the rate of its sender
└── DependencyError          a service that Homing calls has failed

The result of an attempt is an `Outcome`, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class HomingError(Exception):
    """The base of all exceptions that Homing raises."""


class MalformedDeliveryError(HomingError):
    """Raised when a queue message is not a delivery document (docs/architecture.md)."""


class SettingsError(HomingError):
    """Raised when environment variables are missing or invalid; the message names all of them."""


class UnsettledError(HomingError):
    """Raised when a first attempt fails unexpectedly, so that its message stays in the queue."""


class DetachedError(HomingError):
    """Raised when a first attempt is detached: it continues, and its message stays in the queue."""


class AcceptanceError(HomingError):
    """Raised when a message cannot be stored or queued, so that it is not accepted."""


class FullLineError(AcceptanceError):
    """Raised when too many messages with the same `orderingKey` are already waiting."""


class RateExceededError(HomingError):
    """Raised when a message would exceed the rate of its sender, so that it is not accepted.

    Args:
        seconds: how long to wait before the message is sent again.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the sender exceeds its rate; send again after {seconds:g} s")
        self.seconds = seconds


class DependencyError(HomingError):
    """Raised when a service that Homing calls, such as DynamoDB, has failed."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of a request, and how to correct it."""

    field: str
    message: str


class InvalidMessageError(HomingError):
    """Raised when a request of a sender is invalid.

    Args:
        errors: the errors, field by field.
        status: the HTTP status of the answer: 400, 403, 404, 409 or 413.
    """

    def __init__(self, errors: Sequence[FieldError], status: int = 400) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = tuple(errors)
        self.status = status

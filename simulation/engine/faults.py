"""The faults that a call can have, and the errors that its caller gets.

ServiceError
├── UnavailableError      the call was refused; it had no effect
├── NoAnswerError         the caller timed out; the call may have had its effect
├── ConditionFailedError  DynamoDB's condition did not hold
├── NameTakenError        an execution of that name has been started before
├── NoExecutionError      no execution has that name
└── CrashedError          the called function or execution crashed
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class FaultKind(StrEnum):
    """The kinds of faults."""

    REFUSED = "REFUSED"  # the call has no effect, and the caller gets an error immediately
    BROKEN = "BROKEN"  # like REFUSED, but the error is not a transient one
    LOST = "LOST"  # the effect takes place, but the answer is lost
    LATE = "LATE"  # the caller times out, and the effect takes place later
    TWICE = "TWICE"  # the effect takes place twice; the caller gets the second answer
    CRASH_BEFORE = "CRASH_BEFORE"  # the caller crashes before the call, which has no effect
    CRASH_AFTER = "CRASH_AFTER"  # the caller crashes after the effect
    STALL_BEFORE = "STALL_BEFORE"  # the caller pauses before the call
    STALL_AFTER = "STALL_AFTER"  # the caller pauses after the effect, before it gets the answer
    STOPPED = "STOPPED"  # the execution is stopped as it enters a state
    STOPPED_LATER = "STOPPED_LATER"  # it is stopped some time after it enters a state


# The faults that only Standard executions can have.
STOPS = (FaultKind.STOPPED, FaultKind.STOPPED_LATER)
CRASHES = (FaultKind.CRASH_BEFORE, FaultKind.CRASH_AFTER)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault at one call; `delay` is in milliseconds, 0 for the kinds that have no delay."""

    kind: FaultKind
    delay: int = 0

    def __str__(self) -> str:
        return f"{self.kind}+{self.delay}ms" if self.delay else str(self.kind)


class ServiceError(Exception):
    """The base class of the errors that a caller can get."""


class UnavailableError(ServiceError):
    """Raised when a call is refused, because it is throttled or the service is down."""


class NoAnswerError(ServiceError):
    """Raised when a call times out."""


class ConditionFailedError(ServiceError):
    """Raised when the condition of a write does not hold.

    `item` is the existing item; None if there is none or the caller did not ask for it.
    """

    def __init__(self, item: Mapping[str, Any] | None) -> None:
        super().__init__("the conditional request failed")
        self.item = item


class NameTakenError(ServiceError):
    """Raised when an execution with the name of the new one has been started before."""


class NoExecutionError(ServiceError):
    """Raised when no execution has the name that was asked for."""


class CrashedError(ServiceError):
    """Raised when the called function or execution crashed; `error` is AWS's name for it."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}" if cause else error)
        self.error = error

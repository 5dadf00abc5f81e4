"""What can go wrong at the boundary of a call, and how the caller learns of it.

ServiceError
├── UnavailableError      the call was refused; it had no effect
├── NoAnswerError         the caller waited in vain; the call may have had its effect
├── ConditionFailedError  DynamoDB's condition did not hold
├── NameTakenError        an execution of that name has been started before
├── NoExecutionError      no execution has that name
└── CrashedError          what was called broke off: a Lambda, an execution
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class FaultKind(StrEnum):
    """Where a call breaks."""

    REFUSED = "REFUSED"  # no effect, and the caller hears of it at once
    BROKEN = "BROKEN"  # as REFUSED, with an error that nobody takes for passing
    LOST = "LOST"  # the effect takes place, its answer is lost
    LATE = "LATE"  # the caller gives up, the effect takes place all the same, later
    TWICE = "TWICE"  # the effect takes place twice; the second answer is heard
    CRASH_BEFORE = "CRASH_BEFORE"  # the caller dies, the call has no effect
    CRASH_AFTER = "CRASH_AFTER"  # the caller dies when the effect has taken place
    STALL_BEFORE = "STALL_BEFORE"  # the caller stands still before the call
    STALL_AFTER = "STALL_AFTER"  # the caller stands still before it has the answer


CRASHES = (FaultKind.CRASH_BEFORE, FaultKind.CRASH_AFTER)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault at one call; `delay` in milliseconds where the kind has one."""

    kind: FaultKind
    delay: int = 0

    def __str__(self) -> str:
        return f"{self.kind}+{self.delay}ms" if self.delay else str(self.kind)


class ServiceError(Exception):
    """The base of what a caller can be told."""


class UnavailableError(ServiceError):
    """Raised when a call was refused: a throttle, a service that is down."""


class NoAnswerError(ServiceError):
    """Raised when a caller has waited for its time-out."""


class ConditionFailedError(ServiceError):
    """Raised when a conditional write was refused; `item` is what stands there."""

    def __init__(self, item: Mapping[str, Any] | None) -> None:
        super().__init__("the conditional request failed")
        self.item = item


class NameTakenError(ServiceError):
    """Raised when an execution's name is taken."""


class NoExecutionError(ServiceError):
    """Raised when no execution has a name."""


class CrashedError(ServiceError):
    """Raised when what was called broke off; `error` is the name that AWS gives it."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}" if cause else error)
        self.error = error

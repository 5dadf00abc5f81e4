"""The state of a running attempt: its stage, its remaining time, and why it failed."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from homing.retry.outcome import AttemptError, ErrorKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.targets.address_guard import Refusal

MAX_MESSAGE_LENGTH = 200


class Stage(StrEnum):
    """A stage of an attempt.

    The stages are listed in order of time, but the address guard runs again after LOOK_UP.
    """

    PREPARE = "preparing the request"
    GUARD = "address guard"
    LOOK_UP = "name look-up"
    CONNECT = "connect"
    HANDSHAKE = "TLS handshake"
    WRITE = "sending the request"
    HEAD = "waiting for the response"
    BODY = "reading the response body"


class ProtocolError(ValueError):
    """Raised when a response is not valid HTTP/1. Its content is not in the error message."""


class BlockedTargetError(ValueError):
    """Raised when the address guard refuses a target. The error message is for the sender."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"the target URL {refusal.sentence}")
        self.refusal = refusal


class Attempt:
    """One attempt: its stage, whether a response has begun, and one deadline for all stages.

    Args:
        seconds: the time limit of the whole attempt.
        clock: a monotonic clock in seconds.
    """

    __slots__ = ("_clock", "_started", "is_answered", "seconds", "stage")

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self.seconds = seconds
        self.stage = Stage.PREPARE
        self.is_answered = False
        self._clock = clock
        self._started = clock()

    def elapsed(self) -> float:
        """Return the seconds since the attempt started."""
        return self._clock() - self._started

    def remaining(self) -> float:
        """Return the remaining seconds, always more than 0, as a socket's time-out must be.

        Raises:
            TimeoutError: when no time remains.
        """
        left = self.seconds - self.elapsed()
        if left <= 0:
            raise TimeoutError
        return left

    def part(self, seconds: float) -> Attempt:
        """Return an attempt whose deadline is `seconds` from now, but not after this one's."""
        return Attempt(min(seconds, self.seconds - self.elapsed()), self._clock)

    def explain(self, error: Exception) -> AttemptError:
        """Return why the attempt failed: the kind of error, and `<stage>: <what happened>`."""
        timed_out = f"timed out after {self.seconds:g} s in total"
        what = timed_out if isinstance(error, TimeoutError) else _describe(error)
        return AttemptError(
            kind=next(
                (rule.kind for rule in ERROR_RULES if rule.fits(error, self.stage)),
                ErrorKind.INTERNAL,
            ),
            message=f"{self.stage}: {what}"[:MAX_MESSAGE_LENGTH],
            detail=error.refusal.reason if isinstance(error, BlockedTargetError) else None,
        )


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """The rule that an exception of type `exception`, at one of `stages`, is an error of `kind`."""

    exception: type[Exception]
    stages: frozenset[Stage]
    kind: ErrorKind

    def fits(self, error: Exception, stage: Stage) -> bool:
        """Return whether the rule applies to an error."""
        return isinstance(error, self.exception) and stage in self.stages


_ANY = frozenset(Stage)
_LOOK_UP = frozenset({Stage.LOOK_UP})
_CONNECT = frozenset({Stage.CONNECT})
_SECURED = frozenset({Stage.WRITE, Stage.HEAD, Stage.BODY})

# The first rule that applies decides; most of these exceptions are subclasses of OSError.
ERROR_RULES: tuple[ErrorRule, ...] = (
    ErrorRule(TimeoutError, _ANY, ErrorKind.TIMEOUT),
    ErrorRule(BlockedTargetError, _ANY, ErrorKind.BLOCKED),
    ErrorRule(OSError, _LOOK_UP, ErrorKind.DNS),
    ErrorRule(
        UnicodeError, _LOOK_UP, ErrorKind.DNS
    ),  # the host name has an empty or too long label
    ErrorRule(OSError, _CONNECT, ErrorKind.CONNECT),
    ErrorRule(
        OSError, _SECURED, ErrorKind.RESET
    ),  # also with TLS: which exception it raises depends on the Python version
    ErrorRule(ssl.SSLError, _ANY, ErrorKind.TLS),
    ErrorRule(OSError, _ANY, ErrorKind.RESET),
    ErrorRule(ProtocolError, _ANY, ErrorKind.PROTOCOL),
)


def _describe(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError():  # if Python code has raised it, `reason` is missing
            return getattr(error, "reason", None) or str(error)
        case OSError():
            return error.strerror or str(error)
        case _:
            return str(error)

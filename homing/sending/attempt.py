"""An attempt under way: the stage it has reached, the time left to it, and what ended it."""

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
    """What an attempt is doing, in the order in which it does it (the guard: twice)."""

    PREPARE = "preparing the request"
    GUARD = "address guard"
    LOOK_UP = "name look-up"
    CONNECT = "connect"
    HANDSHAKE = "TLS handshake"
    WRITE = "sending the request"
    HEAD = "waiting for the response"
    BODY = "reading the response body"


class ProtocolError(ValueError):
    """Raised when what an endpoint sends is no HTTP/1 response. Its text quotes nothing of it."""


class BlockedTargetError(ValueError):
    """Raised when the address guard refuses a target. Its text is what the sender may know."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"the target URL {refusal.sentence}")
        self.refusal = refusal


class Attempt:
    """One attempt: a stage, whether a byte of an answer has come, and one deadline over all stages.

    Args:
        seconds: how long the attempt may take in all.
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
        """Give the seconds since the attempt started."""
        return self._clock() - self._started

    def remaining(self) -> float:
        """Give the seconds left, always more than 0, fit to be a socket's time-out.

        Raises:
            TimeoutError: when none are left.
        """
        left = self.seconds - self.elapsed()
        if left <= 0:
            raise TimeoutError
        return left

    def part(self, seconds: float) -> Attempt:
        """Return a part of the attempt that starts now and lasts so long, or until its deadline."""
        return Attempt(min(seconds, self.seconds - self.elapsed()), self._clock)

    def explain(self, error: Exception) -> AttemptError:
        """Say why the attempt broke off here: the kind, and `<stage>: <what happened>`."""
        timed_out = f"timed out, {self.seconds:g} s allowed in all"
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
    """An exception at one of these stages makes an error of this kind."""

    exception: type[Exception]
    stages: frozenset[Stage]
    kind: ErrorKind

    def fits(self, error: Exception, stage: Stage) -> bool:
        """Tell whether the rule speaks of this error."""
        return isinstance(error, self.exception) and stage in self.stages


_ANY = frozenset(Stage)
_LOOK_UP = frozenset({Stage.LOOK_UP})
_CONNECT = frozenset({Stage.CONNECT})
_SECURED = frozenset({Stage.WRITE, Stage.HEAD, Stage.BODY})

# The first rule that fits decides; most of these exceptions are kinds of OSError.
ERROR_RULES: tuple[ErrorRule, ...] = (
    ErrorRule(TimeoutError, _ANY, ErrorKind.TIMEOUT),
    ErrorRule(BlockedTargetError, _ANY, ErrorKind.BLOCKED),
    ErrorRule(OSError, _LOOK_UP, ErrorKind.DNS),
    ErrorRule(UnicodeError, _LOOK_UP, ErrorKind.DNS),  # a label that is empty or too long
    ErrorRule(OSError, _CONNECT, ErrorKind.CONNECT),
    ErrorRule(OSError, _SECURED, ErrorKind.RESET),  # with TLS, whose errors differ by Python
    ErrorRule(ssl.SSLError, _ANY, ErrorKind.TLS),
    ErrorRule(OSError, _ANY, ErrorKind.RESET),
    ErrorRule(ProtocolError, _ANY, ErrorKind.PROTOCOL),
)


def _describe(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError():  # one that the ssl module raises in Python has no reason
            return getattr(error, "reason", None) or str(error)
        case OSError():
            return error.strerror or str(error)
        case _:
            return str(error)

"""Replay: runs the real, unchanged handlers in the simulation, call by call and without threads.

Handlers call AWS and wait for the answer. In the simulation, their calls go to the `Tape`, which
contains the answers so far. If it contains the answer to a call, the call returns that answer. If
not, an exception that the handler cannot catch ends this run of the handler. Then the simulation
makes the call, adds the answer to the tape, and runs the handler again from its start.

What a handler does next depends only on its input and on the answers so far. So the result is the
same as if it had waited for each answer. The tape checks that each run makes the same calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from simulation.engine.faults import ServiceError
from simulation.engine.process import Call
from simulation.errors import NotDeterministicError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

T = TypeVar("T")


class _Suspended(BaseException):  # so that no `except Exception` of a handler catches it
    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call


@dataclass(frozen=True, slots=True)
class _Answer:
    operation: str
    value: Any
    error: ServiceError | None
    instant: int


class Tape:
    """The answers that the calls of the running handler have received so far."""

    def __init__(self) -> None:
        self._answers: list[_Answer] = []
        self._at = 0
        self._left_by: Call | None = None
        self.owner = ""
        self.started = 0
        self.now = 0

    def load(self, answers: list[_Answer], owner: str, started: int) -> None:
        """Begin a run of a handler with these answers.

        `started` is the time at which the handler's first run began, according to its clock.
        """
        self._answers = answers
        self._at = 0
        self._left_by = None
        self.owner = owner
        self.started = self.now = started

    def call(self, operation: str, arguments: Any, timeout: int = 5_000) -> Any:
        """Make a call and return its answer, and set `now` to the time of the answer.

        Raises:
            ServiceError: if the answer is an error.
        """
        # If the handler calls again while an exception already ends this run, for example in a
        # `finally`, the call is left to the next run.
        if self._left_by is not None:
            raise _Suspended(self._left_by)
        if self._at == len(self._answers):
            self._left_by = Call(operation, arguments, timeout)
            raise _Suspended(self._left_by)
        answer = self._answers[self._at]
        self._at += 1
        if answer.operation != operation:
            raise NotDeterministicError(f"{operation} instead of {answer.operation}")
        self.now = answer.instant
        if answer.error is not None:
            raise answer.error
        return answer.value


TAPE = Tape()  # one thread runs all handlers, one at a time


def replayed(
    run: Callable[[], T], *, label: str, clock: Callable[[], int]
) -> Generator[Call, Any, T]:
    """Run a handler as a process of the simulation, and return its result.

    Args:
        run: calls the handler.
        label: the label of the process; the names of its random draws begin with it.
        clock: the handler's clock, which may be wrong.
    """
    answers: list[_Answer] = []
    started = clock()
    while True:
        TAPE.load(answers, label, started)
        try:
            return run()
        except _Suspended as suspended:
            call = suspended.call
        value, error = None, None
        try:
            value = yield call
        except ServiceError as failed:
            error = failed
        answers.append(_Answer(call.operation, value, error, clock()))

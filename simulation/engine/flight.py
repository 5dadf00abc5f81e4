"""One call from a process to a simulated service and back, with its fault if it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from simulation.engine.faults import (
    CRASHES,
    CrashedError,
    Fault,
    FaultKind,
    NoAnswerError,
    ServiceError,
    UnavailableError,
)
from simulation.engine.process import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulation.engine.process import Call, Process, Respond

# Milliseconds between the two effects of a call with the fault TWICE.
_SECOND_EFFECT_AFTER: Final = 40


class Timeline(Protocol):
    """The methods of the scheduler that a `Flight` needs."""

    now: int

    def at(self, instant: int, action: Callable[..., None], *arguments: Any) -> None:
        """Schedule a function call for an instant, or for now if the instant has passed."""

    def perform(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Perform a call."""

    def answer(self, process: Process, number: int, outcome: Outcome) -> None:
        """Resume a process with the outcome of its call `number`, if the process still waits."""

    def crash(self, process: Process) -> None:
        """Crash the host of a process, and thereby the process itself."""


class Flight:
    """A call in progress: it travels to the service, takes effect, and the answer travels back.

    Args:
        scheduler: the scheduler of the simulation.
        process: the caller.
        call: the call.
        label: the name of the call, by which traces and plans of faults refer to it.
        before: milliseconds until the call takes effect.
        after: milliseconds from the effect until the answer arrives.
    """

    __slots__ = ("after", "before", "call", "label", "number", "process", "scheduler")

    def __init__(
        self,
        scheduler: Timeline,
        process: Process,
        call: Call,
        label: str,
        *,
        before: int,
        after: int,
    ) -> None:
        self.scheduler = scheduler
        self.process = process
        self.number = process.calls
        self.call = call
        self.label = label
        self.before = before
        self.after = after

    def go(self, fault: Fault | None) -> None:
        """Start the call, with the fault that the plan gives it, if any."""
        if fault is None:
            self._effect(self.before, self._arrive)
        elif fault.kind in CRASHES:
            if fault.kind is FaultKind.CRASH_AFTER:
                self._effect(self.before, _ignore)
            self.scheduler.at(self.scheduler.now + self.before, self.scheduler.crash, self.process)
        else:
            self._go_wrong(fault)

    def _go_wrong(self, fault: Fault) -> None:
        match fault.kind:
            case FaultKind.REFUSED:
                self._tell(self.before, UnavailableError("refused"))
            case FaultKind.BROKEN:
                self._tell(self.before, CrashedError("Runtime.ExitError"))
            case FaultKind.LOST:
                self._effect(self.before, self._lose)
            case FaultKind.LATE:
                self._tell(self.call.timeout, NoAnswerError("timed out"))
                self._effect(self.call.timeout + fault.delay, _ignore)
            case FaultKind.TWICE:
                self._effect(self.before, _ignore)
                self._effect(self.before + _SECOND_EFFECT_AFTER, self._arrive, mark="'")
            case FaultKind.STALL_BEFORE:
                self._effect(self.before + fault.delay, self._arrive)
            case _:
                self.after += fault.delay
                self._effect(self.before, self._arrive)

    def _effect(self, delay: int, respond: Respond, mark: str = "") -> None:
        scheduler = self.scheduler
        scheduler.at(
            scheduler.now + delay,
            scheduler.perform,
            self.process,
            self.call,
            self.label + mark,
            respond,
        )

    def _tell(self, delay: int, error: ServiceError) -> None:
        self._answer(delay, Outcome(error=error))

    def _answer(self, delay: int, outcome: Outcome) -> None:
        scheduler = self.scheduler
        scheduler.at(scheduler.now + delay, scheduler.answer, self.process, self.number, outcome)

    def _arrive(self, outcome: Outcome) -> None:
        self._answer(self.after, outcome)

    def _lose(self, _: Outcome) -> None:
        self._tell(self.call.timeout, NoAnswerError("timed out"))


def _ignore(_: Outcome) -> None:
    """Ignore an answer that no caller waits for."""

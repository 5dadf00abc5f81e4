"""The scheduler: runs processes on a virtual clock, and injects faults into their calls.

A process is a generator. It yields a `Call`, a `Sleep` or a `Join` and is resumed with the outcome.
Time passes between a call and its effect, and between the effect and the answer; meanwhile, other
events happen. Since the seed determines these times, calls interleave differently with each seed,
and in the same way whenever the same seed is used.
"""

from __future__ import annotations

from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Protocol

from simulation.engine.faults import STOPS, CrashedError, Fault, FaultKind, ServiceError
from simulation.engine.flight import Flight
from simulation.engine.process import Call, Join, Outcome, Process, Respond, Sleep
from simulation.errors import SimulationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulation.engine.chance import Chance

MAX_EVENTS = 50_000


class Plan(Protocol):
    """Decides which calls have faults; `met` lists the faults that happened."""

    met: dict[str, Fault]

    def fault_at(self, label: str, kinds: tuple[FaultKind, ...], draw: int) -> Fault | None:
        """Return the fault of the call with this label, or None; `draw` is 32 random bits."""


class Services(Protocol):
    """The services that calls go to."""

    def kinds(self, operation: str, *, can_crash: bool) -> tuple[FaultKind, ...]:
        """Return the kinds of faults that a call of this operation can have."""

    def is_down(self, operation: str, now: int) -> bool:
        """Return whether an outage refuses this operation now."""

    def perform(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Perform a call, and pass the result to `respond`, now or later.

        Raises:
            ServiceError: when the call fails. In that case, `respond` is not called.
        """


class Scheduler:
    """Runs processes until nothing more is due.

    Args:
        services: the services, which perform the calls.
        plan: decides which calls have faults.
        chance: draws how long calls take, and the random bits that `plan` gets.
        start: the first instant of the simulation.
    """

    def __init__(self, services: Services, plan: Plan, chance: Chance, start: int) -> None:
        self.now = start
        self.steps = 0
        self.refusals: dict[str, int] = {}  # calls refused in outages, by operation
        self.trace: list[tuple[int, str, str]] | None = None
        self._services = services
        self._plan = plan
        self._chance = chance
        self._queue: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = 0

    def at(self, instant: int, action: Callable[..., None], *arguments: Any) -> None:
        """Schedule a function call for an instant, or for now if the instant has passed."""
        self._order += 1
        heappush(self._queue, (instant, self._order, action, arguments))

    def advance(self, instant: int) -> None:
        """Advance the clock to an instant."""
        self.now = max(self.now, instant)

    def run(self) -> bool:
        """Make the scheduled calls until none is left.

        Returns:
            True if none is left, False if the limit of events was reached first.
        """
        queue = self._queue
        while queue:
            instant, _, action, arguments = heappop(queue)
            self.now = max(self.now, instant)
            self.steps += 1
            if self.steps > MAX_EVENTS:
                return False
            action(*arguments)
        return True

    def start(self, process: Process, *, timeout: int | None = None) -> None:
        """Start a process. If it still runs after `timeout` milliseconds, it fails."""
        if timeout is not None:
            self.at(self.now + timeout, self._expire, process)
        self._resume(process, Outcome())

    def note(self, label: str, what: str) -> None:
        """Add a line to the trace, if a trace was requested."""
        if self.trace is not None:
            self.trace.append((self.now, label, what))

    def end(self, process: Process, outcome: Outcome) -> None:
        """End a process, and the processes of which it is the host."""
        if not process.alive:
            return
        for each in (process, *process.dependants):
            each.alive = False
        process.on_end(outcome)

    def _expire(self, process: Process) -> None:
        if process.alive:
            self.note(process.label, "timed out")
            self.end(process, Outcome(error=CrashedError("Sandbox.Timedout")))

    def crash(self, process: Process) -> None:
        """Crash the host of a process, and with it all processes of which it is the host."""
        host = process.host
        if host is not None and host.alive:
            self.note(host.label, "crashed")
            self.end(host, Outcome(error=CrashedError("Runtime.ExitError")))

    def _resume(self, process: Process, outcome: Outcome) -> None:
        if not process.alive:
            return
        process.answered = process.calls
        try:
            if outcome.error is None:
                request = process.steps.send(outcome.value)
            else:
                request = process.steps.throw(outcome.error)
        except StopIteration as stop:
            self.end(process, Outcome(stop.value))
        except SimulationError:
            raise
        except Exception as error:  # noqa: BLE001  # a handler may raise anything; its caller gets the error
            self.end(process, Outcome(error=error))
        else:
            self._serve(process, request)

    def _serve(self, process: Process, request: Call | Sleep | Join) -> None:
        process.calls += 1
        if type(request) is Call:
            self._call(process, request)
        elif type(request) is Sleep:
            self.at(max(self.now, request.until), self.answer, process, process.calls, Outcome())
        elif type(request) is Join:
            _Joining(self, process, request.processes)

    def answer(self, process: Process, number: int, outcome: Outcome) -> None:
        """Resume a process with the outcome of its call `number`, if the process still waits."""
        if process.calls == number and process.answered < number:
            self._resume(process, outcome)

    def _call(self, process: Process, call: Call) -> None:
        label = f"{process.label}/{process.calls}:{call.operation}"
        draw = self._chance.bits(label)
        flight = Flight(
            self, process, call, label, before=1 + (draw & 0x0F), after=1 + (draw >> 4 & 0x0F)
        )
        fault = self._fault(process, call, label, draw >> 32)
        if self.trace is not None:
            self.note(label, str(fault or ""))
        flight.go(fault)

    def _fault(self, process: Process, call: Call, label: str, draw: int) -> Fault | None:
        if self._services.is_down(call.operation, self.now):
            self.refusals[call.operation] = self.refusals.get(call.operation, 0) + 1
            return Fault(FaultKind.REFUSED)
        kinds = self._services.kinds(call.operation, can_crash=process.host is not None)
        return self._plan.fault_at(label, kinds, draw)

    def stop_at(self, label: str) -> Fault | None:
        """Return the fault that stops an execution at a state, if any.

        `label` names the execution and the state.
        """
        fault = self._plan.fault_at(label, STOPS, self._chance.bits(label) >> 32)
        if fault is not None:
            self.note(label, str(fault))
        return fault

    def perform(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Perform a call, even if its caller has ended in the meantime."""
        try:
            self._services.perform(process, call, label, respond)
        except ServiceError as error:
            respond(Outcome(error=error))


class _Joining:
    """Starts several processes, and resumes the waiting process when all of them have ended."""

    def __init__(
        self, scheduler: Scheduler, waiter: Process, processes: tuple[Process, ...]
    ) -> None:
        self._scheduler = scheduler
        self._waiter = waiter
        self._number = waiter.calls
        self._outcomes: list[Outcome] = [Outcome()] * len(processes)
        self._left = len(processes)
        for index, process in enumerate(processes):
            process.on_end = partial(self._ended, index)
        for process in processes:
            scheduler.start(process)

    def _ended(self, index: int, outcome: Outcome) -> None:
        self._outcomes[index] = outcome
        self._left -= 1
        if not self._left:
            self._scheduler.answer(self._waiter, self._number, Outcome(self._outcomes))

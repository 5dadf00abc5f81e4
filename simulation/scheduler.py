"""The scheduler: processes that make calls, a virtual clock, and faults at every boundary.

A process is a generator. It yields a `Call`, a `Sleep` or a `Join` and is resumed with what came of
it. Between the moment a call is made and the moment it takes effect, and between the effect and its
answer, time passes; whatever else is due in that time happens then. So calls interleave in as many
ways as there are draws, and one seed always gives the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from simulation.errors import EndlessError, SimulationError
from simulation.faults import (
    CRASHES,
    CrashedError,
    Fault,
    FaultKind,
    NoAnswerError,
    ServiceError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from simulation.chance import Chance

MAX_EVENTS = 50_000
_REPEAT_AFTER = 40  # milliseconds between the two effects of TWICE


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a service.

    Args:
        operation: `service.operation`.
        arguments: what it is called with.
        timeout: how long the caller waits for an answer that does not come, in milliseconds.
    """

    operation: str
    arguments: Any
    timeout: int = 5_000


@dataclass(frozen=True, slots=True)
class Sleep:
    """A wait until an instant."""

    until: int


@dataclass(frozen=True, slots=True)
class Join:
    """A wait for the end of other processes; gives their outcomes in order."""

    processes: tuple[Process, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call or a process: a value or an error."""

    value: Any = None
    error: BaseException | None = None


Steps: TypeAlias = "Generator[Call | Sleep | Join, Any, Any]"
Respond: TypeAlias = "Callable[[Outcome], None]"


class Process:
    """Something that runs: a Lambda invocation, an execution, a poller, a sender.

    Args:
        label: its name, the same in every run of a history.
        steps: what it does.
        on_end: told once how it ended.
        host: what dies if this crashes, itself by default; None if it cannot crash.
        about: what is known of it, for those that look on.
    """

    __slots__ = (
        "about",
        "alive",
        "answered",
        "calls",
        "dependants",
        "host",
        "label",
        "on_end",
        "steps",
    )

    def __init__(
        self,
        label: str,
        steps: Steps,
        on_end: Respond,
        *,
        host: Process | None = None,
        can_crash: bool = True,
        about: Any = None,
    ) -> None:
        self.label = label
        self.steps = steps
        self.on_end = on_end
        self.host = (host or self) if can_crash else None
        self.about = about
        self.calls = 0
        self.answered = 0
        self.alive = True
        self.dependants: list[Process] = []
        if host is not None:
            host.dependants.append(self)


class Plan(Protocol):
    """Decides which calls go wrong; `met` lists those that did."""

    met: dict[str, Fault]

    def fault_at(self, label: str, kinds: tuple[FaultKind, ...], draw: int) -> Fault | None:
        """Give the fault of a call, or None; `draw` is 32 bits of chance."""


class Services(Protocol):
    """What calls are made to."""

    def kinds(self, operation: str, *, can_crash: bool) -> tuple[FaultKind, ...]:
        """Name the faults that a call of this operation can meet."""

    def is_down(self, operation: str, now: int) -> bool:
        """Tell whether an outage is on."""

    def perform(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Let a call take effect, and respond now or later.

        Raises:
            ServiceError: in place of a response.
        """


class Scheduler:
    """Runs processes until nothing is due any more.

    Args:
        services: what calls are made to.
        plan: which of them go wrong.
        chance: how long things take.
        start: the first instant.
    """

    def __init__(self, services: Services, plan: Plan, chance: Chance, start: int) -> None:
        self.now = start
        self.steps = 0
        self.refusals: dict[str, int] = {}  # during outages, by operation
        self.trace: list[tuple[int, str, str]] | None = None
        self._services = services
        self._plan = plan
        self._chance = chance
        self._queue: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = 0

    def at(self, instant: int, action: Callable[..., None], *arguments: Any) -> None:
        """Do something at an instant, at the earliest now."""
        self._order += 1
        heappush(self._queue, (instant, self._order, action, arguments))

    def advance(self, instant: int) -> None:
        """Let time pass in which nothing happens."""
        self.now = max(self.now, instant)

    def run(self) -> None:
        """Run until nothing is due.

        Raises:
            EndlessError: when that takes longer than any sensible history.
        """
        queue = self._queue
        while queue:
            instant, _, action, arguments = heappop(queue)
            self.now = max(self.now, instant)
            self.steps += 1
            if self.steps > MAX_EVENTS:
                raise EndlessError(f"{MAX_EVENTS} events and no end")
            action(*arguments)

    def start(self, process: Process, *, timeout: int | None = None) -> None:
        """Start a process; after `timeout` milliseconds it is ended from outside."""
        if timeout is not None:
            self.at(self.now + timeout, self._expire, process)
        self._resume(process, Outcome())

    def note(self, label: str, what: str) -> None:
        """Write a line of the trace, if one is kept."""
        if self.trace is not None:
            self.trace.append((self.now, label, what))

    def end(self, process: Process, outcome: Outcome) -> None:
        """End a process and all that live in it."""
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
        """Let a process die, and all that it lives in."""
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
        except Exception as error:  # noqa: BLE001  # a handler may raise anything; its caller is told
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
        """Resume a process with what came of its call `number`, if it still waits for that."""
        if process.calls == number and process.answered < number:
            self._resume(process, outcome)

    def _call(self, process: Process, call: Call) -> None:
        label = f"{process.label}/{process.calls}:{call.operation}"
        draw = self._chance.bits(label)
        flight = _Flight(
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

    def perform(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Let a call take effect. Its caller may be gone: what has been sent arrives."""
        try:
            self._services.perform(process, call, label, respond)
        except ServiceError as error:
            respond(Outcome(error=error))


class _Flight:
    """A call on its way: out, to its effect, and back."""

    __slots__ = ("after", "before", "call", "label", "number", "process", "scheduler")

    def __init__(
        self,
        scheduler: Scheduler,
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
                self._effect(self.before + _REPEAT_AFTER, self._arrive, mark="'")
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
    """Let an answer go that nobody waits for."""


class _Joining:
    """A wait for several processes, which it starts."""

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

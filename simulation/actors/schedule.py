"""The schedule of the watchdog, which runs every 15 minutes.

A watchdog run that would find nothing is skipped: it would change nothing, and if all runs took
place, a simulated history would never end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.recovery.watchdog import GRACE
from simulation.engine.faults import ServiceError
from simulation.engine.process import Call, Outcome, Process

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulation.engine.process import Steps
    from simulation.engine.scheduler import Scheduler

GRACE_MS = int(GRACE.total_seconds() * 1000)
_INVOKE_TIMEOUT = 900_000


class WatchdogSchedule:
    """Invokes the watchdog on its schedule.

    Args:
        scheduler: the scheduler of the simulation.
        start: the first instant of the simulation; the runs follow it at multiples of `every`.
        every: the time between two runs, in milliseconds.
        has_work: returns whether the watchdog would find anything at an instant.
    """

    def __init__(
        self, scheduler: Scheduler, start: int, every: int, has_work: Callable[[int], bool]
    ) -> None:
        self._scheduler = scheduler
        self._start = start
        self._every = every
        self._has_work = has_work
        self._due: set[int] = set()
        self._runs = 0

    def expect(self, overdue_since: int) -> None:
        """Schedule the first run in which the watchdog finds a delivery due at `overdue_since`.

        That is the first run after the grace period (`GRACE`), which begins at `overdue_since`.
        """
        after = max(overdue_since + GRACE_MS, self._scheduler.now) - self._start
        run_at = self._start + (after // self._every + 1) * self._every
        if run_at not in self._due:
            self._due.add(run_at)
            self._scheduler.at(run_at, self._run, run_at)

    def _run(self, run_at: int) -> None:
        self._due.discard(run_at)
        if self._has_work(run_at):
            self._runs += 1
            self._scheduler.start(Process(f"watchdog#{self._runs}", _invoke(), self._ended))

    def _ended(self, _: Outcome) -> None:
        now = self._scheduler.now
        if self._has_work(now):
            self.expect(now - GRACE_MS)


def _invoke() -> Steps:
    invoke: dict[str, Any] = {"FunctionName": "watchdog", "Payload": {}}
    try:
        yield Call("lambda.invoke", invoke, _INVOKE_TIMEOUT)
    except ServiceError:
        return  # the next run makes up for this one

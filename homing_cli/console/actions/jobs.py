"""Runs actions, each in its own thread, and records their progress for the pages that show it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from homing.errors import DependencyError
from homing_cli.errors import CommandError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing_cli.console.actions.chosen import Chosen

_KEPT = 50


@dataclass(frozen=True, slots=True)
class Done:
    """The result of an action for one delivery.

    Args:
        chosen: the delivery.
        complaint: why the action failed; empty if it succeeded.
    """

    chosen: Chosen
    complaint: str = ""


@dataclass(slots=True)
class Job:
    """A running or finished action.

    Args:
        job_id: its id in the address of its page.
        title: its name on the page.
        total: the number of deliveries.
        note: what "done" means for this action, if that is not obvious; else empty.
        done: the results so far.
        broken: the error that stopped it early; empty if none did.
        ended: whether it has ended.
    """

    job_id: str
    title: str
    total: int
    note: str = ""
    done: list[Done] = field(default_factory=list)
    broken: str = ""
    ended: bool = False

    @property
    def succeeded(self) -> int:
        """The number of deliveries for which the action succeeded."""
        return sum(not one.complaint for one in self.done)

    @property
    def complaints(self) -> list[Done]:
        """The results of the deliveries for which the action failed."""
        return [one for one in self.done if one.complaint]

    def run(self, steps: Iterator[Done]) -> None:
        """Run all steps and record their results."""
        try:
            self.done.extend(steps)
        except (BotoCoreError, ClientError, CommandError, DependencyError) as error:
            self.broken = f"{type(error).__name__}: {error}"


class Jobs:
    """The latest actions of one console, both running and finished.

    Args:
        changed: called after each action, before its page says that it has ended.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._jobs: dict[str, Job] = {}

    def start(self, title: str, total: int, steps: Iterator[Done], note: str = "") -> Job:
        """Start an action in its own thread."""
        job = Job(secrets.token_hex(8), title, total, note)
        self._jobs[job.job_id] = job
        for old in list(self._jobs)[:-_KEPT]:
            del self._jobs[old]
        Thread(target=self._run, args=(job, steps), name=f"job-{job.job_id}", daemon=True).start()
        return job

    def _run(self, job: Job, steps: Iterator[Done]) -> None:
        try:
            job.run(steps)
        finally:
            self._changed()
            job.ended = True

    def find(self, job_id: str) -> Job:
        """Return an action by its id.

        Raises:
            NotFoundError: when there is no such action.
        """
        if job_id not in self._jobs:
            raise NotFoundError("there is no such action, or the console was restarted since")
        return self._jobs[job_id]

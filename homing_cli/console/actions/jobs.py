"""Actions under way: each runs in a thread of its own, and the page asks how far it is."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from homing_cli.errors import CommandError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homing_cli.console.actions.chosen import Chosen

_KEPT = 50


@dataclass(frozen=True, slots=True)
class Done:
    """The status of one delivery.

    Args:
        chosen: which.
        complaint: why nothing was done; empty where it was.
    """

    chosen: Chosen
    complaint: str = ""


@dataclass(slots=True)
class Job:
    """One action under way.

    Args:
        job_id: names it in the address of its page.
        title: what is being done, for people.
        total: how many deliveries it is about.
        done: the status of each so far.
        broken: what stopped it early; empty where nothing did.
        ended: whether it is over.
    """

    job_id: str
    title: str
    total: int
    done: list[Done] = field(default_factory=list)
    broken: str = ""
    ended: bool = False

    @property
    def succeeded(self) -> int:
        """How many deliveries it was done for."""
        return sum(not one.complaint for one in self.done)

    @property
    def complaints(self) -> list[Done]:
        """The deliveries for which it was not, and why."""
        return [one for one in self.done if one.complaint]

    def run(self, steps: Iterator[Done]) -> None:
        """Do it, one by one."""
        try:
            self.done.extend(steps)
        except (BotoCoreError, ClientError, CommandError) as error:
            self.broken = f"{type(error).__name__}: {error}"
        finally:
            self.ended = True


class Jobs:
    """The actions of one console, the latest of them remembered."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    def start(self, title: str, total: int, steps: Iterator[Done]) -> Job:
        """Begin an action in a thread of its own."""
        job = Job(secrets.token_hex(8), title, total)
        self._jobs[job.job_id] = job
        for old in list(self._jobs)[:-_KEPT]:
            del self._jobs[old]
        Thread(target=job.run, args=(steps,), name=f"job-{job.job_id}", daemon=True).start()
        return job

    def find(self, job_id: str) -> Job:
        """Give an action by its id.

        Raises:
            NotFoundError: when this console does not know it.
        """
        if job_id not in self._jobs:
            raise NotFoundError("this console knows nothing of such an action")
        return self._jobs[job_id]

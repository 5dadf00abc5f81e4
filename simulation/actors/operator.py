"""The operator: a person who redrives deliveries, retries them immediately and cancels them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from homing.errors import DependencyError
from simulation.deployed.functions import run_intervention
from simulation.engine.clock import HOUR, SECOND
from simulation.engine.faults import CrashedError
from simulation.engine.process import Outcome, Process, Sleep
from simulation.engine.replay import replayed
from simulation.scenario import Act

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from homing.delivery import Reference
    from simulation.engine.process import Steps
    from simulation.engine.scheduler import Scheduler
    from simulation.journal import Journal
    from simulation.scenario import Intervention

# The pause in milliseconds after a failed command. It doubles with each further failure.
_AGAIN: Final = 10 * SECOND


def start_operator(
    intervention: Intervention, start: int, journal: Journal, scheduler: Scheduler, life: int = 0
) -> None:
    """Start an operator, who carries out one intervention.

    If the operator's command crashes, the operator runs it again. `life` is the number of crashes
    so far.
    """
    name = f"operator:{intervention.act}:{intervention.message}@{intervention.target}"
    label = f"{name}+{intervention.at}" + (f".{life}" if life else "")

    def ended(outcome: Outcome) -> None:
        if isinstance(outcome.error, CrashedError):
            again = (intervention, start, journal, scheduler, life + 1)
            scheduler.at(scheduler.now + _AGAIN, start_operator, *again)
        elif outcome.error is not None:
            raise outcome.error  # an intervention may raise errors from AWS and nothing else

    steps = _operate(intervention, start, journal, lambda: scheduler.now, label)
    scheduler.start(Process(label, steps, ended))


def _operate(
    intervention: Intervention,
    start: int,
    journal: Journal,
    now: Callable[[], int],
    label: str,
) -> Steps:
    yield Sleep(start + intervention.at)
    reference = journal.references.get((intervention.message, intervention.target))
    if reference is None:
        return  # no such delivery has reached the queue
    for dead_letter in _dead_letters(intervention, journal, reference):
        timeout = _AGAIN
        run = partial(run_intervention, intervention.act, reference, dead_letter)
        while True:
            try:
                result = yield from replayed(run, label=label, clock=now)
            except (BotoCoreError, ClientError, DependencyError):
                yield Sleep(now() + timeout)
                timeout = min(2 * timeout, HOUR)
            else:
                journal.acted.append((intervention, result))
                break


def _dead_letters(
    intervention: Intervention, journal: Journal, reference: Reference
) -> list[Mapping[str, Any] | None]:
    """Return the dead letters on which an operator acts, including those already redriven.

    The operator acts once for each entry of the list. For an act that needs no dead letter, return
    `[None]`.
    """
    if intervention.act is Act.REDRIVE_DEAD_LETTERS:
        return [dead_letter.document for dead_letter in journal.dead.get(reference.delivery_id, ())]
    return [None]

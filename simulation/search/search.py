"""The search for simulated histories that violate an invariant.

It runs the random cases of many seeds. It also runs small scenarios, once for each possible fault.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulation.checks.invariants import violations
from simulation.deployed.functions import simulated_edges
from simulation.deployment import Deployment
from simulation.history import run_history
from simulation.search.drawing import draw_case
from simulation.search.exhaustive import (
    SEED,
    operators_at_every_instant,
    pairs_of_faults,
    scenarios,
    scenarios_of_one,
    single_faults,
)
from simulation.search.shrink import Trial, shrink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simulation.deployed.edges import Edges
    from simulation.history import History, Programs
    from simulation.search.drawing import Case
    from simulation.search.planting import PlantedBug


@dataclass(frozen=True, slots=True)
class Finding:
    """A simulated history that violates invariants.

    Args:
        seed: the seed of its random draws.
        trial: its scenario and its faults.
        broken: the violations, one sentence each.
    """

    seed: int
    trial: Trial
    broken: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """The totals of a search.

    Args:
        counts: histories, events, faults and so on, by name.
        findings: the simulated histories that violate an invariant.
    """

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add the counts and findings of another tally."""
        self.counts.update(other.counts)
        self.findings.extend(other.findings)

    def note(self, seed: int, trial: Trial, history: History) -> None:
        """Check the invariants of a simulated history, and add it to the totals."""
        journal = history.journal
        self.counts.update(
            histories=1,
            events=history.events,
            faults=len(history.faults),
            deliveries=len(journal.accepted),
            requests=len(journal.sent),
            doubles=len(journal.sent) - len({(s.delivery, s.run, s.attempt) for s in journal.sent}),
            acts=len(journal.acted),
            left=journal.detached,
            taken_up=sum(finding.is_recovery for finding in journal.examined.values()),
            histories_with_gaps=bool(journal.gaps),
        )
        broken = tuple(map(str, violations(history)))
        if broken:
            self.findings.append(Finding(seed, trial, broken))


def search_seeds(first: int, last: int, draw: Callable[[int], Case] = draw_case) -> Tally:
    """Simulate the cases that `draw` returns for the seeds from `first` to `last` - 1."""
    with _tallied() as tally, simulated_edges(Deployment()) as edges:
        for seed in range(first, last):
            case = draw(seed)
            plan = case.plan()
            history = run_history(case.scenario, plan, seed, edges)
            tally.note(seed, Trial(case.scenario, plan.met), history)
    return tally


def search_single_faults(number: int) -> Tally:
    """Simulate a scenario once for each possible fault. `number` is its index in `scenarios()`."""
    scenario = list(scenarios())[number]
    with _tallied() as tally, simulated_edges(Deployment()) as edges:
        for trial in single_faults(scenario, edges):
            tally.note(SEED, trial, run_history(trial.scenario, trial.plan(), SEED, edges))
            tally.counts["crash_points"] += len(trial.faults)
    return tally


def search_interventions(number: int) -> Tally:
    """Simulate a scenario repeatedly, with an operator who acts at another instant each time.

    `number` is the scenario's index in `scenarios_of_one()`.
    """
    scenario = list(scenarios_of_one())[number]
    with _tallied() as tally, simulated_edges(Deployment()) as edges:
        for trial in operators_at_every_instant(scenario, edges):
            tally.note(SEED, trial, run_history(trial.scenario, trial.plan(), SEED, edges))
            tally.counts["moments"] += 1
    return tally


def search_pairs(number: int) -> Tally:
    """Simulate a scenario once for each pair of faults.

    `number` is the scenario's index in `scenarios_of_one()`.
    """
    scenario = list(scenarios_of_one())[number]
    with _tallied() as tally, simulated_edges(Deployment()) as edges:
        for trial in pairs_of_faults(scenario, edges):
            tally.note(SEED, trial, run_history(trial.scenario, trial.plan(), SEED, edges))
            tally.counts["pairs"] += 1
    return tally


@contextmanager
def _tallied() -> Iterator[Tally]:
    """Yield a new tally. When the context exits, add to it the processor time spent inside."""
    tally = Tally()
    before = time.process_time()
    yield tally
    tally.counts["milliseconds"] += round(1000 * (time.process_time() - before))


def hunt(bug: PlantedBug, edges: Edges) -> tuple[int, Finding] | None:
    """Search for a simulated history in which a planted bug violates an invariant.

    Returns:
        The number of runs up to the first violation, and that run, shrunk; None if no run violates
        an invariant, so that the bug is not caught.
    """
    programs = bug.programs()
    with bug.patch():
        trials = single_faults(bug.scenario, edges, programs, bug.given)
        for number, trial in enumerate(trials, start=1):
            history = run_history(trial.scenario, trial.plan(), SEED, edges, programs)
            broken = tuple(map(str, violations(history)))
            if broken:
                return number, smallest(Finding(SEED, trial, broken), edges, programs)
    return None


def smallest(finding: Finding, edges: Edges, programs: Programs | None = None) -> Finding:
    """Shrink a finding as long as it still violates the first of its violated invariants."""
    invariant = finding.broken[0].partition(":")[0]

    def broken_by(trial: Trial) -> tuple[str, ...]:
        history = run_history(trial.scenario, trial.plan(), finding.seed, edges, programs)
        return tuple(map(str, violations(history)))

    def still_breaks(trial: Trial) -> bool:
        return any(broken.startswith(invariant) for broken in broken_by(trial))

    trial = shrink(finding.trial, still_breaks)
    return Finding(finding.seed, trial, broken_by(trial))

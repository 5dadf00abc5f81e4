"""Shrinks a simulated history that violates an invariant, so that it is easier to understand.

Faults, submissions, outages, wrong clocks and responses are removed one by one, as long as the same
invariant is still violated. A random value depends only on the seed and the name of its draw, so it
stays the same when something else is removed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from simulation.engine.plans import Listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from simulation.engine.faults import Fault
    from simulation.scenario import Scenario, Submission


@dataclass(frozen=True, slots=True)
class Trial:
    """A scenario with the faults that happen in it, listed by label."""

    scenario: Scenario
    faults: Mapping[str, Fault]

    def plan(self) -> Listed:
        """Return the plan that makes the listed faults happen."""
        return Listed(self.faults)


def shrink(trial: Trial, still_breaks: Callable[[Trial], bool]) -> Trial:
    """Make a trial smaller, step by step, as long as `still_breaks` returns True for it."""
    smaller: Trial | None = trial
    while smaller is not None:
        trial = smaller
        smaller = next((each for each in _smaller(trial) if still_breaks(each)), None)
    return trial


def _smaller(trial: Trial) -> Iterator[Trial]:
    """Yield the trials that are one step smaller, beginning with those that leave out most."""
    scenario = trial.scenario
    for index in range(len(scenario.submissions)):
        rest = scenario.submissions[:index] + scenario.submissions[index + 1 :]
        if rest:
            yield replace(trial, scenario=replace(scenario, submissions=rest))
    for index in range(len(scenario.interventions)):
        rest_of_acts = scenario.interventions[:index] + scenario.interventions[index + 1 :]
        yield replace(trial, scenario=replace(scenario, interventions=rest_of_acts))
    for index in range(len(scenario.outages)):
        rest_of_outages = scenario.outages[:index] + scenario.outages[index + 1 :]
        yield replace(trial, scenario=replace(scenario, outages=rest_of_outages))
    for label in trial.faults:
        faults = {name: fault for name, fault in trial.faults.items() if name != label}
        yield replace(trial, faults=faults)
    for smaller in _simpler(scenario):
        yield replace(trial, scenario=smaller)


def _simpler(scenario: Scenario) -> Iterator[Scenario]:
    yield from _simpler_world(scenario)
    for index, submission in enumerate(scenario.submissions):
        before, after = scenario.submissions[:index], scenario.submissions[index + 1 :]
        for simpler in _simpler_submissions(submission):
            yield replace(scenario, submissions=(*before, simpler, *after))
    used = {target for each in scenario.submissions for target in each.targets}
    for host, answers in scenario.endpoints.items():
        if host in used and len(answers) > 1:
            yield replace(scenario, endpoints={**scenario.endpoints, host: answers[:-1]})


def _simpler_world(scenario: Scenario) -> Iterator[Scenario]:
    for function in scenario.skews:
        rest = {name: skew for name, skew in scenario.skews.items() if name != function}
        yield replace(scenario, skews=rest)
    if scenario.doubles:
        yield replace(scenario, doubles=0.0)
    if not scenario.deployment.queue_is_fifo:
        fifo = replace(scenario.deployment, queue_is_fifo=True)
        yield replace(scenario, deployment=fifo, doubles=0.0)
    if scenario.workers > 1:
        yield replace(scenario, workers=scenario.workers - 1)


def _simpler_submissions(submission: Submission) -> Iterator[Submission]:
    if len(submission.targets) > 1:
        for target in submission.targets:
            yield replace(submission, targets=(target,))
    if submission.policy is not None:
        yield replace(submission, policy=None)

"""The simulation finds planted bugs, and shrinks the histories that show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from simulation.checks.invariants import violations
from simulation.engine.clock import SECOND
from simulation.engine.faults import Fault, FaultKind
from simulation.history import run_history
from simulation.search.drawing import draw_case
from simulation.search.exhaustive import SEED
from simulation.search.planted import PLANTED_BUGS
from simulation.search.report import story
from simulation.search.search import Finding, hunt, smallest
from simulation.search.shrink import Trial

if TYPE_CHECKING:
    from simulation.deployed.edges import Edges

BUGS = {bug.name: bug for bug in PLANTED_BUGS}

CAUGHT_BY = {
    "a dropped condition": "record_agrees",
    "acknowledging early": "accepted_reaches_an_end",
    "recording before sending": "one_end",
    "an unrounded wait": "never_early",
    "superseded treated as done": "end_on_record",
    "a hand-off without a name": "accepted_reaches_an_end",
    "a condition that locks out after a gap": "end_on_record",
    "one attempt too many": "limit_of_attempts",
    "a dead letter at the second receive only": "accepted_reaches_an_end",
    "no dead letter for a replayed record": "heals_at_once",
    "delivered, whatever is on record": "end_on_record",
    "a claim without a condition": "doubles_only_in_the_window",
    "a wait without an owner": "heals_at_once",
    "a redrive whatever is on record": "record_agrees",
    "a list computed anew": "list_is_frozen",
    "a detached message redelivered too early": "doubles_have_a_cause",
    "a watchdog that resumes too early": "never_early",
    "a watchdog that resumes nothing": "accepted_reaches_an_end",
    "a watchdog that overwrites a claim": "record_agrees",
    "a watchdog that sends no dead letter": "accepted_reaches_an_end",
    "a batch that accepts what the queue refused": "accepted_reaches_an_end",
    "a batch with the results of others": "list_is_frozen",
    "an ingest that reports nothing failed": "ingested_is_settled",
    "an ingest that sets nothing aside": "ingested_is_settled",
    "a turn too early": "in_order",
    "a turn that never comes": "no_line_stands_still",
    "two turns at once": "in_order",
    "a sequence used twice": "one_sequence",
    "a turn before a deadline": "in_order",
    "a duplicate on the other queue": "doubles_have_a_cause",
    "a rate slot taken twice": "pace_of_the_endpoint",
    "an attempt put off that counts": "attempts_are_made",
    "a pause that stops no attempt": "pause_is_kept",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught_by_a_fault_or_two(edges: Edges, name: str) -> None:
    found = hunt(BUGS[name], edges)
    assert found is not None
    _, finding = found
    assert CAUGHT_BY[name] in " ".join(finding.broken)
    assert len(finding.trial.faults) <= len(BUGS[name].given) + 1


# The faults that `hunt` found. If a label no longer fits, `hunt` finds the new one.
STALLED = Fault(FaultKind.STALL_AFTER, 90 * SECOND)
STOPPED = Fault(FaultKind.STOPPED)
REPLAYED: dict[str, dict[str, Fault]] = {
    "a dropped condition": {"worker-1/2:lambda.invoke": Fault(FaultKind.TWICE)},
    "acknowledging early": {"express:m0@a#1/1:lambda.invoke": Fault(FaultKind.CRASH_BEFORE)},
    "recording before sending": {"express:m0@a#1/1:dynamodb.update_item": Fault(FaultKind.LOST)},
    "superseded treated as done": {
        "worker-0/2:lambda.invoke": Fault(FaultKind.TWICE),
        "express:m0@a#1/4:lambda.invoke": STALLED,
    },
    "a condition that locks out after a gap": {
        "standard:m0@a/5:lambda.invoke": Fault(FaultKind.BROKEN)
    },
    "no dead letter for a replayed record": {
        "standard:m0@a/4:dynamodb.update_item": Fault(FaultKind.LOST)
    },
    "delivered, whatever is on record": {
        "worker-0/2:lambda.invoke": Fault(FaultKind.TWICE),
        "express:m0@a#1/4:lambda.invoke": STALLED,
    },
    "a wait without an owner": {"worker-0/2:lambda.invoke": Fault(FaultKind.TWICE)},
    "a redrive whatever is on record": {
        "operator:REDRIVE_DEAD_LETTERS:m0@a+5000/3:dynamodb.update_item": Fault(
            FaultKind.LATE, 90 * SECOND
        )
    },
    "a watchdog that resumes too early": {
        "standard:m0@a@1:WaitUntilDue": STOPPED,
        "standard:m1@b@1:WaitUntilDue": STOPPED,
    },
    "a watchdog that resumes nothing": {"standard:m0@a@1:WaitUntilDue": STOPPED},
    "a watchdog that overwrites a claim": {
        "standard:m0@a@1:WaitUntilDue": STOPPED,
        "watchdog#1/1:lambda.invoke": Fault(FaultKind.TWICE),
        "watchdog#1/1:lambda.invoke/20:dynamodb.get_item": STALLED,
    },
    "a watchdog that sends no dead letter": {"standard:m0@a@6:DeadLetter": STOPPED},
    "a batch that accepts what the queue refused": {
        "sender:together-0/2:lambda.invoke": Fault(FaultKind.STALL_BEFORE, 90 * SECOND)
    },
    "an ingest that reports nothing failed": {
        "ingest-0/2:lambda.invoke/3:sqs.send_message": Fault(FaultKind.REFUSED)
    },
    "a turn too early": {"sender:m0#1/2:lambda.invoke": Fault(FaultKind.BROKEN)},
    "a sequence used twice": {
        "sender:m0#1/2:lambda.invoke/1:dynamodb.put_item": Fault(FaultKind.TWICE)
    },
    "a turn before a deadline": {
        "express:m0@a#1/1:lambda.invoke/3:http.post": Fault(FaultKind.LATE, 3_000)
    },
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught_by_the_faults_that_showed_it(edges: Edges, name: str) -> None:
    bug = BUGS[name]
    plan = Trial(bug.scenario, REPLAYED.get(name, {})).plan()
    with bug.patch():
        history = run_history(bug.scenario, plan, SEED, edges, bug.programs())
    assert CAUGHT_BY[name] in " ".join(map(str, violations(history)))


@pytest.mark.parametrize("name", BUGS)
def test_its_scenario_keeps_every_promise_without_it(edges: Edges, name: str) -> None:
    scenario = BUGS[name].scenario
    assert violations(run_history(scenario, Trial(scenario, {}).plan(), 1, edges)) == []


def first_random_finding(edges: Edges, name: str) -> Finding:
    bug = BUGS[name]
    programs = bug.programs()
    for seed in range(500):
        case = draw_case(seed)
        plan = case.plan()
        history = run_history(case.scenario, plan, seed, edges, programs)
        broken = tuple(map(str, violations(history)))
        if broken and len(plan.met) > 1:
            return Finding(seed, Trial(case.scenario, plan.met), broken)
    raise AssertionError("not found")


def test_a_random_history_that_shows_a_bug_is_shrunk_and_printed(edges: Edges) -> None:
    name = "a condition that locks out after a gap"
    programs = BUGS[name].programs()
    found = first_random_finding(edges, name)
    small = smallest(found, edges, programs)
    assert len(small.trial.faults) + len(small.trial.scenario.outages) == 1
    assert len(small.trial.scenario.submissions) == 1
    told = "\n".join(story(small, edges, programs))
    assert f"seed {found.seed}" in told
    assert "-> Deliver" in told
    assert small.broken[0] in told


def test_a_history_is_the_same_every_time(edges: Edges) -> None:
    def told() -> list[tuple[int, str, str]]:
        case = draw_case(7)
        return run_history(case.scenario, case.plan(), 7, edges, trace=True).trace

    assert told() == told()
    assert len(told()) > 20

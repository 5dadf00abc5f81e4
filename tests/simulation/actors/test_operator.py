"""Operators in simulated histories: whenever they act, nothing is duplicated or lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from homing.ledger.table import Ledger
from simulation.checks.invariants import violations
from simulation.deployment import Deployment
from simulation.engine.clock import HOUR, SECOND
from simulation.engine.faults import Fault, FaultKind
from simulation.history import run_history
from simulation.items import history_of, redrives_of, status_of
from simulation.scenario import Act, Answer, Intervention, Outage, Scenario, Submission
from simulation.search.exhaustive import SEED, operators_at_every_instant, scenarios_of_one

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulation.deployed.edges import Edges
    from simulation.history import History

GOOD, BUSY, GONE = Answer(200), Answer(503), Answer(410)
MINUTES = 60 * SECOND


def acting(*acts: tuple[Act, int], answers: tuple[Answer, ...], **given: object) -> Scenario:
    interventions = tuple(Intervention(act, "m0", "a", at) for act, at in acts)
    scenario = Scenario((Submission("m0", ("a",)),), {"a": answers}, interventions=interventions)
    return replace(scenario, **given)  # type: ignore[arg-type]  # fields of a scenario


def attempts(history: History) -> list[tuple[int, int]]:
    return [(sent.run, sent.attempt) for sent in history.journal.sent]


@pytest.mark.parametrize(
    "number", [1, 4, 9], ids=["a retry", "given up", "a limit, express path off"]
)
def test_whatever_an_operator_does_at_whatever_instant_breaks_no_promise(
    edges: Edges, number: int
) -> None:
    """`make simulate` runs the other scenarios."""
    trials = list(operators_at_every_instant(list(scenarios_of_one())[number], edges))
    broken = {}
    for trial in trials:
        found = violations(run_history(trial.scenario, trial.plan(), SEED, edges))
        if found:
            broken[trial.scenario.interventions] = found
    assert broken == {}
    assert len(trials) > 100


@pytest.mark.parametrize("act", [Act.REDRIVE, Act.REDRIVE_DEAD_LETTERS])
@pytest.mark.parametrize("express_path", [True, False], ids=["express path on", "express path off"])
def test_a_redrive_begins_anew_with_the_same_id_and_keeps_the_history(
    run: Callable[..., History], act: Act, express_path: bool
) -> None:
    deployment = Deployment(express_path_is_on=express_path)
    history = run(
        acting((act, HOUR), answers=(BUSY, BUSY, BUSY, BUSY, GOOD), deployment=deployment)
    )
    assert violations(history) == []
    assert [result for _, result in history.journal.acted] == ["REDRIVEN"]
    assert attempts(history) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    assert {sent.webhook_id for sent in history.journal.sent} == {"m0"}
    (item,) = history.ledger.values()
    assert (status_of(item), len(history_of(item)), redrives_of(item)) == ("DELIVERED", 5, 1)


@pytest.mark.parametrize("act", [Act.REDRIVE, Act.REDRIVE_DEAD_LETTERS])
def test_two_equal_redrives_start_a_delivery_once(run: Callable[..., History], act: Act) -> None:
    times = (HOUR, HOUR, HOUR + 3, HOUR + SECOND, 2 * HOUR)
    history = run(acting(*((act, at) for at in times), answers=(GONE, GOOD)))
    assert violations(history) == []
    assert attempts(history) == [(0, 0), (1, 0)]


def test_retry_now_cuts_a_wait_short_and_the_sleeping_execution_stops_when_it_wakes(
    run: Callable[..., History],
) -> None:
    hours = Answer(503, retry_after="3600")
    history = run(acting((Act.RETRY_NOW, MINUTES), answers=(hours, GOOD)))
    assert violations(history) == []
    assert attempts(history) == [(0, 0), (0, 1)]
    first, second = (sent.instant for sent in history.journal.sent)
    assert second - first < 2 * MINUTES
    ends = [each.output for each in history.journal.executions if not each.is_express]
    assert sorted(end["end"] for end in ends) == ["DELIVERED", "SUPERSEDED"]


def test_a_cancelled_delivery_stays_cancelled_and_nothing_is_dead_lettered(
    run: Callable[..., History],
) -> None:
    acts = ((Act.CANCEL, 700), (Act.RETRY_NOW, 900), (Act.REDRIVE, 60_000))
    history = run(acting(*acts, answers=(BUSY, GOOD)))
    assert violations(history) == []
    results = [result for _, result in history.journal.acted]
    assert results == ["CANCELLED", "ENDED", "ENDED"]
    assert (attempts(history), history.journal.dead) == ([(0, 0)], {})
    assert [status_of(item) for item in history.ledger.values()] == ["CANCELLED"]


def test_a_redrive_killed_between_record_and_start_is_finished_by_the_next_one(
    run: Callable[..., History],
) -> None:
    """See docs/decisions/0054. The simulation found this case."""
    faults = {"operator:REDRIVE:m0@a+60000/6:states.start_execution": Fault(FaultKind.CRASH_BEFORE)}
    history = run(acting((Act.REDRIVE, 60_000), answers=(BUSY, BUSY, BUSY, GOOD)), faults)
    assert history.faults == faults
    assert violations(history) == []
    assert attempts(history) == [(0, 0), (0, 1), (0, 2), (1, 0)]


def test_operators_act_on_when_what_they_need_is_back(run: Callable[..., History]) -> None:
    outage = Outage("states", 50_000, HOUR)
    answers = (BUSY, BUSY, BUSY, GOOD)
    history = run(acting((Act.REDRIVE_DEAD_LETTERS, 60_000), answers=answers, outages=(outage,)))
    assert violations(history) == []
    assert attempts(history)[-1] == (1, 0)


def test_a_request_that_sets_out_after_a_cancellation_is_a_violation(
    run: Callable[..., History], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "claim", lambda *given, **_: given[2])
    history = run(acting((Act.CANCEL, 700), answers=(BUSY, GOOD)))
    assert "cancelled_stays_cancelled" in {each.invariant for each in violations(history)}


def test_a_large_cohort_of_every_scenario_with_operators_among_it_breaks_no_promise(
    run: Callable[..., History],
) -> None:
    """200 messages at once, a fifth of them to endpoints that fail; every tenth is redriven."""
    scenarios = {"a": (GOOD,), "b": (BUSY,), "c": (GONE,), "d": (BUSY, GOOD)}
    hosts = ("a",) * 16 + ("b", "c", "d", "d")
    submissions = tuple(Submission(f"m{n}", (hosts[n % 20],), at=n) for n in range(200))
    acts = tuple(
        Intervention(Act.REDRIVE, f"m{n}", hosts[n % 20], 60_000 + n) for n in range(0, 200, 10)
    ) + tuple(Intervention(Act.CANCEL, f"m{n}", "d", 1_200) for n in range(18, 200, 20))
    history = run(Scenario(submissions, scenarios, interventions=acts, workers=10))
    assert violations(history) == []
    assert len(history.ledger) == len(history.journal.accepted) == 200
    assert {status_of(item) for item in history.ledger.values()} >= {
        *("DELIVERED", "FAILED", "MAX_RETRIES_EXCEEDED")
    }

"""The stampede simulation: how deliveries that failed together are retried."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.stampede import CASES, COHORT, HEAD, PLOTTED, Case, row, simulate
from homing.retry.policy import Jitter, Policy

UP_AFTER_10 = Case("down for 10 s", 10)
SMALL = 500


def test_without_jitter_everybody_comes_back_in_the_same_second() -> None:
    run = simulate(UP_AFTER_10, Jitter.NONE, cohort=SMALL)
    assert run.peak() == 1
    assert len(run.arrivals) == run.requests / SMALL - 1


def test_without_jitter_retries_come_when_the_policy_says() -> None:
    """They come 1, 2, 4 and 8 s after attempts, which take 0.3 s, each on a whole second."""
    run = simulate(UP_AFTER_10, Jitter.NONE, cohort=1)
    assert sorted(run.arrivals) == [2, 5, 10]


@pytest.mark.parametrize("jitter", [one for one in Jitter if one is not Jitter.NONE])
def test_jitter_breaks_the_crowd_up(jitter: Jitter) -> None:
    assert simulate(UP_AFTER_10, jitter, cohort=SMALL).peak() < 0.8


@pytest.mark.parametrize("jitter", Jitter)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_delivery_is_lost(case: Case, jitter: Jitter) -> None:
    run = simulate(case, jitter, cohort=SMALL)
    assert run.requests == SMALL + sum(run.arrivals.values())
    assert run.drained >= case.down_seconds
    assert run.dead_lettered < SMALL


def test_an_endpoint_takes_no_more_than_its_capacity() -> None:
    case = Case("always up, 100/s", 0, capacity=100)
    run = simulate(case, Jitter.NONE, cohort=SMALL)
    assert sorted(run.arrivals.values(), reverse=True) == [400, 300, 200, 100]
    assert run.dead_lettered == 0


def test_a_delivery_without_attempts_left_is_dead_lettered() -> None:
    case = replace(UP_AFTER_10, policy=Policy(max_attempts=3))
    run = simulate(case, Jitter.FULL, cohort=SMALL)
    assert run.dead_lettered == SMALL
    assert run.requests == 3 * SMALL


def test_retry_after_brings_everybody_back_at_once() -> None:
    case = Case("503 with Retry-After: 30", 20, retry_after_seconds=30)
    assert simulate(case, Jitter.FULL, cohort=SMALL).peak() == 1


def test_the_same_seed_makes_the_same_run() -> None:
    first, second = (simulate(UP_AFTER_10, Jitter.FULL, cohort=SMALL) for _ in range(2))
    other = simulate(UP_AFTER_10, Jitter.FULL, cohort=SMALL, seed=1)
    assert first == second
    assert other != first


@pytest.mark.parametrize("jitter", [Jitter.EQUAL, Jitter.FULL])
def test_the_page_shows_the_results_of_the_simulation(jitter: Jitter) -> None:
    page = (Path(__file__).parents[3] / "docs" / "retry-policy.md").read_text()
    assert f"| {' | '.join(HEAD)} |" in page
    assert f"| {' | '.join(row(PLOTTED, jitter, COHORT))} |" in page

"""What-if: the schedule of a policy, and the load of many deliveries that failed together."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.retry.backoff import longest_delay_ms
from homing.retry.policy import PRESETS, Jitter, Policy
from homing_cli.what_if.schedule import offsets_ms, schedule, stampede

policies = st.builds(
    Policy,
    max_attempts=st.integers(1, 20),
    base_delay_seconds=st.integers(0, 600),
    multiplier=st.sampled_from([1, 1.5, 2, 3]),
    max_delay_seconds=st.integers(600, 86_400),
    jitter=st.sampled_from(list(Jitter)),
)


@pytest.mark.parametrize(
    ("jitter", "earliest", "middle", "latest"),
    [
        (Jitter.NONE, [0, 1000, 3000, 7000], [0, 1000, 3000, 7000], [0, 1000, 3000, 7000]),
        (Jitter.ADDITIVE, [0, 1000, 3000, 7000], [0, 1500, 4000, 8500], [0, 1999, 4998, 9997]),
        (Jitter.FULL, [0, 0, 0, 0], [0, 500, 1500, 3500], [0, 999, 2998, 6997]),
        (Jitter.EQUAL, [0, 500, 1500, 3500], [0, 750, 2250, 5250], [0, 999, 2998, 6997]),
        (
            Jitter.DECORRELATED,
            [0, 1000, 2000, 3000],
            [0, 2000, 5500, 11_250],
            [0, 2999, 11_995, 38_982],
        ),
    ],
)
def test_each_jitter_strategy_spreads_attempts_over_its_band(
    jitter: Jitter, earliest: list[int], middle: list[int], latest: list[int]
) -> None:
    steps = schedule(Policy(max_attempts=4, jitter=jitter))
    assert [step.earliest_ms for step in steps] == earliest
    assert [step.middle_ms for step in steps] == middle
    assert [step.latest_ms for step in steps] == latest


def test_a_schedule_is_followed_wait_by_wait() -> None:
    waits = PRESETS["standard-webhooks"].schedule
    policy = Policy(max_attempts=10, schedule=waits, jitter=Jitter.NONE)
    ends = [sum(waits[: n + 1]) * 1000 for n in range(10)]
    assert [step.middle_ms for step in schedule(policy)] == ends


@given(policies)
def test_the_first_attempt_is_at_nothing_and_none_comes_before_the_one_before(
    policy: Policy,
) -> None:
    steps = schedule(policy)
    assert len(steps) == policy.max_attempts
    assert (steps[0].earliest_ms, steps[0].latest_ms) == (0, 0)
    for before, after in pairwise(steps):
        assert before.earliest_ms <= after.earliest_ms
        assert after.earliest_ms <= after.middle_ms <= after.latest_ms


@given(policies)
def test_no_attempt_is_later_than_the_longest_delays_allow(policy: Policy) -> None:
    longest = sum(longest_delay_ms(policy, n) for n in range(policy.max_attempts - 1))
    assert schedule(policy)[-1].latest_ms <= longest


@given(policies, st.floats(0, 1, exclude_max=True))
def test_any_draw_stays_within_the_band(policy: Policy, draw: float) -> None:
    for step, offset in zip(schedule(policy), offsets_ms(policy, lambda: draw), strict=True):
        assert step.earliest_ms <= offset <= step.latest_ms


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(policies, st.integers(1, 1_000_000))
def test_every_delivery_of_a_stampede_arrives_once_with_each_attempt(
    policy: Policy, deliveries: int
) -> None:
    waves = stampede(policy, deliveries)
    assert len(waves) == policy.max_attempts - 1
    for wave in waves:
        assert sum(wave.per_second) * wave.width_s == pytest.approx(deliveries)
        assert wave.peak <= deliveries


def test_without_jitter_all_come_back_within_two_seconds() -> None:
    """They failed within one second, and a wait ends on a whole second."""
    (wave,) = stampede(Policy(max_attempts=2, base_delay_seconds=60, jitter=Jitter.NONE), 10_000)
    assert (wave.start_s, wave.width_s) == (60, 1)
    assert wave.peak > 9_900


def test_full_jitter_spreads_a_stampede_evenly_over_its_delay() -> None:
    (wave,) = stampede(Policy(max_attempts=2, base_delay_seconds=640, jitter=Jitter.FULL), 64_000)
    assert wave.peak == pytest.approx(100, rel=0.1)


def test_the_same_policy_always_has_the_same_figures() -> None:
    policy = Policy(max_attempts=5, jitter=Jitter.DECORRELATED)
    assert stampede(policy, 1000) == stampede(policy, 1000)

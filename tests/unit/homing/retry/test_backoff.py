from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.retry.backoff import (
    ADDITIVE_JITTER_MS,
    compute_backoff,
    exponential_delay_ms,
    longest_delay_ms,
    to_milliseconds,
    to_seconds,
)
from homing.retry.policy import MAX_DELAY_LIMIT_SECONDS, PRESETS, Jitter, Policy

DAY = 86_400


def never() -> float:
    raise AssertionError("no draw was called for")


def test_without_jitter_the_delay_doubles_up_to_the_cap() -> None:
    policy = Policy(jitter=Jitter.NONE, max_delay_seconds=10)
    delays = [compute_backoff(policy, number, draw=never).delay_ms for number in range(6)]
    assert delays == [1000, 2000, 4000, 8000, 10_000, 10_000]


# Base 4 s, doubling, attempt 1: the exponential delay is 8 s. The previous delay was 5 s.
@pytest.mark.parametrize(
    ("jitter", "draw", "delay_ms"),
    [
        (Jitter.ADDITIVE, 0.0, 8000),
        (Jitter.ADDITIVE, 0.25, 8250),
        (Jitter.ADDITIVE, 0.9999999, 8999),
        (Jitter.FULL, 0.0, 0),
        (Jitter.FULL, 0.5, 4000),
        (Jitter.FULL, 0.9999999, 7999),
        (Jitter.EQUAL, 0.0, 4000),
        (Jitter.EQUAL, 0.5, 6000),
        (Jitter.EQUAL, 0.9999999, 7999),
        (Jitter.DECORRELATED, 0.0, 4000),
        (Jitter.DECORRELATED, 0.5, 9500),
        (Jitter.DECORRELATED, 0.9999999, 14_999),
    ],
)
def test_each_strategy_makes_of_a_draw_what_its_formula_says(
    jitter: Jitter, draw: float, delay_ms: int
) -> None:
    policy = Policy(base_delay_seconds=4, jitter=jitter)
    backoff = compute_backoff(policy, 1, draw=lambda: draw, previous_delay_ms=5000)
    assert backoff.exponential_ms == 8000
    assert backoff.delay_ms == delay_ms
    assert backoff.exponential_ms + backoff.jitter_ms == delay_ms


def test_decorrelated_jitter_starts_from_the_base_where_there_was_no_delay_before() -> None:
    policy = Policy(base_delay_seconds=2, jitter=Jitter.DECORRELATED)
    assert compute_backoff(policy, 0, draw=lambda: 0.5).delay_ms == 4000


def test_decorrelated_jitter_stays_under_the_cap() -> None:
    policy = Policy(base_delay_seconds=2, max_delay_seconds=9, jitter=Jitter.DECORRELATED)
    backoff = compute_backoff(policy, 5, draw=lambda: 0.99, previous_delay_ms=8000)
    assert backoff.delay_ms == 9000


@pytest.mark.parametrize(
    ("schedule", "delays"),
    [
        ((5, 300), [5000, 300_000, 300_000]),
        ((0, 5, 300), [5000, 300_000, 300_000]),
        ((0.25,), [250, 250, 250]),
        ((0, 0, 7), [0, 7000, 7000]),
    ],
)
def test_a_schedule_has_one_delay_per_failure_and_its_last_delay_repeats(
    schedule: tuple[float, ...], delays: list[int]
) -> None:
    policy = Policy(schedule=schedule, jitter=Jitter.NONE)
    assert [compute_backoff(policy, number, draw=never).delay_ms for number in range(3)] == delays


def test_the_standard_webhooks_preset_is_the_published_one() -> None:
    minute, hour = 60, 3600
    expected = (0, 5, 5 * minute, 30 * minute, *(hours * hour for hours in (2, 5, 10, 14, 20, 24)))
    assert PRESETS["standard-webhooks"].schedule == expected
    assert len(Policy(schedule=PRESETS["standard-webhooks"].schedule).waits) == 9


@pytest.mark.parametrize(
    ("retry_after_ms", "delay_ms"),
    [(None, 1500), (1, 1500), (1500, 1500), (1501, 1501), (3000, 3000), (10**15, DAY * 1000)],
)
def test_retry_after_is_a_floor_bounded_by_the_ceiling(
    retry_after_ms: int | None, delay_ms: int
) -> None:
    policy = Policy(retry_after_ceiling_seconds=DAY)
    backoff = compute_backoff(policy, 0, draw=lambda: 0.5, retry_after_ms=retry_after_ms)
    assert backoff.delay_ms == delay_ms


seconds = st.floats(0, MAX_DELAY_LIMIT_SECONDS, allow_nan=False)
policies = st.builds(
    Policy,
    base_delay_seconds=seconds,
    multiplier=st.floats(1, 100),
    max_delay_seconds=seconds,
    jitter=st.sampled_from(Jitter),
    schedule=st.none() | st.lists(seconds, min_size=1, max_size=20).map(tuple),
    retry_after_ceiling_seconds=seconds,
)
draws = st.floats(0, 1, exclude_max=True)


@given(
    policy=policies,
    attempt_number=st.integers(0, 10**9),
    draw=draws,
    previous_delay_ms=st.none() | st.integers(0, MAX_DELAY_LIMIT_SECONDS * 1000),
    retry_after_ms=st.none() | st.integers(1, 10**18),
)
def test_a_delay_is_never_negative_never_under_retry_after_never_over_its_longest(
    policy: Policy,
    attempt_number: int,
    draw: float,
    previous_delay_ms: int | None,
    retry_after_ms: int | None,
) -> None:
    backoff = compute_backoff(
        policy,
        attempt_number,
        draw=lambda: draw,
        previous_delay_ms=previous_delay_ms,
        retry_after_ms=retry_after_ms,
    )
    ceiling = to_milliseconds(policy.retry_after_ceiling_seconds)
    assert 0 <= backoff.exponential_ms + backoff.jitter_ms <= backoff.delay_ms
    assert backoff.delay_ms >= min(retry_after_ms or 0, ceiling)
    assert backoff.delay_ms <= longest_delay_ms(policy, attempt_number)


@given(policy=policies, attempt_number=st.integers(0, 10**9), draw=draws)
def test_each_strategy_keeps_to_its_bounds(
    policy: Policy, attempt_number: int, draw: float
) -> None:
    v = exponential_delay_ms(policy, attempt_number)
    cap = to_milliseconds(policy.max_delay_seconds)
    base = to_milliseconds(policy.base_delay_seconds)
    low, high = {
        Jitter.ADDITIVE: (v, v + ADDITIVE_JITTER_MS - 1),
        Jitter.FULL: (0, v),
        Jitter.EQUAL: (v // 2, v),
        Jitter.DECORRELATED: (min(cap, base), cap),
        Jitter.NONE: (v, v),
    }[policy.jitter]
    backoff = compute_backoff(policy, attempt_number, draw=lambda: draw)
    assert low <= backoff.delay_ms <= high


@given(policy=policies, attempt_number=st.integers(0, 10**6))
def test_without_a_schedule_the_exponential_delay_never_shrinks(
    policy: Policy, attempt_number: int
) -> None:
    policy = replace(policy, schedule=None)
    cap = to_milliseconds(policy.max_delay_seconds)
    this, following = (exponential_delay_ms(policy, attempt_number + n) for n in (0, 1))
    assert this <= following <= cap


@given(st.integers(0, 10**12))
def test_milliseconds_survive_being_written_as_seconds(milliseconds: int) -> None:
    assert to_milliseconds(to_seconds(milliseconds)) == milliseconds


def test_whole_seconds_are_written_without_a_point() -> None:
    assert [repr(to_seconds(ms)) for ms in (0, 1000, 1250, 750)] == ["0", "1", "1.25", "0.75"]


def test_an_odd_delay_is_halved_to_whole_milliseconds() -> None:
    policy = Policy(base_delay_seconds=0.003, jitter=Jitter.EQUAL)
    backoff = compute_backoff(policy, 0, draw=lambda: 0.0)
    assert (backoff.delay_ms, type(backoff.jitter_ms)) == (1, int)


@pytest.mark.parametrize(("base_seconds", "delay_ms"), [(0, 0), (0.001, 3_600_000)])
def test_a_base_of_nothing_stays_nothing_however_often_it_is_multiplied(
    base_seconds: float, delay_ms: int
) -> None:
    assert exponential_delay_ms(Policy(base_delay_seconds=base_seconds), 10_000) == delay_ms

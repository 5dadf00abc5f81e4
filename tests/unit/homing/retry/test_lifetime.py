"""A delivery must end within the year that an execution can last."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.retry.backoff import longest_delay_ms
from homing.retry.lifetime import YEAR, fit_lifetime
from homing.retry.policy import Jitter, Policy

DAY = 86_400


@pytest.mark.parametrize(
    ("policy", "first_attempt_in"),
    [
        (Policy(), timedelta()),
        (Policy(max_attempts=20), timedelta(days=300)),
        (Policy(max_attempts=1), YEAR - timedelta(hours=1)),
        (Policy(max_attempts=2, schedule=(364 * DAY,), retry_after_ceiling_seconds=0), timedelta()),
    ],
)
def test_a_policy_with_room_stays_as_it_is(policy: Policy, first_attempt_in: timedelta) -> None:
    assert fit_lifetime(policy, first_attempt_in) == policy


@pytest.mark.parametrize(
    ("policy", "first_attempt_in"),
    [
        (Policy(), YEAR),
        (Policy(max_attempts=1), YEAR),
        (Policy(max_attempts=3, schedule=(183 * DAY,)), timedelta()),
        (Policy(max_attempts=2, schedule=(2 * DAY,)), timedelta(days=364)),
    ],
)
def test_a_policy_without_room_is_refused(policy: Policy, first_attempt_in: timedelta) -> None:
    with pytest.raises(ValueError, match="does not fit all attempts"):
        fit_lifetime(policy, first_attempt_in)


def test_retry_after_is_bounded_by_what_is_left_of_the_year() -> None:
    policy = replace(Policy(), jitter=Jitter.NONE)  # two waits, 3 seconds in all
    fitted = fit_lifetime(policy, YEAR - timedelta(hours=2))
    assert fitted == replace(policy, retry_after_ceiling_seconds=(3600 - 3) // 2)


@given(
    st.builds(
        Policy,
        max_attempts=st.integers(1, 20),
        base_delay_seconds=st.integers(0, DAY),
        max_delay_seconds=st.integers(DAY, 365 * DAY),
        multiplier=st.sampled_from([1, 1.5, 2, 100]),
        jitter=st.sampled_from(Jitter),
        retry_after_ceiling_seconds=st.integers(0, 365 * DAY),
    ),
    st.timedeltas(timedelta(), YEAR),
)
def test_whatever_is_accepted_ends_within_the_year(
    policy: Policy, first_attempt_in: timedelta
) -> None:
    try:
        fitted = fit_lifetime(policy, first_attempt_in)
    except ValueError:
        return
    own = replace(fitted, retry_after_ceiling_seconds=0)
    waits_ms = [
        max(longest_delay_ms(own, number), fitted.retry_after_ceiling_seconds * 1000)
        for number in range(fitted.max_attempts - 1)
    ]
    assert first_attempt_in + timedelta(milliseconds=sum(waits_ms)) < YEAR

"""The rate slots of an endpoint (GCRA)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from homing.endpoints.rate import (
    HIGHEST_RATE,
    LOWEST_RATE,
    Pace,
    from_microseconds,
    interval_of,
    to_microseconds,
)

START = datetime(2025, 12, 28, 12, tzinfo=UTC)

RATES = st.floats(LOWEST_RATE, HIGHEST_RATE)
# How long after the previous attempt each one comes: bursts, and pauses of all lengths.
GAPS = st.lists(
    st.one_of(st.just(0), st.integers(0, 10_000), st.integers(0, 300_000_000)), max_size=60
)


def slots(rate: float, gaps: list[int]) -> list[tuple[datetime, datetime]]:
    """Return for each attempt when it came, and the slot that it got."""
    pace, taken = Pace(START, interval_of(rate)), []
    for microseconds in accumulate(gaps):
        now = START + timedelta(microseconds=microseconds)
        slot, pace = pace.taken(now)
        taken.append((now, slot))
    return taken


@given(RATES, GAPS)
def test_no_attempt_is_early_and_none_shares_its_slot(rate: float, gaps: list[int]) -> None:
    taken = slots(rate, gaps)
    assert all(slot >= now for now, slot in taken)
    assert len({slot for _, slot in taken}) == len(taken)


@given(RATES, GAPS)
def test_no_stretch_of_time_has_more_attempts_than_the_rate_allows(
    rate: float, gaps: list[int]
) -> None:
    at = [slot for _, slot in slots(rate, gaps)]
    for first in range(len(at)):
        for last in range(first + 1, len(at)):
            assert last - first <= (at[last] - at[first]).total_seconds() * rate * (1 + 1e-9)


@given(RATES, st.integers(2, 60))
def test_attempts_that_wait_use_every_slot(rate: float, count: int) -> None:
    """So the rate is reached, except for the rounding of the interval."""
    (_, first), *_, (_, last) = slots(rate, [0] * count)
    most = timedelta(seconds=(count - 1) / rate)
    assert most * (1 - 1e-9) <= last - first <= most + count * timedelta(microseconds=1)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 -- given a zone
def test_a_time_is_the_same_in_microseconds(instant: datetime) -> None:
    assert from_microseconds(to_microseconds(instant)) == instant

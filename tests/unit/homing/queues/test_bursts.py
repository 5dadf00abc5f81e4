"""The burst of a sender: which messages go to the delivery queue, and which to the bulk queue."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.queues.bursts import BURST, PER_SECOND, Bursts


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> int:
        return round(self.now * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bursts(clock: Clock) -> Bursts:
    return Bursts(clock)


def test_a_sender_has_its_burst_at_once_and_another_sender_has_its_own(bursts: Bursts) -> None:
    assert not any(bursts.is_beyond("shop", 1) for _ in range(BURST))
    assert bursts.is_beyond("shop", 1)
    assert not bursts.is_beyond("another", 1)


def test_the_burst_comes_back_second_by_second(bursts: Bursts, clock: Clock) -> None:
    bursts.is_beyond("shop", BURST)
    clock.now = 1 / PER_SECOND
    assert [bursts.is_beyond("shop", 1) for _ in range(2)] == [False, True]
    clock.now = 3600
    assert [bursts.is_beyond("shop", BURST) for _ in range(2)] == [False, True]


def test_an_event_for_more_endpoints_than_the_burst_is_none_of_a_flood_by_itself(
    bursts: Bursts, clock: Clock
) -> None:
    assert not bursts.is_beyond("shop", 100)
    assert bursts.is_beyond("shop", 1)
    clock.now = 100 / PER_SECOND
    assert not bursts.is_beyond("shop", 100)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, BURST)), max_size=40))
def test_no_stretch_of_time_has_more_than_the_burst_and_what_comes_back_meanwhile(
    messages: list[tuple[float, int]],
) -> None:
    clock = Clock()
    bursts, first = Bursts(clock), []
    for gap, deliveries in messages:
        clock.now += gap
        if not bursts.is_beyond("shop", deliveries):
            first.append((clock.now, deliveries))
    for begin in range(len(first)):
        for end in range(begin, len(first)):
            counted = sum(deliveries for _, deliveries in first[begin : end + 1])
            assert counted <= BURST + PER_SECOND * (first[end][0] - first[begin][0]) + 1e-6

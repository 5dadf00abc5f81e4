"""The gate before the lane: who gets in, who waits, and who is shed until when."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from homing.endpoint_gate import EndpointGate

START = datetime(2025, 12, 28, 12, 0, 0, tzinfo=UTC)
SLOW, OTHER = "https://slow.example.com/hook", "https://quick.example.com/hook"
TIMEOUT, SLOW_AFTER = timedelta(seconds=15), timedelta(seconds=5)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> EndpointGate:
    return EndpointGate(3, TIMEOUT, SLOW_AFTER, clock)


def make_slow(gate: EndpointGate, clock: Clock, url: str = SLOW) -> None:
    assert gate.enter(url) is None
    clock.advance(15)
    gate.leave(url, 15_000)


def shed(gate: EndpointGate, url: str = SLOW) -> datetime:
    due = gate.enter(url)
    assert due is not None
    return due


def test_a_quick_endpoint_is_let_in_again_and_again(gate: EndpointGate) -> None:
    for _ in range(100):
        assert gate.enter(OTHER) is None
        gate.leave(OTHER, 12)


def test_what_an_endpoint_that_timed_out_is_sent_is_shed_one_by_one_and_others_are_not(
    gate: EndpointGate, clock: Clock
) -> None:
    """Three at once that take 15 s each are one every 5 s."""
    make_slow(gate, clock)
    waits = [(shed(gate) - clock.now).total_seconds() for _ in range(4)]
    assert waits == [5, 10, 15, 20]
    assert gate.enter(OTHER) is None


def test_an_attempt_of_which_nothing_is_known_makes_no_endpoint_slow_nor_quick(
    gate: EndpointGate, clock: Clock
) -> None:
    """It broke, or waited for Lambda and not for the endpoint."""
    assert gate.enter(OTHER) is None
    gate.leave(OTHER, None)
    assert gate.enter(OTHER) is None
    make_slow(gate, clock)
    clock.advance(60)
    assert gate.enter(SLOW) is None
    gate.leave(SLOW, None)
    assert gate.enter(SLOW) is None
    assert gate.enter(SLOW)


def test_the_path_does_not_matter_and_the_port_does(gate: EndpointGate, clock: Clock) -> None:
    make_slow(gate, clock)
    assert gate.enter("https://SLOW.example.com/other?x=1")
    assert gate.enter("https://slow.example.com:8443/hook") is None


def test_after_a_minute_one_attempt_finds_out_whether_it_is_well(
    gate: EndpointGate, clock: Clock
) -> None:
    make_slow(gate, clock)
    clock.advance(60)
    assert gate.enter(SLOW) is None
    assert gate.enter(SLOW)
    gate.leave(SLOW, 12)
    assert [gate.enter(SLOW) for _ in range(3)] == [None] * 3


def test_one_that_stays_slow_is_asked_less_and_less_often(gate: EndpointGate, clock: Clock) -> None:
    for minutes in (1, 2, 4, 8, 16, 16):
        make_slow(gate, clock)
        clock.advance(minutes * 60 - 1)
        assert gate.enter(SLOW)
        clock.advance(1)


def test_nothing_is_put_off_for_more_than_an_hour(gate: EndpointGate, clock: Clock) -> None:
    make_slow(gate, clock)
    waits = [shed(gate) - clock.now for _ in range(1000)]
    assert max(waits) == timedelta(hours=1)


def test_beyond_the_bound_a_delivery_waits_for_its_turn(gate: EndpointGate, clock: Clock) -> None:
    for _ in range(3):
        assert gate.enter(OTHER) is None
    answers: list[datetime | None] = []
    waiting = threading.Thread(target=lambda: answers.append(gate.enter(OTHER)))
    waiting.start()
    gate.leave(OTHER, 12)
    waiting.join(10)
    assert answers == [None]


def test_who_waits_for_a_turn_is_shed_when_the_endpoint_turns_out_slow(
    gate: EndpointGate, clock: Clock
) -> None:
    for _ in range(3):
        assert gate.enter(SLOW) is None
    answers: list[datetime | None] = []
    waiting = threading.Thread(target=lambda: answers.append(gate.enter(SLOW)))
    waiting.start()
    gate.leave(SLOW, 5_000)
    waiting.join(10)
    assert answers == [clock.now + timedelta(seconds=5)]


def test_who_waits_for_a_turn_is_shed_after_the_time_that_an_attempt_may_take() -> None:
    gate = EndpointGate(1, timedelta(milliseconds=20), SLOW_AFTER)
    assert gate.enter(SLOW) is None
    assert gate.enter(SLOW)


def test_origins_are_forgotten_before_they_fill_the_memory(
    gate: EndpointGate, clock: Clock
) -> None:
    make_slow(gate, clock)
    for number in range(10_001):
        url = f"https://host-{number}.example.com/"
        assert gate.enter(url) is None
        gate.leave(url, 12)
    assert gate.enter(SLOW) is None

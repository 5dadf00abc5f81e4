"""The gate before the lane: who gets in, who waits, and who is shed until when."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from homing.dispatch.bulkhead import EndpointGate, Limits, Visit

START = datetime(2025, 12, 28, 12, 0, 0, tzinfo=UTC)
SLOW, OTHER = "https://slow.example.com/hook", "https://quick.example.com/hook"
LIMITS = Limits(
    3,
    attempt_timeout=timedelta(seconds=15),
    over_after=timedelta(seconds=50),
    patience=timedelta(seconds=1),
)


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
    return EndpointGate(LIMITS, clock)


def let_in(gate: EndpointGate, url: str = SLOW) -> Visit:
    visit = gate.enter(url)
    assert isinstance(visit, Visit)
    return visit


def make_slow(gate: EndpointGate, clock: Clock, url: str = SLOW) -> None:
    visit = let_in(gate, url)
    clock.advance(15)
    gate.leave(visit, 15_000)


def shed(gate: EndpointGate, url: str = SLOW) -> datetime:
    due = gate.enter(url)
    assert isinstance(due, datetime)
    return due


def test_a_quick_endpoint_is_let_in_again_and_again(gate: EndpointGate) -> None:
    for _ in range(100):
        gate.leave(let_in(gate, OTHER), 12)


def test_what_an_endpoint_that_timed_out_is_sent_is_shed_one_by_one_and_others_are_not(
    gate: EndpointGate, clock: Clock
) -> None:
    """Three at once that take 15 s each are one every 5 s."""
    make_slow(gate, clock)
    waits = [(shed(gate) - clock.now).total_seconds() for _ in range(4)]
    assert waits == [5, 10, 15, 20]
    assert let_in(gate, OTHER)


def test_an_attempt_of_which_nothing_is_known_makes_no_endpoint_slow_nor_quick(
    gate: EndpointGate, clock: Clock
) -> None:
    """It broke, or its connection died while Lambda stood still."""
    gate.leave(let_in(gate, OTHER), None)
    assert let_in(gate, OTHER)
    make_slow(gate, clock)
    clock.advance(60)
    gate.leave(let_in(gate), None)
    assert let_in(gate)
    assert shed(gate)


def test_the_path_does_not_matter_and_the_port_does(gate: EndpointGate, clock: Clock) -> None:
    make_slow(gate, clock)
    assert shed(gate, "https://SLOW.example.com/other?x=1")
    assert let_in(gate, "https://slow.example.com:8443/hook")


def test_after_a_minute_one_attempt_finds_out_whether_it_is_well(
    gate: EndpointGate, clock: Clock
) -> None:
    make_slow(gate, clock)
    clock.advance(60)
    probe = let_in(gate)
    assert shed(gate)
    gate.leave(probe, 12)
    assert all(let_in(gate) for _ in range(3))


def test_one_that_stays_slow_is_asked_less_and_less_often(gate: EndpointGate, clock: Clock) -> None:
    for minutes in (1, 2, 4, 8, 16, 16):
        make_slow(gate, clock)
        clock.advance(minutes * 60 - 1)
        assert shed(gate)
        clock.advance(1)


@pytest.mark.parametrize(("took", "seconds"), [(1.2, 4.8), (5, 20), (15, 60)])
def test_an_endpoint_is_shed_for_four_times_what_it_took(
    gate: EndpointGate, clock: Clock, took: float, seconds: float
) -> None:
    gate.leave(let_in(gate), round(1000 * took))
    clock.advance(seconds - 0.1)
    assert shed(gate)
    clock.advance(0.1)
    assert let_in(gate)


def test_attempts_that_were_under_way_together_have_met_a_slow_endpoint_once(
    gate: EndpointGate, clock: Clock
) -> None:
    together = [let_in(gate) for _ in range(3)]
    clock.advance(15)
    for visit in together:
        gate.leave(visit, 15_000)
    clock.advance(60)
    assert let_in(gate)


def test_nothing_is_put_off_for_more_than_an_hour(gate: EndpointGate, clock: Clock) -> None:
    make_slow(gate, clock)
    waits = [shed(gate) - clock.now for _ in range(1000)]
    assert max(waits) == timedelta(hours=1)


def test_once_an_attempt_is_left_behind_the_next_are_shed_at_once(
    gate: EndpointGate, clock: Clock
) -> None:
    gate.suspect(let_in(gate))
    assert shed(gate) == clock.now + timedelta(seconds=5)
    assert let_in(gate, OTHER)


def test_an_attempt_that_was_left_for_what_lambda_took_clears_its_endpoint_when_it_is_back(
    gate: EndpointGate,
) -> None:
    visit = let_in(gate)
    gate.suspect(visit)
    gate.leave(visit, 12)
    assert all(let_in(gate) for _ in range(3))


def test_one_that_was_left_for_its_endpoint_condemns_it_when_it_is_back(
    gate: EndpointGate, clock: Clock
) -> None:
    visit = let_in(gate)
    clock.advance(1)
    gate.suspect(visit)
    clock.advance(14)
    gate.leave(visit, 15_000)
    clock.advance(59)
    assert shed(gate)
    clock.advance(1)
    assert let_in(gate)


def test_attempts_left_behind_count_among_those_at_once_until_they_must_be_over(
    gate: EndpointGate, clock: Clock
) -> None:
    """Nobody hears of their ends, while another that came back quickly speaks for the endpoint."""
    quick, *left = [let_in(gate) for _ in range(3)]
    for visit in left:
        gate.suspect(visit)
    gate.leave(quick, 12)
    assert let_in(gate)
    answers: list[Visit | datetime] = []
    waiting = threading.Thread(target=lambda: answers.append(gate.enter(SLOW)))
    waiting.start()
    waiting.join(0.05)
    assert answers == []
    clock.advance(50)
    gate.leave(let_in(gate, OTHER), 12)  # wakes whoever waits
    waiting.join(10)
    assert isinstance(answers[0], Visit)


def test_an_endpoint_whose_attempts_never_come_back_is_asked_again_when_they_must_be_over(
    gate: EndpointGate, clock: Clock
) -> None:
    gate.suspect(let_in(gate))
    clock.advance(49)
    assert shed(gate)
    clock.advance(1)
    probe = let_in(gate)
    assert shed(gate)
    gate.suspect(probe)
    assert shed(gate)


def test_an_end_that_is_heard_of_long_after_it_must_have_come_takes_nobodys_place(
    gate: EndpointGate, clock: Clock
) -> None:
    late = let_in(gate)
    clock.advance(50)
    for _ in range(3):
        let_in(gate)
    gate.leave(late, None)
    answers: list[Visit | datetime] = []
    waiting = threading.Thread(target=lambda: answers.append(gate.enter(SLOW)))
    waiting.start()
    waiting.join(0.05)
    assert answers == []
    clock.advance(15)
    gate.leave(let_in(gate, OTHER), 12)
    waiting.join(10)
    assert isinstance(answers[0], datetime)


def test_an_attempt_that_comes_back_in_the_moment_it_is_left_raises_no_suspicion(
    gate: EndpointGate,
) -> None:
    visit = let_in(gate)
    gate.leave(visit, 12)
    gate.suspect(visit)
    assert let_in(gate)


def test_beyond_the_bound_a_delivery_waits_for_its_turn(gate: EndpointGate) -> None:
    first, *_ = [let_in(gate, OTHER) for _ in range(3)]
    answers: list[Visit | datetime] = []
    waiting = threading.Thread(target=lambda: answers.append(gate.enter(OTHER)))
    waiting.start()
    gate.leave(first, 12)
    waiting.join(10)
    assert isinstance(answers[0], Visit)


@pytest.mark.parametrize("learned", ["back", "left"])
def test_who_waits_for_a_turn_is_shed_when_the_endpoint_turns_out_slow(
    gate: EndpointGate, clock: Clock, learned: str
) -> None:
    first, *_ = [let_in(gate) for _ in range(3)]
    answers: list[Visit | datetime] = []
    waiting = threading.Thread(target=lambda: answers.append(gate.enter(SLOW)))
    waiting.start()
    if learned == "back":
        gate.leave(first, 5_000)
    else:
        gate.suspect(first)
    waiting.join(10)
    assert answers == [clock.now + timedelta(seconds=5)]


def test_who_waits_for_a_turn_is_shed_after_the_time_that_an_attempt_may_take() -> None:
    gate = EndpointGate(replace(LIMITS, at_once=1, attempt_timeout=timedelta(milliseconds=20)))
    let_in(gate)
    assert shed(gate)


def test_origins_are_forgotten_before_they_fill_the_memory(
    gate: EndpointGate, clock: Clock
) -> None:
    make_slow(gate, clock)
    for number in range(10_001):
        gate.leave(let_in(gate, f"https://host-{number}.example.com/"), 12)
    assert let_in(gate)

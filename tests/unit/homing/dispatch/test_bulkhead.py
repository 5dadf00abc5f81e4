"""The bulkhead before the express path: which attempts are made, wait, or are deferred."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from homing.delivery import Reference
from homing.dispatch.bulkhead import Bulkhead, Limits, Permit, Recipient, recipient_of

START = datetime(2025, 12, 28, 12, 0, 0, tzinfo=UTC)
SLOW, OTHER = Recipient("shop", "slow"), Recipient("shop", "quick")
LIMITS = Limits(
    3,
    attempt_timeout=timedelta(seconds=15),
    over_after=timedelta(seconds=50),
    slow_threshold=timedelta(seconds=1),
    first_wait=timedelta(seconds=1),
    slow=2,
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
def bulkhead(clock: Clock) -> Bulkhead:
    return Bulkhead(LIMITS, clock)


def let_in(bulkhead: Bulkhead, recipient: Recipient = SLOW) -> Permit:
    permit = bulkhead.enter(recipient)
    assert isinstance(permit, Permit)
    return permit


def make_slow(bulkhead: Bulkhead, clock: Clock, recipient: Recipient = SLOW) -> None:
    permit = let_in(bulkhead, recipient)
    clock.advance(15)
    bulkhead.leave(permit, 15_000)


def deferred(bulkhead: Bulkhead, recipient: Recipient = SLOW) -> datetime:
    due = bulkhead.enter(recipient)
    assert isinstance(due, datetime)
    return due


def test_a_quick_endpoint_is_let_in_again_and_again(bulkhead: Bulkhead) -> None:
    for _ in range(100):
        bulkhead.leave(let_in(bulkhead, OTHER), 12)


def test_what_an_endpoint_that_timed_out_is_sent_is_deferred_one_by_one_and_others_are_not(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    """Three concurrent attempts that take 15 s each are one every 5 s."""
    make_slow(bulkhead, clock)
    waits = [(deferred(bulkhead) - clock.now).total_seconds() for _ in range(4)]
    assert waits == [5, 10, 15, 20]
    assert let_in(bulkhead, OTHER)


def test_an_attempt_of_which_nothing_is_known_makes_no_endpoint_slow_nor_quick(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    """The attempt was interrupted, or its connection broke while Lambda was frozen."""
    bulkhead.leave(let_in(bulkhead, OTHER), None)
    assert let_in(bulkhead, OTHER)
    make_slow(bulkhead, clock)
    clock.advance(60)
    bulkhead.leave(let_in(bulkhead), None)
    assert let_in(bulkhead)
    assert deferred(bulkhead)


def to(url: str, sender: str = "shop", endpoint_id: str | None = None) -> Recipient:
    reference = Reference("m-1", sender, "2025-12-28T12:00:00.000Z", url, "m-1", "", endpoint_id)
    return recipient_of(reference)


def test_slowness_is_that_of_a_url_without_its_query_for_one_sender(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    """A sender's slow path on a shared host delays neither its other paths nor other senders."""
    make_slow(bulkhead, clock, to("https://example.com/hook?id=1"))
    assert deferred(bulkhead, to("HTTPS://EXAMPLE.com/hook?id=2"))
    assert let_in(bulkhead, to("https://example.com/hook", sender="another"))
    assert let_in(bulkhead, to("https://example.com/other"))
    assert let_in(bulkhead, to("https://example.com:8443/hook"))


def test_slowness_of_an_endpoint_goes_with_the_endpoint(bulkhead: Bulkhead, clock: Clock) -> None:
    make_slow(bulkhead, clock, to("https://example.com/hook", endpoint_id="orders"))
    assert deferred(bulkhead, to("https://moved.example.com/", endpoint_id="orders"))
    assert let_in(bulkhead, to("https://example.com/hook", endpoint_id="returns"))


def detach(bulkhead: Bulkhead, *places: str) -> list[Permit]:
    """Detach an attempt at each of these endpoints of the shop."""
    permits = [let_in(bulkhead, Recipient("shop", place)) for place in places]
    for permit in permits:
        bulkhead.suspect(permit)
    return permits


def test_while_attempts_of_a_sender_are_detached_its_unknown_endpoints_are_deferred_without_a_wait(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    bulkhead.leave(let_in(bulkhead, OTHER), 12)
    detach(bulkhead, "one", "two")
    assert deferred(bulkhead, Recipient("shop", "three")) == clock.now
    assert let_in(bulkhead, OTHER)  # endpoints that are known to be quick
    assert let_in(bulkhead, Recipient("another", "three"))


@pytest.mark.parametrize("ends", ["reported", "over"])
def test_once_a_detached_attempt_has_ended_unknown_endpoints_are_attempted_again(
    bulkhead: Bulkhead, clock: Clock, ends: str
) -> None:
    permit, _ = detach(bulkhead, "one", "two")
    if ends == "reported":
        bulkhead.leave(permit, 15_000)
    else:
        clock.advance(50)
    assert let_in(bulkhead, Recipient("shop", "three"))


IMPATIENT = replace(LIMITS, first_wait=timedelta(milliseconds=150))


def seconds(bulkhead: Bulkhead, place: str) -> float:
    """Return how long the dispatcher would wait for an attempt at an endpoint of the shop."""
    return let_in(bulkhead, Recipient("shop", place)).longest_wait.total_seconds()


def test_an_endpoint_is_waited_for_briefly_until_it_is_known_to_be_quick(clock: Clock) -> None:
    bulkhead = Bulkhead(IMPATIENT, clock)
    first = let_in(bulkhead, OTHER)
    assert first.longest_wait == timedelta(milliseconds=150)
    bulkhead.leave(first, 900)
    assert seconds(bulkhead, "quick") == 1


def test_while_an_attempt_of_a_sender_is_detached_its_unknown_endpoints_are_not_waited_for(
    clock: Clock,
) -> None:
    bulkhead = Bulkhead(IMPATIENT, clock)
    bulkhead.leave(let_in(bulkhead, OTHER), 12)
    (permit,) = detach(bulkhead, "one")
    assert [seconds(bulkhead, place) for place in ("two", "quick")] == [0, 1]
    bulkhead.leave(permit, 300)
    assert seconds(bulkhead, "three") == 0.15


def test_an_attempt_that_is_detached_early_marks_its_endpoint_slow_only_once_it_takes_too_long(
    clock: Clock,
) -> None:
    bulkhead = Bulkhead(IMPATIENT, clock)
    detach(bulkhead, "one")
    clock.advance(0.9)
    assert let_in(bulkhead, Recipient("shop", "one"))
    clock.advance(0.1)
    assert deferred(bulkhead, Recipient("shop", "one")) == clock.now + timedelta(seconds=5)


def test_attempts_detached_early_count_against_their_sender_once_they_take_too_long(
    clock: Clock,
) -> None:
    bulkhead = Bulkhead(IMPATIENT, clock)
    detach(bulkhead, "one", "two")
    clock.advance(0.9)
    assert let_in(bulkhead, Recipient("shop", "three"))
    clock.advance(0.1)
    assert deferred(bulkhead, Recipient("shop", "four")) == clock.now


def test_twenty_attempts_of_a_sender_are_left_at_most_whether_they_are_slow_or_not(
    clock: Clock,
) -> None:
    bulkhead = Bulkhead(IMPATIENT, clock)
    detach(bulkhead, *(f"at-{number}" for number in range(20)))
    assert deferred(bulkhead, Recipient("shop", "one more")) == clock.now
    assert let_in(bulkhead, Recipient("another", "one more"))


def test_a_probe_that_is_detached_does_not_count_against_its_sender(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    """Nothing has waited for the probe."""
    for place in ("one", "two"):
        make_slow(bulkhead, clock, Recipient("shop", place))
    clock.advance(60)
    assert all(permit.is_probe for permit in detach(bulkhead, "one", "two"))
    assert let_in(bulkhead, Recipient("shop", "three"))


def test_a_slow_endpoint_of_a_slow_sender_is_deferred_for_as_long_as_ever(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    detach(bulkhead, "one", "two")
    assert deferred(bulkhead, Recipient("shop", "one")) == clock.now + timedelta(seconds=5)


def test_after_a_minute_one_attempt_finds_out_whether_it_is_well(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    make_slow(bulkhead, clock)
    clock.advance(60)
    probe = let_in(bulkhead)
    assert deferred(bulkhead)
    bulkhead.leave(probe, 12)
    assert all(let_in(bulkhead) for _ in range(3))


def test_one_that_stays_slow_is_asked_less_and_less_often(bulkhead: Bulkhead, clock: Clock) -> None:
    for minutes in (1, 2, 4, 8, 16, 16):
        make_slow(bulkhead, clock)
        clock.advance(minutes * 60 - 1)
        assert deferred(bulkhead)
        clock.advance(1)


@pytest.mark.parametrize(("took", "seconds"), [(1.2, 4.8), (5, 20), (15, 60)])
def test_an_endpoint_is_deferred_for_four_times_what_it_took(
    bulkhead: Bulkhead, clock: Clock, took: float, seconds: float
) -> None:
    bulkhead.leave(let_in(bulkhead), round(1000 * took))
    clock.advance(seconds - 0.1)
    assert deferred(bulkhead)
    clock.advance(0.1)
    assert let_in(bulkhead)


def test_attempts_that_were_under_way_together_have_met_a_slow_endpoint_once(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    together = [let_in(bulkhead) for _ in range(3)]
    clock.advance(15)
    for permit in together:
        bulkhead.leave(permit, 15_000)
    clock.advance(60)
    assert let_in(bulkhead)


def test_nothing_is_put_off_for_more_than_an_hour(bulkhead: Bulkhead, clock: Clock) -> None:
    make_slow(bulkhead, clock)
    waits = [deferred(bulkhead) - clock.now for _ in range(1000)]
    assert max(waits) == timedelta(hours=1)


def test_once_an_attempt_is_detached_the_next_are_deferred_at_once(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    bulkhead.suspect(let_in(bulkhead))
    assert deferred(bulkhead) == clock.now + timedelta(seconds=5)
    assert let_in(bulkhead, OTHER)


def test_an_attempt_detached_because_of_lambda_clears_its_endpoint_when_it_ends(
    bulkhead: Bulkhead,
) -> None:
    permit = let_in(bulkhead)
    bulkhead.suspect(permit)
    bulkhead.leave(permit, 12)
    assert all(let_in(bulkhead) for _ in range(3))


def test_an_attempt_detached_because_of_its_endpoint_marks_it_slow_when_it_ends(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    permit = let_in(bulkhead)
    clock.advance(1)
    bulkhead.suspect(permit)
    clock.advance(14)
    bulkhead.leave(permit, 15_000)
    clock.advance(59)
    assert deferred(bulkhead)
    clock.advance(1)
    assert let_in(bulkhead)


def test_attempts_detached_count_among_those_at_once_until_they_must_be_over(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    """Their ends are not reported, while a quick attempt shows that the endpoint works."""
    quick, *left = [let_in(bulkhead) for _ in range(3)]
    for permit in left:
        bulkhead.suspect(permit)
    bulkhead.leave(quick, 12)
    assert let_in(bulkhead)
    answers: list[Permit | datetime] = []
    waiting = threading.Thread(target=lambda: answers.append(bulkhead.enter(SLOW)))
    waiting.start()
    waiting.join(0.05)
    assert answers == []
    clock.advance(50)
    bulkhead.leave(let_in(bulkhead, OTHER), 12)  # wakes whoever waits
    waiting.join(10)
    assert isinstance(answers[0], Permit)


def test_an_endpoint_whose_attempts_never_come_back_is_asked_again_when_they_must_be_over(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    bulkhead.suspect(let_in(bulkhead))
    clock.advance(49)
    assert deferred(bulkhead)
    clock.advance(1)
    probe = let_in(bulkhead)
    assert deferred(bulkhead)
    bulkhead.suspect(probe)
    assert deferred(bulkhead)


def test_an_end_reported_after_its_deadline_frees_no_other_attempts_slot(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    late = let_in(bulkhead)
    clock.advance(50)
    for _ in range(3):
        let_in(bulkhead)
    bulkhead.leave(late, None)
    answers: list[Permit | datetime] = []
    waiting = threading.Thread(target=lambda: answers.append(bulkhead.enter(SLOW)))
    waiting.start()
    waiting.join(0.05)
    assert answers == []
    clock.advance(15)
    bulkhead.leave(let_in(bulkhead, OTHER), 12)
    waiting.join(10)
    assert isinstance(answers[0], datetime)


def test_an_attempt_that_ends_as_it_is_detached_does_not_mark_its_endpoint_slow(
    bulkhead: Bulkhead,
) -> None:
    permit = let_in(bulkhead)
    bulkhead.leave(permit, 12)
    bulkhead.suspect(permit)
    assert let_in(bulkhead)


def test_beyond_the_bound_a_delivery_waits_for_its_turn(bulkhead: Bulkhead) -> None:
    first, *_ = [let_in(bulkhead, OTHER) for _ in range(3)]
    answers: list[Permit | datetime] = []
    waiting = threading.Thread(target=lambda: answers.append(bulkhead.enter(OTHER)))
    waiting.start()
    bulkhead.leave(first, 12)
    waiting.join(10)
    assert isinstance(answers[0], Permit)


@pytest.mark.parametrize("learned", ["back", "left"])
def test_a_delivery_that_waits_for_a_slot_is_deferred_when_its_endpoint_is_found_slow(
    bulkhead: Bulkhead, clock: Clock, learned: str
) -> None:
    first, *_ = [let_in(bulkhead) for _ in range(3)]
    answers: list[Permit | datetime] = []
    waiting = threading.Thread(target=lambda: answers.append(bulkhead.enter(SLOW)))
    waiting.start()
    if learned == "back":
        bulkhead.leave(first, 5_000)
    else:
        bulkhead.suspect(first)
    waiting.join(10)
    assert answers == [clock.now + timedelta(seconds=5)]


def test_a_delivery_that_waits_for_a_slot_is_deferred_after_the_time_of_one_attempt() -> None:
    bulkhead = Bulkhead(replace(LIMITS, at_once=1, attempt_timeout=timedelta(milliseconds=20)))
    let_in(bulkhead)
    assert deferred(bulkhead)


def test_a_delivery_that_waits_for_a_slot_is_deferred_once_a_detached_attempt_takes_too_long() -> (
    None
):
    """The attempt was detached early, and nothing reports when it becomes slow."""
    brief = timedelta(milliseconds=20)
    bulkhead = Bulkhead(replace(LIMITS, at_once=1, slow_threshold=brief, first_wait=timedelta()))
    bulkhead.suspect(let_in(bulkhead))
    began = datetime.now(UTC)
    assert deferred(bulkhead)
    assert datetime.now(UTC) - began < LIMITS.attempt_timeout / 2


def test_recipients_are_forgotten_before_they_fill_the_memory(
    bulkhead: Bulkhead, clock: Clock
) -> None:
    make_slow(bulkhead, clock)
    for number in range(10_001):
        bulkhead.leave(let_in(bulkhead, Recipient(f"sender-{number % 7}", f"at-{number}")), 12)
    assert let_in(bulkhead)

"""What an attempt does until its rate slot: wait in the function, or be postponed to the slot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from homing.endpoints.endpoint import Endpoint
from homing.endpoints.rate import RateSlot
from homing.ledger.claim import AttemptClaim
from homing.retry.not_attempted import Postponed
from homing.retry.outcome import ErrorKind, Outcome
from homing.sending.pacing import Pacing

NOON = "2025-12-28T12:00:00.000Z"
START = datetime(2025, 12, 28, 12, tzinfo=UTC)
ENDPOINT = Endpoint("shop", "orders", "https://example.com/hooks", NOON, NOON, rate_per_second=1)
DAY = 86_400


class Slots:
    """Rate slots, the next of which is set by the test."""

    def __init__(self) -> None:
        self.next: RateSlot | None = RateSlot(START, "series")
        self.series = "series"
        self.taken = 0
        self.paused_until: datetime | None = None

    def take(self, endpoint: Endpoint, now: datetime) -> RateSlot | None:
        del endpoint, now
        self.taken += 1
        return self.next

    def holds(self, endpoint: Endpoint, slot: RateSlot) -> bool:
        del endpoint
        return slot.series == self.series

    def pause(self, endpoint: Endpoint, until: datetime) -> bool:
        del endpoint
        is_later = self.paused_until is None or self.paused_until < until
        self.paused_until = until
        return is_later


@pytest.fixture
def slots() -> Slots:
    return Slots()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def pacing(slots: Slots, slept: list[float]) -> Pacing:
    return Pacing(slots, slept.append)  # type: ignore[arg-type]  # a double


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def woken_for(seconds: float, series: str = "series") -> AttemptClaim:
    """Return the claim of an attempt postponed to a slot this many seconds after the start."""
    slot = RateSlot(at(seconds), series)
    due = slot.at.replace(microsecond=0)
    return AttemptClaim(
        attempt_number=0,
        execution_name="sleeper",
        generation=0,
        due_at=due.isoformat().replace("+00:00", "Z"),
        expires_at=int(due.timestamp()) + DAY,
        slot=slot.to_document(),
    )


@pytest.mark.parametrize("seconds", [0, 0.004, 2])
def test_a_slot_within_two_seconds_is_waited_for(
    pacing: Pacing, slots: Slots, slept: list[float], seconds: float
) -> None:
    slots.next = RateSlot(at(seconds), "series")
    assert pacing.wait(ENDPOINT, None, START) is None
    assert slept == [seconds]


@pytest.mark.parametrize(
    ("seconds", "due"),
    [(2.000_001, "12:00:02Z"), (61.999, "12:01:01Z"), (3_600, "13:00:00Z")],
)
def test_one_for_a_later_slot_wakes_in_the_second_of_its_slot_and_keeps_it(
    pacing: Pacing, slots: Slots, slept: list[float], seconds: float, due: str
) -> None:
    slots.next = RateSlot(at(seconds), "series")
    postponed = pacing.wait(ENDPOINT, None, START)
    assert postponed == Postponed(f"2025-12-28T{due}", None, slots.next.to_document())
    assert slept == []


def test_the_record_of_one_that_is_put_off_is_kept_as_long_after_its_slot(
    pacing: Pacing, slots: Slots
) -> None:
    slots.next = RateSlot(at(7_200), "series")
    claim = replace(woken_for(0), slot=None)
    postponed = pacing.wait(ENDPOINT, claim, START)
    assert isinstance(postponed, Postponed)
    assert postponed.expires_at == int(at(7_200).timestamp()) + DAY


@pytest.mark.parametrize(
    ("now", "slot", "waits"),
    [
        (60, 60.75, 0.75),  # continued in the second of its slot
        (60.5, 60.75, 0.25),
        (61, 60.75, 0),
        (65.75, 60.75, 0),  # as late as is allowed
        (10, 60.75, 1),  # a clock that is 50 s slow
    ],
)
def test_one_that_has_woken_for_its_slot_waits_for_the_rest_and_takes_no_other(
    pacing: Pacing, slots: Slots, slept: list[float], now: float, slot: float, waits: float
) -> None:
    assert pacing.wait(ENDPOINT, woken_for(slot), at(now)) is None
    assert slept == [pytest.approx(waits)]
    assert slots.taken == 0


@pytest.mark.parametrize(
    ("claim", "now"),
    [
        (woken_for(60.75, "a former series"), 60),  # the rate has changed, or a pause has begun
        (woken_for(60.75), 66),  # it is too late for the slot
        # A retry after that attempt.
        (replace(woken_for(60.75), due_at="2025-12-28T12:05:00Z"), 300),
        (replace(woken_for(60.75), slot=None), 60),  # postponed for another reason
    ],
    ids=["series", "late", "retry", "none"],
)
def test_a_slot_that_is_not_valid_any_more_is_taken_anew(
    pacing: Pacing, slots: Slots, claim: AttemptClaim, now: float
) -> None:
    slots.next = RateSlot(at(now + 1), "series")
    assert pacing.wait(ENDPOINT, claim, at(now)) is None
    assert slots.taken == 1


def test_a_slow_clock_puts_nothing_off_to_a_time_that_has_passed(
    pacing: Pacing, slots: Slots
) -> None:
    """The execution continued at 12:01, but by the clock of this function it is noon."""
    slots.next = RateSlot(at(60.5), "series")
    assert pacing.wait(ENDPOINT, replace(woken_for(60), slot=None), START) is None


def test_without_a_slot_in_its_lifetime_an_attempt_fails(pacing: Pacing, slots: Slots) -> None:
    slots.next = None
    outcome = pacing.wait(ENDPOINT, None, START)
    assert isinstance(outcome, Outcome)
    assert outcome.error is not None
    assert outcome.error.kind is ErrorKind.INTERNAL
    assert "180 days" in outcome.error.message


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [
        (429, "30", 30),
        (429, "Sun, 28 Dec 2025 12:01:00 GMT", 60),
        (429, "99999999999", DAY),
        (429, None, None),
        (429, "soon", None),
        (429, "0", None),
        (503, "30", None),
        (200, "30", None),
    ],
)
def test_an_endpoint_is_paused_by_a_429_with_retry_after_for_a_day_at_most(
    pacing: Pacing, status: int, retry_after: str | None, seconds: float | None
) -> None:
    outcome = Outcome(NOON, 12, http_status=status, retry_after=retry_after)
    assert pacing.pause(ENDPOINT, outcome) == (None if seconds is None else at(seconds))


def test_a_pause_ends_at_a_whole_second_so_that_many_answers_ask_for_one(pacing: Pacing) -> None:
    first = Outcome("2025-12-28T12:00:00.200Z", 12, http_status=429, retry_after="30")
    second = replace(first, timestamp="2025-12-28T12:00:00.900Z")
    assert pacing.pause(ENDPOINT, first) == at(31)
    assert pacing.pause(ENDPOINT, second) is None

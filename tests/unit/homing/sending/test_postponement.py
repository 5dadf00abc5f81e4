"""How long an attempt waits for a concurrency slot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from homing.ledger.claim import AttemptClaim
from homing.retry.not_attempted import Postponed
from homing.retry.policy import MAX_ATTEMPTS_LIMIT
from homing.sending.postponement import postpone
from homing.timestamps import from_text, to_text

CREATED = "2025-12-28T12:00:00.000Z"
START = datetime(2025, 12, 28, 12, tzinfo=UTC)
DAY = 86_400


def postponed_after(
    age: timedelta, due_for: timedelta, chance: float = 0.0, kept: timedelta = timedelta(days=30)
) -> Postponed | None:
    """Postpone an attempt that has been due for some time, of a delivery of some age."""
    now = START + age
    claim = AttemptClaim(
        attempt_number=0,
        execution_name="sleeper",
        generation=0,
        due_at=to_text(now),
        expires_at=int((now + kept).timestamp()),
        due_since=to_text(now - due_for),
    )
    return postpone(CREATED, claim, now, lambda: chance)


def wait(age: timedelta, due_for: timedelta, chance: float) -> timedelta:
    postponed = postponed_after(age, due_for, chance)
    assert postponed is not None
    return from_text(postponed.due_at) - (START + age)


@pytest.mark.parametrize(
    ("age", "due_for", "chance", "seconds"),
    [
        (0, 0, 0.0, 1),
        (0, 0, 0.999, 2),
        (10, 10, 0.0, 5),
        (10, 10, 0.999, 10),
        (600, 600, 0.0, 150),
        (600, 600, 0.999, 300),
        (9_000, 9_000, 0.0, 150),
        (DAY, DAY, 0.0, 1_440),
        (30 * DAY, 30 * DAY, 0.0, 43_200),
        (300 * DAY, 300 * DAY, 0.0, 43_200),
        (300 * DAY, 0, 0.0, 1),
        (300 * DAY, 100, 0.999, 100),
        (30 * DAY, DAY / 2, 0.0, 21_600),
        (-300, -300, 0.0, 1),
    ],
    ids=str,
)
def test_it_is_half_to_all_of_the_time_it_has_been_due_up_to_a_limit_that_grows_with_the_age(
    age: float, due_for: float, chance: float, seconds: int
) -> None:
    waited = wait(timedelta(seconds=age), timedelta(seconds=due_for), chance)
    assert waited == timedelta(seconds=seconds)


@pytest.mark.parametrize("attempts", [1, 3, MAX_ATTEMPTS_LIMIT])
def test_a_year_of_waiting_fits_into_the_history_of_one_execution(attempts: int) -> None:
    """Step Functions' quota is 25,000 events. Each postponement takes 14, each attempt 25."""
    age, rounds = timedelta(), 0
    for attempt in range(attempts):
        since = age
        while age < timedelta(days=358) * (attempt + 1) / attempts:
            age, rounds = age + wait(age, age - since, 0.0), rounds + 1
    assert rounds * 14 + attempts * 25 < 24_000


def test_an_attempt_that_no_record_tells_of_waits_by_the_age_of_its_delivery() -> None:
    now = START + timedelta(seconds=100)
    claim = AttemptClaim(0, "sleeper", 0, to_text(now), int(now.timestamp()) + DAY)
    assert postpone(CREATED, claim, now, lambda: 0.0) == Postponed(
        "2025-12-28T12:02:30Z", int(now.timestamp()) + 50 + DAY
    )


def test_a_delivery_whose_execution_is_near_its_end_does_not_wait_for_a_slot() -> None:
    assert postponed_after(timedelta(days=357), timedelta()) is not None
    assert postponed_after(timedelta(days=359), timedelta()) is None


def test_its_document_says_until_when_the_record_is_kept_where_that_moves() -> None:
    postponed = postponed_after(timedelta(), timedelta(), kept=timedelta(days=30))
    assert postponed is not None
    due_at = from_text(postponed.due_at)
    assert postponed.to_document()["next"] == {
        "dueAt": postponed.due_at,
        "expiresAt": int((due_at + timedelta(days=30)).timestamp()),
    }


def test_its_document_says_when_it_is_due_and_that_no_endpoint_took_any_time() -> None:
    document = Postponed("2025-12-28T12:00:05Z").to_document()
    assert document == {
        "kind": "POSTPONED",
        "next": {"dueAt": "2025-12-28T12:00:05Z"},
        "responseTime": None,
    }

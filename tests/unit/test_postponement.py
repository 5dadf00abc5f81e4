"""How long an attempt waits for room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from homing.postponement import Postponed, postpone
from homing.timestamps import from_text

CREATED = "2025-12-28T12:00:00.000Z"
START = datetime(2025, 12, 28, 12, tzinfo=UTC)


def wait(age: timedelta, chance: float) -> timedelta:
    now = START + age
    postponed = postpone(CREATED, now, lambda: chance)
    assert postponed is not None
    return from_text(postponed.due_at) - now


@pytest.mark.parametrize(
    ("age", "chance", "seconds"),
    [
        (0, 0.0, 1),
        (0, 0.999, 2),
        (10, 0.0, 5),
        (10, 0.999, 10),
        (600, 0.0, 150),
        (600, 0.999, 300),
        (15_000, 0.0, 150),
        (86_400, 0.0, 864),
        (30 * 86_400, 0.0, 25_920),
        (300 * 86_400, 0.0, 43_200),
        (-300, 0.0, 1),
    ],
    ids=str,
)
def test_it_is_half_to_all_of_the_age_from_a_second_to_five_minutes_and_grows_on_slowly(
    age: float, chance: float, seconds: int
) -> None:
    assert wait(timedelta(seconds=age), chance) == timedelta(seconds=seconds)


def test_a_year_of_waiting_fits_into_the_history_of_one_execution() -> None:
    """25,000 events (Step Functions' quota), of which a round takes 14, however short the waits."""
    now, rounds = START, 0
    while (postponed := postpone(CREATED, now, lambda: 0.0)) is not None:
        now, rounds = from_text(postponed.due_at), rounds + 1
    assert timedelta(days=358) < now - START < timedelta(days=364)
    assert rounds * 14 < 20_000  # which leaves room for 20 attempts and their repeats


def test_a_delivery_whose_execution_is_near_its_end_waits_for_nobody() -> None:
    assert postpone(CREATED, START + timedelta(days=357), lambda: 0.0) is not None
    assert postpone(CREATED, START + timedelta(days=359), lambda: 0.0) is None


def test_its_document_says_until_when_the_record_is_kept_where_that_moves() -> None:
    postponed = postpone(CREATED, START, lambda: 0.0, timedelta(days=30))
    assert postponed is not None
    due_at = from_text(postponed.due_at)
    assert postponed.to_document()["next"] == {
        "dueAt": postponed.due_at,
        "expiresAt": int((due_at + timedelta(days=30)).timestamp()),
    }


def test_its_document_says_when_it_is_due_and_that_no_endpoint_took_any_time() -> None:
    document = Postponed("2025-12-28T12:00:05Z").to_document()
    assert document == {
        "postponed": True,
        "next": {"dueAt": "2025-12-28T12:00:05Z"},
        "responseTime": None,
    }

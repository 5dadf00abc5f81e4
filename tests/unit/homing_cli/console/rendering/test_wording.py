"""The console's words for statuses, durations and times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from homing.retry.classification import Category, Status
from homing_cli.console.rendering import wording

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (None, "\N{EN DASH}"),
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1 s"),
        (1250, "1.25 s"),
        (59_990, "59.99 s"),
        (60_000, "1 min"),
        (245_000, "4 min 5 s"),
        (3_600_000, "1 h"),
        (7_500_000, "2 h 5 min"),
        (273_600_000, "3 d 4 h"),
        (-1500, "\N{MINUS SIGN}1.5 s"),
    ],
)
def test_a_span_of_time_is_said_in_the_two_units_that_matter(
    milliseconds: float | None, words: str
) -> None:
    assert wording.span_words(milliseconds) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-01-01T12:00:00.000Z", "now"),
        ("2026-01-01T11:59:15.000Z", "45 s ago"),
        ("2026-01-01T10:30:00.000Z", "1 h ago"),
        ("2025-12-20T12:00:00.000Z", "12 d ago"),
        ("2026-01-01T12:05:00.000Z", "in 5 min"),
    ],
)
def test_how_long_ago_is_said_roughly(text: str, words: str) -> None:
    assert wording.ago_words(text, NOW) == words


def test_a_time_of_today_needs_no_date() -> None:
    assert wording.clock_words("2026-01-01T09:05:00.250Z", NOW) == "09:05:00.250"
    assert wording.clock_words("2025-12-31T09:05:00.250Z", NOW) == "2025-12-31 09:05:00.250"
    assert wording.clock_words(None) == wording.NOTHING


@pytest.mark.parametrize(
    ("share", "words"), [(None, wording.NOTHING), (1.0, "100 %"), (0.9934, "99.3 %"), (0, "0 %")]
)
def test_a_share_is_said_in_per_cent(share: float | None, words: str) -> None:
    assert wording.percent_words(share) == words


def test_every_status_has_words_and_a_mark_besides_its_colour() -> None:
    for status in Status:
        words = wording.status_words(status)
        assert words.meaning
        assert words.mark


def test_a_status_that_is_not_known_is_shown_as_it_is() -> None:
    assert wording.status_words("ON_HOLD").words == "On hold"


def test_every_outcome_is_explained_and_every_failure_comes_with_advice() -> None:
    for category in Category:
        means, advice = wording.explanation(category)
        assert means
        assert advice or category is Category.SUCCESS

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.timestamps import from_text, plus_milliseconds, to_due_text, to_text

instants = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(instants)
def test_an_instant_survives_being_written_to_the_millisecond(instant: datetime) -> None:
    assert timedelta(0) <= instant - from_text(to_text(instant)) < timedelta(milliseconds=1)


@given(instants)
def test_a_due_time_is_the_first_whole_second_that_is_not_early(instant: datetime) -> None:
    due = from_text(to_due_text(instant))
    assert due.microsecond == 0
    assert timedelta(0) <= due - instant < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("2025-12-28T12:00:00Z", "2025-12-28T12:00:00.000Z"),
        ("2025-12-28T13:00:00.123456+01:00", "2025-12-28T12:00:00.123Z"),
        ("2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999Z"),
    ],
)
def test_any_zone_and_precision_becomes_milliseconds_in_utc(text: str, normal: str) -> None:
    assert to_text(from_text(text)) == normal


@pytest.mark.parametrize("text", ["2025-12-28T12:00:00", "yesterday", ""])
def test_a_time_without_a_zone_or_no_time_at_all_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"zone|Invalid"):
        from_text(text)


def test_milliseconds_are_added_across_a_leap_day() -> None:
    instant = plus_milliseconds(from_text("2024-02-28T23:59:59.999Z"), 86_400_001)
    assert to_text(instant) == "2024-03-01T00:00:00.000Z"

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

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
        ("2025-12-28t12:00:00z", "2025-12-28T12:00:00.000Z"),
        ("2025-12-28 12:00:00Z", "2025-12-28T12:00:00.000Z"),
        ("2025-12-28T12:00:00.5Z", "2025-12-28T12:00:00.500Z"),
        (f"2025-12-28T12:00:00.{'9' * 40}Z", "2025-12-28T12:00:00.999Z"),
        ("2025-12-28T12:00:00-00:00", "2025-12-28T12:00:00.000Z"),
        ("2025-12-28T12:00:00+23:59", "2025-12-27T12:01:00.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        # the examples of RFC 3339, section 5.8
        ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520Z"),
        ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57.000Z"),
        ("1990-12-31T23:59:60Z", "1991-01-01T00:00:00.000Z"),
        ("1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00.000Z"),
        ("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870Z"),
    ],
)
def test_whatever_rfc_3339_allows_becomes_milliseconds_in_utc(text: str, normal: str) -> None:
    assert to_text(from_text(text)) == normal


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("2025-12-28T12:00:00", "has no time zone"),
        ("2026-12-24", "is a date without a time and a time zone"),
        ("yesterday", "is not a valid"),
        ("", "is not a valid"),
        ("2025-02-30T12:00:00Z", "is not a valid"),
        ("0000-01-01T00:00:00Z", "is not a valid"),
        ("2025-12-28T24:00:00Z", "is not a valid"),
        ("2025-12-28T12:60:00Z", "is not a valid"),
        ("2025-12-28T12:00:61Z", "is not a valid"),
        ("2025-12-28T12:00:60Z", "is not a valid"),  # a leap second ends a day in UTC
        ("2025-12-28T23:59:60+01:00", "is not a valid"),
        ("2025-12-28T12:00:00+24:00", "is not a valid"),
        ("2025-12-28T12:00:00+01:60", "is not a valid"),
        ("2025-12-28T12:00:00+0100", "is not a valid"),
        ("2025-12-28T12:00:00,5Z", "is not a valid"),
        ("2025-12-28T12:00:00.Z", "is not a valid"),
        ("20251228T120000Z", "is not a valid"),
        ("2025-W52-7T12:00:00Z", "is not a valid"),
        ("2025-12-28T12:00Z", "is not a valid"),
        ("٢٠٢٥-12-28T12:00:00Z", "is not a valid"),
        ("2025-12-28T12:00:00Z\n", "is not a valid"),
        ("0001-01-01T00:00:00+01:00", "is out of range"),
        ("9999-12-31T23:59:59-14:00", "is out of range"),
        ("9999-12-31T23:59:60Z", "is out of range"),
    ],
)
def test_what_is_no_instant_is_refused_with_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        from_text(text)


@given(st.text())
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert from_text(text).tzinfo is UTC


@given(st.datetimes(), st.integers(-1439, 1439))
def test_what_python_writes_is_read_as_the_same_instant(instant: datetime, minutes: int) -> None:
    there = instant.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    try:
        expected = there.astimezone(UTC)
    except OverflowError:
        with pytest.raises(ValueError, match="out of range"):
            from_text(there.isoformat())
    else:
        assert timedelta(0) <= expected - from_text(there.isoformat()) < timedelta(milliseconds=1)


def test_milliseconds_are_added_across_a_leap_day() -> None:
    instant = plus_milliseconds(from_text("2024-02-28T23:59:59.999Z"), 86_400_001)
    assert to_text(instant) == "2024-03-01T00:00:00.000Z"

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.retry.classification import Decision, classify
from homing.retry.outcome import Outcome
from homing.retry.plan import honours_retry_after
from homing.retry.policy import Policy
from homing.retry.retry_after import parse_retry_after

NOON = datetime(2025, 12, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("3", 3000),
        (" 120 ", 120_000),
        ("00000000000000000003", 3000),
        ("2592000", 2_592_000_000),
        ("4.0", 4000),
        ("4.5", 5000),
        ("0.001", 1000),
        ("9" * 5000 + ".5", 99_999_999_999_000 + 1000),
        ("4, 4", 4000),
        ("4,\t60, 7", 60_000),
        ("soon, 4, 0, -9", 4000),
        ("Sun, 28 Dec 2025 12:00:30 GMT, 20", 30_000),
        ("20, Sun, 28 Dec 2025 12:00:10 GMT, Sun, 28 Dec 2025 12:00:30 GMT", 30_000),
        ("Sunday, 28-Dec-25 12:00:30 GMT, Sun Dec 28 12:00:40 2025", 40_000),
        ("Sun, 28 Dec 2025 12:00:30 GMT", 30_000),
        ("Sunday, 28-Dec-25 12:00:30 GMT", 30_000),
        ("Sun Dec 28 12:00:30 2025", 30_000),
        ("Sun, 28 Dec 2025 12:00:30 -0000", 30_000),
        ("Sun, 28 Dec 2025 13:00:30 +0100", 30_000),
    ],
)
def test_the_greatest_of_delta_seconds_and_http_dates_is_read_and_fractions_are_rounded_up(
    text: str, milliseconds: int
) -> None:
    assert parse_retry_after(text, now=NOON) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "0",
        "000",
        "-5",
        "+5",
        "0.0",
        ".5",
        "4.",
        "4.5.6",
        "-4.5",
        "1e3",
        "0, 0",
        "soon",
        "٣",
        "Sun, 28 Dec 2025 11:59:59 GMT",
        "Sun, 28 Dec 2025 12:00:00 GMT",
        "Sun, 99 Dec 2025 12:00:00 GMT",
        "Sun, 28 Dec 99999999999 12:00:00 GMT",
        ", , ,",
        "\x00",
    ],
)
def test_zero_past_negative_and_unreadable_values_set_no_floor(text: str | None) -> None:
    assert parse_retry_after(text, now=NOON) is None


def test_an_absurd_number_is_still_a_number_and_costs_nothing() -> None:
    milliseconds = parse_retry_after("9" * 100_000, now=NOON)
    assert milliseconds is not None
    assert milliseconds > timedelta(days=365).total_seconds() * 1000


@given(st.text(max_size=60))
def test_no_text_does_harm(text: str) -> None:
    milliseconds = parse_retry_after(text, now=NOON)
    assert milliseconds is None or milliseconds > 0


@given(st.integers(1, 10**8))
def test_a_date_and_the_seconds_to_it_mean_the_same(seconds: int) -> None:
    date = format_datetime(NOON + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(date, now=NOON) == parse_retry_after(str(seconds), now=NOON)


@pytest.mark.parametrize(
    ("http_status", "honoured"),
    [
        *[(408, True), (425, True), (429, True), (500, True), (503, True), (599, True)],
        *[(200, False), (301, False), (404, False), (413, False), (423, False)],
    ],
)
def test_retry_after_counts_on_the_statuses_that_are_retried(
    http_status: int, honoured: bool
) -> None:
    assert honours_retry_after(http_status, Policy()) is honoured


def test_every_4xx_that_is_retried_honours_retry_after_and_no_other() -> None:
    retried = [
        status
        for status in range(400, 500)
        if classify(Outcome("", 0, http_status=status), attempts=1, policy=Policy()).decision
        is Decision.RETRY
    ]
    assert [
        status for status in range(400, 500) if honours_retry_after(status, Policy())
    ] == retried


def test_retry_after_counts_on_a_status_that_the_policy_alone_retries() -> None:
    policy = Policy(retry_on=("403", "3xx"), give_up_on=("503",))
    honoured = [
        status for status in (301, 403, 404, 429, 503) if honours_retry_after(status, policy)
    ]
    assert honoured == [301, 403, 429]


def test_retry_after_cannot_come_without_a_response() -> None:
    assert not honours_retry_after(None, Policy())

"""Recorded histories, replayed under another policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.retry.classification import Status
from homing.retry.policy import Jitter, Policy
from homing.timestamps import to_text
from homing_cli.what_if.replay import Endpoint, History, Met, failure_rate, replay

URL = "https://example.com/hooks"
PLAIN = Policy(max_attempts=3, base_delay_seconds=1, jitter=Jitter.NONE)
SECOND = 1000


def history(status: Status, *met: tuple[float, bool], url: str = URL) -> History:
    """Return a delivery with these results of attempts, at seconds of some day."""
    found = tuple(Met(round(at * SECOND), delivered) for at, delivered in met)
    return History(url, status, found)


FAILED = history(Status.MAX_RETRIES_EXCEEDED, (0, False), (1, False), (3, False))
# Another delivery to the same endpoint, which worked again.
UP_AGAIN = history(Status.DELIVERED, (103, True))


@pytest.mark.parametrize(
    ("at", "up"), [(-50, False), (0, False), (49, False), (50, False), (51, True), (1000, True)]
)
def test_an_attempt_meets_what_the_nearest_attempt_on_record_met(at: int, up: bool) -> None:
    endpoint = Endpoint([Met(100, delivered=True), Met(0, delivered=False)])
    nearest = endpoint.nearest(at)
    assert nearest is not None
    assert nearest.delivered is up


def test_the_same_policy_makes_the_same_of_the_past() -> None:
    found = replay(PLAIN, [FAILED, UP_AGAIN])
    assert (found.still_failed, found.shifts_ms, found.lost) == (1, (0,), 0)
    assert found.attempts == (4, 4)


def test_a_longer_policy_rescues_what_failed_while_the_endpoint_was_down() -> None:
    """The outage is assumed to end half-way between last failure and first success: at 53 s."""
    found = replay(replace(PLAIN, max_attempts=8), [FAILED, UP_AGAIN])
    assert found.rescued_after_ms == (63 * SECOND,)
    assert found.median_rescue_ms == 63 * SECOND
    assert (found.failed_on_record, found.still_failed) == (1, 0)
    assert found.attempts == (4, 8)


def test_without_a_sign_of_life_a_longer_policy_rescues_nothing() -> None:
    assert replay(replace(PLAIN, max_attempts=20), [FAILED]).still_failed == 1


def test_what_another_endpoint_met_does_not_count() -> None:
    elsewhere = replace(UP_AGAIN, target_url="https://other.example.com/")
    assert replay(replace(PLAIN, max_attempts=8), [FAILED, elsewhere]).still_failed == 1


def test_a_shorter_policy_loses_what_needed_its_third_attempt() -> None:
    needed = history(Status.DELIVERED, (0, False), (10, False), (30, True))
    found = replay(replace(PLAIN, max_attempts=2), [needed])
    assert (found.lost, found.shifts_ms) == (1, ())


@pytest.mark.parametrize(
    ("base", "shift", "sooner", "later"),
    [(11, -9, 1, 0), (10, 10, 0, 1), (20, 0, 0, 0), (100, 80, 0, 1)],
)
def test_what_is_delivered_either_way_comes_sooner_or_later(
    base: int, shift: int, sooner: int, later: int
) -> None:
    """It failed at 0 s and arrived at 20 s: the endpoint is assumed to work from 10 s on."""
    met = history(Status.DELIVERED, (0, False), (20, True))
    policy = Policy(max_attempts=3, base_delay_seconds=base, jitter=Jitter.NONE)
    found = replay(policy, [met])
    assert found.shifts_ms == (shift * SECOND,)
    assert (found.sooner, found.later) == (sooner, later)


def test_what_was_not_worth_a_retry_is_counted_apart_and_says_nothing_of_its_endpoint() -> None:
    gone = history(Status.FAILED, (50, False))
    found = replay(PLAIN, [gone, UP_AGAIN])
    assert (found.given_up, found.replayed) == (1, 1)


def test_a_delivery_that_has_not_ended_is_left_out_but_its_attempts_count() -> None:
    open_one = history(Status.RETRY_SCHEDULED, (5, True))
    found = replay(replace(PLAIN, max_attempts=8), [FAILED, open_one])
    assert (found.open, len(found.rescued_after_ms)) == (1, 1)


@pytest.mark.parametrize(
    ("histories", "rate"),
    [([], None), ([FAILED], 1.0), ([UP_AGAIN], 0.0), ([FAILED, UP_AGAIN], 0.75)],
)
def test_the_failure_rate_is_that_of_attempts(histories: list[History], rate: float | None) -> None:
    assert failure_rate(PLAIN, histories) == rate


def answered(status: Status, *met: tuple[float, int]) -> History:
    """Return a delivery that got these statuses, at seconds of some day."""
    return History(
        URL,
        status,
        tuple(Met(round(at * SECOND), code in range(200, 300), code) for at, code in met),
    )


RETRY_404 = replace(PLAIN, retry_on=("404",))
NOT_FOUND = answered(Status.FAILED, (0, 404))
FOUND_AGAIN = answered(Status.DELIVERED, (5, 200))


def test_a_delivery_that_failed_at_a_status_that_the_policy_retries_is_replayed() -> None:
    found = replay(RETRY_404, [NOT_FOUND, FOUND_AGAIN])
    assert (found.given_up, found.rescued_after_ms) == (0, (3 * SECOND,))
    assert failure_rate(RETRY_404, [NOT_FOUND, FOUND_AGAIN]) == 0.5


def test_under_a_policy_that_does_not_retry_it_a_delivery_fails_again() -> None:
    found = replay(PLAIN, [NOT_FOUND, FOUND_AGAIN])
    assert (found.given_up, found.replayed) == (1, 1)
    assert failure_rate(PLAIN, [NOT_FOUND, FOUND_AGAIN]) == 0


@pytest.mark.parametrize(
    ("recorded", "policy", "attempts"),
    [
        (answered(Status.DELIVERED, (0, 404), (1, 404), (3, 200)), PLAIN, 1),
        (
            answered(Status.DELIVERED, (0, 500), (1, 503), (3, 200)),
            replace(PLAIN, give_up_on=("503",)),
            2,
        ),
    ],
)
def test_a_delivery_ends_at_a_status_that_the_policy_does_not_retry(
    recorded: History, policy: Policy, attempts: int
) -> None:
    found = replay(policy, [recorded])
    assert (found.lost, found.attempts) == (1, (3, attempts))


def test_a_failure_that_ends_a_delivery_says_nothing_of_the_endpoint_to_others() -> None:
    refused = answered(Status.FAILED, (1, 422))
    other = answered(Status.DELIVERED, (0, 500), (3, 200))
    assert replay(PLAIN, [refused, other]).shifts_ms == replay(PLAIN, [other]).shifts_ms


def test_an_endpoint_that_only_ever_ended_deliveries_is_replayed_too() -> None:
    down = answered(Status.MAX_RETRIES_EXCEEDED, (0, 503), (1, 503), (3, 503))
    found = replay(replace(PLAIN, give_up_on=("5xx",)), [down])
    assert (found.still_failed, found.attempts) == (1, (3, 1))


code_lists = st.lists(
    st.tuples(st.integers(0, 500), st.sampled_from([200, 302, 404, 410, 500, 503])),
    min_size=1,
    max_size=6,
    unique_by=lambda m: m[0],
).map(sorted)
ENTRIES = st.lists(st.sampled_from(["302", "404", "410", "503", "3xx", "4xx", "5xx"]), unique=True)


@given(st.lists(code_lists, max_size=8), ENTRIES, ENTRIES, st.integers(1, 8))
def test_whatever_a_policy_retries_every_delivery_on_record_is_counted_once(
    found: list[list[tuple[int, int]]], retry_on: list[str], give_up_on: list[str], attempts: int
) -> None:
    histories = [
        answered(Status.DELIVERED if met[-1][1] == 200 else Status.FAILED, *met) for met in found
    ]
    policy = replace(
        PLAIN, max_attempts=attempts, retry_on=tuple(retry_on), give_up_on=tuple(give_up_on)
    )
    result = replay(policy, histories)
    assert result.replayed + result.given_up == len(histories)
    assert result.attempts[1] <= attempts * result.replayed


met_lists = st.lists(
    st.tuples(st.integers(0, 10_000), st.booleans()),
    min_size=1,
    max_size=6,
    unique_by=lambda m: m[0],
).map(lambda found: tuple(Met(at * SECOND, up) for at, up in sorted(found)))


@given(st.lists(met_lists, max_size=12), st.integers(1, 12))
def test_every_delivery_on_record_is_accounted_for_once(
    found: list[tuple[Met, ...]], attempts: int
) -> None:
    histories = [
        History(URL, Status.DELIVERED if met[-1].delivered else Status.MAX_RETRIES_EXCEEDED, met)
        for met in found
    ]
    result = replay(replace(PLAIN, max_attempts=attempts), histories)
    assert result.replayed == len(histories)
    assert result.attempts[1] <= attempts * len(histories)


@given(st.lists(met_lists, max_size=12), st.integers(1, 11))
def test_more_attempts_never_rescue_fewer(found: list[tuple[Met, ...]], attempts: int) -> None:
    histories = [History(URL, Status.MAX_RETRIES_EXCEEDED, met) for met in found]
    fewer = replay(replace(PLAIN, max_attempts=attempts), histories)
    more = replay(replace(PLAIN, max_attempts=attempts + 1), histories)
    assert more.still_failed <= fewer.still_failed


def test_a_ledger_item_is_read_as_a_history() -> None:
    entry: dict[str, Any] = {"timestamp": "2026-01-01T00:00:00.250Z", "errorCategory": "SUCCESS"}
    item = {"targetUrl": URL, "status": "DELIVERED", "retryHistory": [entry]}
    read = History.from_record(item)
    assert read is not None
    assert read.met == (Met(1_767_225_600_250, delivered=True),)
    read = History.from_record({**item, "retryHistory": [entry | {"httpStatus": 204}]})
    assert read is not None
    assert read.met == (Met(1_767_225_600_250, delivered=True, http_status=204),)
    assert History.from_record({**item, "retryHistory": []}) is None
    assert History.from_record({**item, "status": "NEW"}) is None


def entry(at: float, category: str = "SERVER_ERROR") -> dict[str, Any]:
    instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=at)
    return {"timestamp": to_text(instant), "errorCategory": category}


def redriven_record(
    first: str = "MAX_RETRIES_EXCEEDED", status: str = "DELIVERED", begin: float = 0, **more: Any
) -> dict[str, Any]:
    """A delivery that failed after attempts at 0, 1 and 3 s; redriven, it arrived after an hour."""
    return {
        "targetUrl": URL,
        "status": status,
        "retryHistory": [
            *(entry(begin + at) for at in (0, 1, 3)),
            entry(begin + 3600, "SUCCESS" if status == "DELIVERED" else "SERVER_ERROR"),
        ],
        "redriveHistory": [
            {"timestamp": "t", "status": first, "attempts": 3, "attemptsOnRecord": 3}
        ],
        **more,
    }


def read(*records: dict[str, Any]) -> list[History]:
    return [found for record in records if (found := History.from_record(record))]


def test_a_redrive_is_no_attempt_of_the_policy_which_unchanged_changes_nothing() -> None:
    found = replay(PLAIN, read(*(redriven_record(begin=at) for at in range(41))))
    assert (found.lost, found.shifts_ms, found.still_failed) == (0, (), 41)
    assert found.attempts == (3 * 41, 3 * 41)


def test_what_a_redrive_met_says_when_the_endpoint_was_up_again() -> None:
    long = Policy(max_attempts=3, base_delay_seconds=3000, multiplier=1, jitter=Jitter.NONE)
    found = replay(long, read(redriven_record()))
    assert found.rescued_after_ms == (3000 * SECOND,)


@pytest.mark.parametrize("status", ["DELIVERED", "QUEUED", "RETRY_SCHEDULED", "CANCELLED"])
def test_a_delivery_that_failed_at_once_counts_as_failed_whatever_a_redrive_did(
    status: str,
) -> None:
    found = replay(PLAIN, read(redriven_record("FAILED", status)))
    assert (found.given_up, found.replayed, found.open) == (1, 0, 0)


@pytest.mark.parametrize(
    "record",
    [
        redriven_record(historySummary={"attempts": 1, "redrives": 0, "byCategory": {}}),
        redriven_record() | {"redriveHistory": [{"status": "UNRECORDED", "attemptsOnRecord": 0}]},
    ],
)
def test_a_delivery_whose_first_run_is_incomplete_is_left_out_but_its_attempts_count(
    record: dict[str, Any],
) -> None:
    (found,) = read(record)
    assert replay(PLAIN, [found]).replayed == 0
    assert len(found.met_at_endpoint(PLAIN)) == 4

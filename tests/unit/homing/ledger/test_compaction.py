"""A delivery's history over many redrives."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from homing.ledger.compaction import KEPT, redriven_history
from homing.ledger.record import Record

CATEGORIES = ("SERVER_ERROR", "TIMEOUT")


def entries(first: int, count: int) -> list[dict[str, Any]]:
    return [
        {"timestamp": f"t{number:05}", "errorCategory": CATEGORIES[number % 2]}
        for number in range(first, first + count)
    ]


def recorded(attributes: dict[str, Any]) -> Record:
    given = {"createdAt": "then", "lastUpdatedAt": "then", "ttl": 0}
    return Record.from_attributes(given | attributes)


def redrive(record: dict[str, Any], at: str = "now") -> dict[str, Any]:
    return {**record, **redriven_history(recorded(record), at)}


def test_a_first_redrive_keeps_every_entry_and_needs_no_summary() -> None:
    record = {"status": "FAILED", "attempts": 20, "retryHistory": entries(0, 20)}
    after = redriven_history(recorded(record), "now")
    assert after["retryHistory"] == entries(0, 20)
    assert after["redriveHistory"] == [
        {"timestamp": "now", "status": "FAILED", "attempts": 20, "attemptsOnRecord": 20}
    ]
    assert "historySummary" not in after


def test_a_delivery_without_a_record_has_an_empty_history() -> None:
    after = redriven_history(None, "now")
    assert after["retryHistory"] == []
    assert after["redriveHistory"][0]["status"] == "UNRECORDED"


def test_the_oldest_entries_are_summed_up_by_category_and_time() -> None:
    record = {"status": "FAILED", "attempts": 3, "retryHistory": entries(0, 23)}
    after = redriven_history(recorded(record), "now")
    assert after["retryHistory"] == entries(3, 20)
    assert after["historySummary"] == {
        "attempts": 3,
        "redrives": 0,
        "byCategory": {"SERVER_ERROR": 2, "TIMEOUT": 1},
        "firstTimestamp": "t00000",
        "lastTimestamp": "t00002",
    }


def test_an_earlier_redrive_still_points_at_the_entry_it_came_before() -> None:
    first = redrive({"status": "FAILED", "attempts": 5, "retryHistory": entries(0, 5)})
    first["retryHistory"] = [*first["retryHistory"], *entries(5, 18)]
    second = redrive(first)
    pointed = [one["attemptsOnRecord"] for one in second["redriveHistory"]]
    assert pointed == [2, 20]
    assert second["retryHistory"][2] == entries(5, 1)[0]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=60))
def test_however_often_it_is_redriven_nothing_is_lost_without_a_word(runs: list[int]) -> None:
    record: dict[str, Any] = {"status": "FAILED", "attempts": 0, "retryHistory": []}
    made = 0
    for run in runs:
        record["retryHistory"] = [*record["retryHistory"], *entries(made, run)]
        made += run
        assert len(record["retryHistory"]) <= KEPT + 20
        record = redrive(record)
    summary = record.get("historySummary", {"attempts": 0, "redrives": 0, "byCategory": {}})
    assert record["retryHistory"] == entries(0, made)[-KEPT:]
    assert summary["attempts"] + len(record["retryHistory"]) == made
    assert sum(summary["byCategory"].values()) == summary["attempts"]
    assert summary["redrives"] + len(record["redriveHistory"]) == len(runs)
    assert len(record["redriveHistory"]) <= KEPT

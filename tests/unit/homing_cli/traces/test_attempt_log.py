"""Reading the attempts that functions logged, and `homing watch`, which shows them."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from homing_cli.commands import watch
from homing_cli.traces.attempt_log import AttemptLog

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def logged(number: int, ago: float, status: str = "DELIVERED", **more: Any) -> dict[str, Any]:
    document = {
        "message": "delivery.attempted",
        "messageId": f"m-{number}",
        "targetUrl": "https://example.com/",
        "attempt": 1,
        "maxAttempts": 3,
        "durationMs": 12,
        "reason": "HTTP 200",
        "status": status,
        **more,
    }
    at = int((NOW - timedelta(seconds=ago)).timestamp() * 1000)
    return {"eventId": f"e-{number}", "timestamp": at, "message": json.dumps(document)}


class FakeLogs:
    """CloudWatch Logs with two groups; it returns events from the requested time on."""

    def __init__(self) -> None:
        self.groups: dict[str, list[dict[str, Any]]] = {"classify": [], "backoff": []}
        self.starts: list[int] = []

    def get_paginator(self, name: str) -> FakeLogs:
        assert name == "filter_log_events"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.starts.append(asked["startTime"])
        events = self.groups[asked["logGroupName"]]
        return [{"events": [e for e in events if e["timestamp"] >= asked["startTime"]]}]


class FakeTarget:
    """A target with nothing but logs."""

    def __init__(self, logs: FakeLogs) -> None:
        self.outputs = {"AttemptLogGroups": "classify,backoff"}
        self._logs = logs

    def client(self, service: str) -> FakeLogs:
        assert service == "logs"
        return self._logs


@pytest.fixture
def logs() -> FakeLogs:
    return FakeLogs()


@pytest.fixture
def log(logs: FakeLogs) -> AttemptLog:
    return AttemptLog(FakeTarget(logs), timedelta(hours=1))  # type: ignore[arg-type]


def ids(found: Any) -> list[str]:
    return [one.document["messageId"] for one in found]


def test_attempts_of_both_groups_come_oldest_first(log: AttemptLog, logs: FakeLogs) -> None:
    logs.groups["classify"] = [logged(1, 10), logged(3, 1)]
    logs.groups["backoff"] = [logged(2, 5, "RETRY_SCHEDULED")]
    assert ids(log.fetch(NOW)) == ["m-1", "m-2", "m-3"]


def test_each_attempt_is_fetched_once_though_the_log_is_read_with_an_overlap(
    log: AttemptLog, logs: FakeLogs
) -> None:
    """Late events are found, and known ones are not returned again."""
    logs.groups["classify"] = [logged(1, 1)]
    assert ids(log.fetch(NOW)) == ["m-1"]
    logs.groups["classify"].append(logged(2, 3))
    later = NOW + timedelta(seconds=5)
    assert ids(log.fetch(later)) == ["m-2"]
    assert logs.starts[-1] > logs.starts[0]
    assert set(ids(log.since(NOW - timedelta(minutes=1)))) == {"m-1", "m-2"}


def test_what_is_older_than_it_remembers_is_forgotten(log: AttemptLog, logs: FakeLogs) -> None:
    logs.groups["classify"] = [logged(1, 10)]
    log.fetch(NOW)
    log.fetch(NOW + timedelta(hours=2))
    assert log.since(NOW - timedelta(hours=9)) == ()


@pytest.mark.parametrize("message", ["no JSON", "[]", '{"message": "dispatch.settled"}', "{}"])
def test_other_lines_of_the_log_are_passed_over(
    log: AttemptLog, logs: FakeLogs, message: str
) -> None:
    logs.groups["classify"] = [logged(1, 10) | {"message": message}]
    assert log.fetch(NOW) == ()


def test_the_local_clouds_events_without_an_id_are_distinguished(
    log: AttemptLog, logs: FakeLogs
) -> None:
    events = [logged(1, 2), logged(2, 1)]
    for event in events:
        del event["eventId"]
    logs.groups["classify"] = events
    assert ids(log.fetch(NOW)) == ["m-1", "m-2"]
    assert log.fetch(NOW) == ()


def test_without_log_groups_there_is_nothing_to_read(logs: FakeLogs) -> None:
    target = FakeTarget(logs)
    target.outputs = {}
    assert AttemptLog(target, timedelta(hours=1)).fetch(NOW) == ()  # type: ignore[arg-type]


def test_watch_tells_each_attempt_in_a_line_where_there_is_no_terminal(
    log: AttemptLog, logs: FakeLogs
) -> None:
    logs.groups["classify"] = [logged(1, 100), logged(2, 1)]
    logs.groups["backoff"] = [
        logged(3, 0, "RETRY_SCHEDULED", reason="HTTP 503", nextDelaySeconds=1.25)
    ]
    out = io.StringIO()
    seen = watch.follow(log, NOW - timedelta(seconds=30), 0, clock=lambda: NOW)
    watch.show(Console(file=out, width=200), seen)
    first, second = out.getvalue().splitlines()
    assert first == (
        "11:59:59.000 m-2 -> https://example.com/: attempt 1 of 3, HTTP 200 in 12 ms: DELIVERED"
    )
    assert second.endswith("HTTP 503 in 12 ms: RETRY_SCHEDULED, again in 1.25 s")


def test_watch_draws_a_table_with_counts_on_a_terminal(log: AttemptLog, logs: FakeLogs) -> None:
    logs.groups["classify"] = [logged(n, 1) for n in range(3)] + [logged(9, 0, "FAILED")]
    out = io.StringIO()
    console = Console(file=out, width=160, height=20, force_terminal=True, color_system=None)
    seen = watch.follow(log, NOW - timedelta(seconds=30), 0, clock=lambda: NOW)
    watch.show(console, seen)
    assert "3 DELIVERED, 1 FAILED" in out.getvalue()
    assert "m-9" in out.getvalue()


def test_watch_polls_until_its_time_is_up(log: AttemptLog, logs: FakeLogs) -> None:
    times = iter(NOW + timedelta(seconds=n) for n in range(100))
    pauses: list[float] = []
    rounds = list(watch.follow(log, NOW, 5, clock=lambda: next(times), sleep=pauses.append))
    assert len(rounds) == len(pauses) + 1 > 1

"""The attempts of the last hour, read from the logs, and the health of endpoints from them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homing_cli.console.endpoints.health import Health, health_by_endpoint
from homing_cli.console.endpoints.recent_attempts import RecentAttempts

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def logged(number: int, minutes_ago: float, **more: Any) -> dict[str, Any]:
    document = {
        "message": "delivery.attempted",
        "senderId": "shop",
        "endpointId": "orders",
        "status": "DELIVERED",
        "category": "SUCCESS",
        "durationMs": number,
        **more,
    }
    at = NOW - timedelta(minutes=minutes_ago)
    return {
        "eventId": f"e-{number}",
        "timestamp": int(at.timestamp() * 1000),
        "message": json.dumps(document),
    }


class FakeLogs:
    """CloudWatch Logs with one group; it records the periods that were read."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self.events = list(events)
        self.asked: list[tuple[int, int]] = []
        self.outputs = {"AttemptLogGroups": "classify"}

    def client(self, service: str) -> FakeLogs:
        assert service == "logs"
        return self

    def get_paginator(self, name: str) -> FakeLogs:
        assert name == "filter_log_events"
        return self

    def paginate(self, *, startTime: int, endTime: int, **_: Any) -> list[Any]:  # noqa: N803
        self.asked.append((startTime, endTime))
        found = [e for e in self.events if startTime <= e["timestamp"] <= endTime]
        return [{"events": found}]


def recent(logs: FakeLogs, **more: int) -> RecentAttempts:
    return RecentAttempts(logs, **more)  # type: ignore[arg-type]  # a target with logs alone


def numbers(sample: Any) -> list[int]:
    return [seen.latency_ms for seen in sample.attempts]


def test_the_attempts_of_an_hour_are_read_and_none_before() -> None:
    logs = FakeLogs(logged(1, 61), logged(2, 59), logged(3, 5), logged(4, 0.1))
    sample = recent(logs).read(NOW)
    assert numbers(sample) == [2, 3, 4]
    assert sample.minutes == 60


def test_attempts_to_plain_urls_and_those_that_sent_nothing_say_nothing_of_an_endpoint() -> None:
    plain = logged(1, 1)
    plain["message"] = plain["message"].replace("endpointId", "other")
    disabled = logged(2, 1, category="ENDPOINT_DISABLED", status="FAILED")
    assert numbers(recent(FakeLogs(plain, disabled, logged(3, 1))).read(NOW)) == [3]


def test_with_too_many_attempts_the_period_is_shorter_and_complete() -> None:
    logs = FakeLogs(*(logged(number, 50 - number) for number in range(50)))
    sample = recent(logs, most=8).read(NOW)
    assert numbers(sample) == list(range(42, 50))
    assert sample.since > NOW - timedelta(minutes=10)
    assert len(logs.asked) < 12  # not the whole hour


def test_later_only_what_is_new_is_read_and_nothing_twice() -> None:
    logs = FakeLogs(logged(1, 30), logged(2, 0.1))
    attempts = recent(logs)
    attempts.read(NOW)
    logs.asked.clear()
    logs.events.append(logged(3, -0.5))
    sample = attempts.read(NOW + timedelta(minutes=1))
    assert numbers(sample) == [1, 2, 3]
    [(start, _)] = logs.asked
    assert start > (NOW - timedelta(minutes=1)).timestamp() * 1000


def test_what_grows_older_than_an_hour_is_forgotten() -> None:
    attempts = recent(FakeLogs(logged(1, 59), logged(2, 1)))
    attempts.read(NOW)
    assert numbers(attempts.read(NOW + timedelta(minutes=5))) == [2]


def test_after_a_long_pause_the_hour_is_read_anew() -> None:
    logs = FakeLogs(logged(1, 1))
    attempts = recent(logs)
    attempts.read(NOW)
    sample = attempts.read(NOW + timedelta(hours=3))
    assert numbers(sample) == []
    assert sample.minutes == 60


def test_the_health_of_an_endpoint_is_that_of_its_own_attempts() -> None:
    failed = {"status": "RETRY_SCHEDULED", "category": "SERVER_ERROR"}
    logs = FakeLogs(
        logged(10, 5), logged(20, 4), logged(30, 3, **failed), logged(99, 2, endpointId="other")
    )
    found = health_by_endpoint(recent(logs).read(NOW).attempts)
    assert found["shop", "orders"] == Health(
        attempts=3,
        delivered=2,
        p50_ms=20,
        p99_ms=30,
        last_success=NOW - timedelta(minutes=4),
        last_failure=NOW - timedelta(minutes=3),
    )
    assert found["shop", "orders"].success_rate == pytest.approx(2 / 3)
    assert found["shop", "other"].attempts == 1


def test_without_attempts_there_is_no_success_rate() -> None:
    assert Health().success_rate is None

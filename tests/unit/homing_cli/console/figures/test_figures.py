"""The overview's figures: counted from logs, or read from CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homing_cli.console.figures.cloudwatch import from_cloudwatch
from homing_cli.console.figures.figures import Figures, Span, from_attempts, percentile
from homing_cli.traces.attempt_log import Attempted

NOW = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
SPAN = Span.until(NOW, 1)


def attempted(minutes_ago: float, status: str, took: int) -> Attempted:
    document = {"status": status, "durationMs": took}
    return Attempted(f"{minutes_ago}", NOW - timedelta(minutes=minutes_ago), document)


@pytest.mark.parametrize(
    ("hours", "minutes", "steps"), [(1, 1, 60), (3, 1, 180), (24, 6, 240), (168, 42, 240)]
)
def test_a_span_has_even_steps_and_no_more_than_a_chart_can_show(
    hours: int, minutes: int, steps: int
) -> None:
    span = Span.until(NOW, hours)
    assert (span.step, span.steps) == (timedelta(minutes=minutes), steps)
    assert span.number_of(NOW) == steps - 1
    assert span.instants[0] == span.start


def test_attempts_are_counted_by_minute_and_by_what_they_led_to() -> None:
    found = from_attempts(
        [
            attempted(0, "DELIVERED", 10),
            attempted(0.1, "DELIVERED", 30),
            attempted(1, "RETRY_SCHEDULED", 20),
            attempted(1, "FAILED", 40),
            attempted(2, "MAX_RETRIES_EXCEEDED", 50),
            attempted(90, "DELIVERED", 9999),  # before the span
        ],
        SPAN,
        "here",
    )
    assert found.delivered[-3:] == [0, 0, 2]
    assert found.retried[-3:] == [0, 1, 0]
    assert found.failed[-3:] == [1, 1, 0]
    assert found.latency_ms[50][-3:] == [50, 20, 10]
    assert found.latency_ms[50][0] is None
    assert found.percentiles_ms == {50: 30, 90: 50, 99: 50}
    assert (found.attempts, found.per_minute, found.success_rate) == (5, 5 / 60, 0.5)


def test_nothing_attempted_is_no_success_rate() -> None:
    found = from_attempts([], SPAN, "here")
    assert (found.attempts, found.success_rate, found.percentiles_ms[50]) == (0, None, None)


@pytest.mark.parametrize(("rank", "value"), [(50, 50), (90, 90), (99, 99), (1, 1), (100, 100)])
def test_a_percentile_is_the_smallest_value_that_so_many_are_not_above(
    rank: int, value: int
) -> None:
    assert percentile(list(range(100, 0, -1)), rank) == value


class FakeCloudWatch:
    """Answers GetMetricData in two pages, with gaps, and records the requests."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def get_paginator(self, name: str) -> FakeCloudWatch:
        assert name == "get_metric_data"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked = asked
        last = SPAN.instants[-1]
        return [
            {"MetricDataResults": [{"Id": "delivered", "Timestamps": [last], "Values": [3.0]}]},
            {
                "MetricDataResults": [
                    {"Id": "failed", "Timestamps": [SPAN.start], "Values": [1.0]},
                    {"Id": "p99", "Timestamps": [last], "Values": [12.5]},
                    {"Id": "w50", "Timestamps": [SPAN.start], "Values": [7.5]},
                ]
            },
        ]


@pytest.fixture
def cloudwatch() -> FakeCloudWatch:
    return FakeCloudWatch()


@pytest.fixture
def figures(cloudwatch: FakeCloudWatch) -> Figures:
    return from_cloudwatch(cloudwatch, "Homing", SPAN)


def test_what_cloudwatch_leaves_out_is_nothing(figures: Figures) -> None:
    assert (figures.delivered[-1], figures.delivered[0]) == (3.0, 0.0)
    assert (figures.failed[0], figures.success_rate) == (1.0, 0.75)
    assert (figures.latency_ms[99][-1], figures.latency_ms[99][0]) == (12.5, None)
    assert figures.percentiles_ms == {50: 7.5, 90: None, 99: None}


def test_cloudwatch_is_asked_for_the_metrics_that_the_functions_emit(
    cloudwatch: FakeCloudWatch, figures: Figures
) -> None:
    metrics = [query["MetricStat"]["Metric"] for query in cloudwatch.asked["MetricDataQueries"]]
    assert {metric["Namespace"] for metric in metrics} == {"Homing"}
    assert {metric["MetricName"] for metric in metrics} == {
        "Delivered",
        "RetryScheduled",
        "DeliveryFailed",
        "AttemptLatency",
    }
    assert {str(metric["Dimensions"]) for metric in metrics} == {
        "[{'Name': 'service', 'Value': 'homing'}]"
    }

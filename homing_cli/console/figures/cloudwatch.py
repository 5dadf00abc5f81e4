"""The overview's figures from CloudWatch: the metrics that the functions emit.

One `GetMetricData` call reads all metrics; AWS charges for each metric ($0.01 per 1,000).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing_cli.console.figures.figures import PERCENTILES, Figures, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNTS = {"delivered": "Delivered", "retried": "RetryScheduled", "failed": "DeliveryFailed"}
_SOURCE = "CloudWatch metrics; a minute or two late"


def from_cloudwatch(client: Any, namespace: str, span: Span) -> Figures:
    """Return the figures for a span, read from CloudWatch.

    Args:
        client: a CloudWatch client.
        namespace: the namespace of the metrics (the stack's output `MetricsNamespace`).
        span: the period.
    """
    step = int(span.step.total_seconds())
    whole = step * span.steps
    queries = [_query(namespace, key, name, "Sum", step) for key, name in _COUNTS.items()]
    for rank in PERCENTILES:
        queries.append(_query(namespace, f"p{rank}", "AttemptLatency", f"p{rank}", step))
        queries.append(_query(namespace, f"w{rank}", "AttemptLatency", f"p{rank}", whole))
    answer = _ask(client, queries, span)
    return Figures(
        span=span,
        **{key: _filled(answer[key], span, 0.0) for key in _COUNTS},  # type: ignore[arg-type]
        latency_ms={rank: _filled(answer[f"p{rank}"], span, None) for rank in PERCENTILES},
        percentiles_ms={
            rank: next(iter(answer[f"w{rank}"].values()), None) for rank in PERCENTILES
        },
        source=_SOURCE,
    )


def _query(namespace: str, key: str, name: str, statistic: str, period: int) -> dict[str, Any]:
    metric = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": "service", "Value": "homing"}],
    }
    return {"Id": key, "MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}}


def _ask(client: Any, queries: list[dict[str, Any]], span: Span) -> dict[str, dict[Any, float]]:
    found: dict[str, dict[Any, float]] = {query["Id"]: {} for query in queries}
    pages = client.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries,
        StartTime=span.start,
        EndTime=span.start + span.steps * span.step,
        ScanBy="TimestampAscending",
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            found[result["Id"]] |= dict(zip(result["Timestamps"], result["Values"], strict=True))
    return found


def _filled(values: Mapping[Any, float], span: Span, nothing: float | None) -> list[float | None]:
    """Return a figure for each step: `nothing` for the steps that CloudWatch has no data for."""
    made: list[float | None] = [nothing] * span.steps
    for at, value in values.items():
        number = span.number_of(at)
        if 0 <= number < span.steps:
            made[number] = value
    return made

"""The metrics that Homing's handlers emit, as alarms and the dashboard read them.

Powertools writes them in CloudWatch's embedded metric format with the one dimension `service`
(lambdas/observation.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

if TYPE_CHECKING:
    from stacks.settings import StackSettings

SERVICE = "homing"


def emitted(
    settings: StackSettings,
    name: str,
    *,
    statistic: str = cloudwatch.Stats.SUM,
    period: Duration | None = None,
) -> cloudwatch.Metric:
    """Give a metric that the handlers emit; a five-minute sum where nothing else is asked for."""
    return cloudwatch.Metric(
        namespace=settings.metrics_namespace,
        metric_name=name,
        dimensions_map={"service": SERVICE},
        statistic=statistic,
        period=period or Duration.minutes(5),
    )

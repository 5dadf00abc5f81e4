"""Metrics for which the CDK has no methods, used by the alarms and the dashboard.

Homing's handlers emit metrics with Powertools in CloudWatch's embedded metric format, with
`service` as the only dimension (lambdas/observation.py). The metrics of a function URL are Lambda's
own ("Monitoring Lambda function URLs", AWS Lambda developer guide).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from ..functions.function import SERVICE

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from ..settings import NamedSettings


def emitted(
    settings: NamedSettings,
    name: str,
    *,
    statistic: str = cloudwatch.Stats.SUM,
    period: Duration | None = None,
) -> cloudwatch.Metric:
    """Return a metric that the handlers emit, by default as a five-minute sum."""
    return cloudwatch.Metric(
        namespace=settings.name,
        metric_name=name,
        dimensions_map={"service": SERVICE},
        statistic=statistic,
        period=period or Duration.minutes(5),
    )


def at_url(
    function: lambda_.Function,
    name: str,
    *,
    label: str | None = None,
    statistic: str = cloudwatch.Stats.SUM,
) -> cloudwatch.Metric:
    """Return a five-minute metric of requests to a function's URL, not to the APIs.

    For an alarm, give no label: the CDK would turn a metric with a label into metric math.
    """
    return function.metric(name, label=label, statistic=statistic, period=Duration.minutes(5))

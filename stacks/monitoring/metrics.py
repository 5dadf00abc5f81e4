"""The metrics that alarms and the dashboard read, and that CDK has no names for.

Those that Homing's handlers emit are written by Powertools in CloudWatch's embedded metric format
with the one dimension `service` (lambdas/observation.py). Those of a function URL are Lambda's own
("Monitoring Lambda function URLs", AWS Lambda developer guide).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from ..function import SERVICE

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from ..settings import StackSettings


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


def at_url(
    function: lambda_.Function,
    name: str,
    *,
    label: str | None = None,
    statistic: str = cloudwatch.Stats.SUM,
) -> cloudwatch.Metric:
    """Give a metric of a function's URL, of five minutes: what came in by no other API.

    An alarm's must have no label, which would make it metric math.
    """
    return function.metric(name, label=label, statistic=statistic, period=Duration.minutes(5))

"""The topic through which a cold `accept` or `ingest` wakes other functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_sns as sns
from aws_cdk.aws_sns_subscriptions import LambdaSubscription
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..functions.function import PythonFunction


class WarmUp(Construct):
    """Invokes functions that would otherwise start only when a message reaches them.

    `accept` cannot invoke `deliver` directly: the function URL of `accept` is a setting of
    `deliver`, so a reference from `accept` to `deliver` would be circular (docs/decisions/0105).

    Args:
        functions: the functions that the topic invokes.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, functions: Iterable[PythonFunction]
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True)
        for function in functions:
            # A late invocation is of no use, so a failed one is not repeated.
            function.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(1))
            self.topic.add_subscription(LambdaSubscription(function))

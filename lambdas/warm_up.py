"""Warm-up: a function that starts cold wakes the functions that its first message reaches last.

After a pause all functions on a message's way are cold, and would start one after the other. So
`accept` and `ingest`, while they initialize, publish a notification to an SNS topic that invokes
`deliver` and `classify`. These then start while the message is still being accepted and dispatched
(docs/decisions/0105). Nothing depends on it: if it fails, functions just start later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sns import SNSClient


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Wakes the functions that subscribe to a topic.

    Args:
        topic_arn: the topic.
        client: an SNS client.
    """

    topic_arn: str
    client: SNSClient

    @classmethod
    def connect(cls, topic_arn: str) -> Self:
        """Create the client. It tries only once: a second try would be too late to save time."""
        from homing.aws import client  # noqa: PLC0415  # `deliver` imports this module without boto3

        return cls(topic_arn, client("sns", read_seconds=1, tries=1))

    def begin(self) -> None:
        """Publish the notification.

        Raises:
            BotoCoreError, ClientError: when SNS does not accept it.
        """
        self.client.publish(TopicArn=self.topic_arn, Message="warm-up")


def is_warm_up(event: Mapping[str, Any]) -> bool:
    """Return whether a function of the workflow was invoked by the topic, not by the workflow.

    The workflow defines the input of its functions, which never contains `Records`.
    """
    return "Records" in event

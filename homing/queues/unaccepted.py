"""The queue of unaccepted messages, to which `ingest` moves invalid messages of ingest queues.

The body of a message is unchanged. Message attributes contain the problem document, the ingest
queue, and what `homing undispatched redrive` needs to send the message to that queue again with the
same id.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sqs import SQSClient

# The attributes that are added; the message's own attributes never have these names.
PROBLEM = "problem"
QUEUE = "queueArn"


class UnacceptedQueue:
    """The queue of unaccepted messages.

    Args:
        url: the queue's URL.
        client: an SQS client.
    """

    def __init__(self, url: str, client: SQSClient) -> None:
        self._url = url
        self._client = client

    def send(
        self,
        body: str,
        attributes: Mapping[str, str],
        *,
        queue_arn: str,
        problem: Mapping[str, Any],
    ) -> None:
        """Put a message on the queue.

        Args:
            body: its body.
            attributes: its message attributes, including `messageId`.
            queue_arn: the ARN of the ingest queue that the message came from.
            problem: the problem document with the reasons why the message is invalid.

        Raises:
            BotoCoreError, ClientError: when it cannot be sent.
        """
        texts = {**attributes, QUEUE: queue_arn, PROBLEM: json.dumps(problem)}
        self._client.send_message(
            QueueUrl=self._url, MessageBody=body, MessageAttributes=as_attributes(texts)
        )


def as_attributes(texts: Mapping[str, str]) -> Any:
    """Return texts as message attributes, in the form that SendMessage takes."""
    return {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}

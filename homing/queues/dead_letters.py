"""The dead-letter queue: where failed deliveries wait to be redriven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing.aws import client
from homing.delivery import document_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sqs import SQSClient


def sqs_client() -> SQSClient:
    """Return an SQS client with short time-outs."""
    made: SQSClient = client("sqs", read_seconds=3, tries=3)
    return made


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A received dead letter: its body, and the receipt handle with which it can be deleted."""

    body: str
    receipt: str


class DeadLetterQueue:
    """The dead-letter queue of deliveries.

    Args:
        url: the queue's URL.
        client: an SQS client; by default a new one.
    """

    def __init__(self, url: str, client: SQSClient | None = None) -> None:
        self._url = url
        self._client = client or sqs_client()

    def send(self, document: Mapping[str, Any]) -> None:
        """Send a delivery document to the queue.

        Raises:
            botocore.exceptions.ClientError: when it cannot be sent.
        """
        self._client.send_message(QueueUrl=self._url, MessageBody=document_text(document))

    def receive(self, hold_seconds: int) -> list[DeadLetter]:
        """Return up to ten dead letters, hidden from other receivers for `hold_seconds`.

        Raises:
            botocore.exceptions.ClientError: when the queue cannot be read.
        """
        received = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=hold_seconds
        )
        return [
            DeadLetter(message["Body"], message["ReceiptHandle"])
            for message in received.get("Messages", [])
        ]

    def delete(self, dead_letter: DeadLetter) -> None:
        """Delete a dead letter that was received.

        Raises:
            botocore.exceptions.ClientError: when it cannot be deleted.
        """
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=dead_letter.receipt)

"""Sets the time at which a queue redelivers a message that `dispatch` could not process yet."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# Seconds added because a detached execution may begin a moment from now, and its end is recorded a
# moment after it ends. If the message were redelivered before that, the first attempt would be made
# twice.
_MARGIN_SECONDS = 5


def seconds_until_over(first_attempt_timeout_seconds: float) -> int:
    """Return the seconds after which an execution detached now must have ended."""
    return ceil(first_attempt_timeout_seconds) + _MARGIN_SECONDS


class Redelivery:
    """Sets the time at which an in-flight message is redelivered.

    Args:
        url: the queue's URL.
        client: an SQS client.
        bulk_url: the URL of the bulk queue; by default there is none.
    """

    def __init__(self, url: str, client: SQSClient, bulk_url: str | None = None) -> None:
        self._urls = {each.rpartition("/")[2]: each for each in (url, bulk_url) if each}
        self._url = url
        self._client = client

    def put_off(self, receipt_handle: str, seconds: int, queue: str = "") -> bool:
        """Set the redelivery of a message to a number of seconds from now.

        Args:
            receipt_handle: the receipt handle of the message.
            seconds: the number of seconds.
            queue: the name of the queue that the message is on; by default the delivery queue.

        Returns:
            Whether the call succeeded. If it failed, the queue's visibility timeout applies, which
            is longer and does no harm.
        """
        try:
            self._client.change_message_visibility(
                QueueUrl=self._urls.get(queue, self._url),
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=seconds,
            )
        except (BotoCoreError, ClientError):
            return False
        return True

"""Sets when the queue redelivers a message that was detached or could not be settled."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# A detached execution may begin a moment from now, and its end is recorded a moment after it. A
# message that is redelivered before that makes the first attempt twice.
_MARGIN_SECONDS = 5


def seconds_until_over(first_attempt_timeout_seconds: float) -> int:
    """Return the seconds after which an execution detached now must have ended."""
    return ceil(first_attempt_timeout_seconds) + _MARGIN_SECONDS


class Redelivery:
    """Sets when an in-flight message is redelivered.

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
        """Postpone the redelivery of a message by a number of seconds from now.

        Args:
            receipt_handle: the message, as it was received.
            seconds: the seconds.
            queue: the name of the queue that it is on; the delivery queue by default.

        Returns:
            False where that could not be set: then the queue's visibility timeout applies, which
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

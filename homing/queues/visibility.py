"""When the queue hands a message out again that was detached, or could not be settled."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# An execution that was left is begun by now or will be in a moment, and its end is on record a
# moment after. Too early, and the first attempt would be made twice.
_MARGIN_SECONDS = 5


def seconds_until_over(first_attempt_timeout_seconds: float) -> int:
    """Tell after how many seconds from now an execution that is being left must have ended."""
    return ceil(first_attempt_timeout_seconds) + _MARGIN_SECONDS


class Redelivery:
    """Sets the time at which a message that is out is redelivered.

    Args:
        url: the queue's URL.
        client: an SQS client.
    """

    def __init__(self, url: str, client: SQSClient) -> None:
        self._url = url
        self._client = client

    def put_off(self, receipt_handle: str, seconds: int) -> bool:
        """Let a message be redelivered so many seconds from now.

        Returns:
            False where that could not be set: then it comes after the queue's visibility timeout,
            which is later and does no harm.
        """
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )
        except (BotoCoreError, ClientError):
            return False
        return True

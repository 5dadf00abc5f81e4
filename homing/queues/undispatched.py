"""The queue of undispatched messages, which the watchdog empties.

The watchdog sends each message to the delivery queue again. It may be sent twice without harm,
since `dispatch` acts on the ledger record of a delivery that has one. Messages that are not
delivery documents stay in the queue, for a person to inspect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing.delivery import read_delivery
from homing.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_AT_ONCE = 10  # messages of one call


class UndispatchedQueue:
    """The queue of undispatched messages.

    Args:
        url: the URL of the queue of undispatched messages.
        delivery_queue_url: the URL of the delivery queue.
        client: an SQS client.
    """

    def __init__(self, url: str, delivery_queue_url: str, client: SQSClient) -> None:
        self._url = url
        self._delivery_queue_url = delivery_queue_url
        self._client = client

    def put_back(self, most: int, has_time: Callable[[], bool]) -> int:
        """Put messages on the delivery queue again and return how many.

        Args:
            most: about how many messages to read; the next call reads further ones.
            has_time: returns whether there is time for more.

        Raises:
            BotoCoreError, ClientError: when SQS refuses a call. No message is lost.
        """
        moved = 0
        for _ in range(0, most, _AT_ONCE):
            received = self._client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=_AT_ONCE
            )
            messages = received.get("Messages", [])
            moved += sum(map(self._put_back, messages))
            if not messages or not has_time():
                break
        return moved

    def _put_back(self, message: MessageTypeDef) -> bool:
        try:
            _, delivery = read_delivery(message["Body"])
        except MalformedDeliveryError:
            return False
        self._client.send_message(
            QueueUrl=self._delivery_queue_url,
            MessageBody=message["Body"],
            MessageGroupId=delivery.reference.delivery_id,
            # With the delivery's own id as its deduplication id, SQS would drop the message if the
            # delivery was first queued less than five minutes ago.
            MessageDeduplicationId=f"again-{message['MessageId']}",
        )
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return True

"""The delivery queue and the bulk queue, in which accepted deliveries wait for `dispatch`.

They are FIFO queues for two reasons (docs/decisions/0006): a FIFO queue drops a delivery that is
sent to it again within five minutes, and it never returns two messages of one delivery at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from homing.delivery import document_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Entry

    from homing.delivery import Delivery

# SendMessageBatch takes 10 entries and, since 2025, 1 MiB; 256 KiB works everywhere.
MAX_BATCH_ENTRIES = 10
MAX_BATCH_BYTES = 256 * 1024

# How many times to send entries that SQS refused in a batch. Failed calls are retried by boto3.
_TRIES = 3


class DeliveryQueue:
    """The delivery queue and, if there is one, the bulk queue.

    Args:
        url: the URL of the delivery queue.
        client: an SQS client.
        bulk_url: the URL of the bulk queue; by default there is none.
    """

    def __init__(self, url: str, client: SQSClient, bulk_url: str | None = None) -> None:
        self._url = url
        self._client = client
        self._bulk_url = bulk_url or url

    def look(self) -> None:
        """Open a connection to SQS, by reading the delivery queue's ARN.

        Raises:
            BotoCoreError, ClientError: when the queue cannot be reached.
        """
        self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])

    def send(self, deliveries: Iterable[Delivery], bulk: Collection[str] = ()) -> dict[str, str]:
        """Send deliveries to their queues, in order. No two of them may be equal.

        Args:
            deliveries: the deliveries.
            bulk: the keys of the messages whose deliveries go to the bulk queue.

        Returns:
            The reasons why deliveries may not be on a queue, by delivery id; empty if all of them
            are on their queues.
        """
        of_queue: dict[str, list[Delivery]] = {self._url: [], self._bulk_url: []}
        for each in deliveries:
            of_queue[self._bulk_url if each.reference.pk in bulk else self._url].append(each)
        refused: dict[str, str] = {}
        for url, sent in of_queue.items():
            for batch in batches(sent):
                refused.update(self._send_batch(url, batch))
        return refused

    def _send_batch(self, url: str, entries: list[Entry]) -> dict[str, str]:
        refused: dict[str, str] = {}
        for _ in range(_TRIES):
            try:
                response = self._client.send_message_batch(QueueUrl=url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                reason = f"{type(error).__name__}: {error}"
                return {entry["Id"]: reason for entry in entries}
            refused = {failure["Id"]: failure["Code"] for failure in response.get("Failed", [])}
            entries = [entry for entry in entries if entry["Id"] in refused]
            if not entries:
                return {}
        return refused


def batches(deliveries: Iterable[Delivery]) -> Iterator[list[Entry]]:
    """Yield the queue messages of deliveries, in order, in batches that SQS accepts."""
    batch: list[Entry] = []
    size = 0
    for delivery in deliveries:
        text = document_text(delivery.to_document())
        length = len(text.encode())
        if batch and (len(batch) == MAX_BATCH_ENTRIES or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(_entry(delivery.reference.delivery_id, text))
        size += length
    if batch:
        yield batch


def _entry(delivery_id: str, text: str) -> Entry:
    return {
        "Id": delivery_id,
        "MessageBody": text,
        "MessageGroupId": delivery_id,
        "MessageDeduplicationId": delivery_id,
    }

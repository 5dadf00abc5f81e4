"""The delivery queue: where accepted deliveries wait for `dispatch`.

It is a FIFO queue for two reasons (docs/decisions/0005): it drops a delivery that is sent to it
again within five minutes, and it hands out only one message of a delivery at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing.delivery import document_text
from homing.errors import AcceptanceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Entry

    from homing.delivery import Delivery

# SendMessageBatch takes 10 entries and, since 2025, 1 MiB; 256 KiB is what every endpoint takes.
MAX_BATCH_ENTRIES = 10
MAX_BATCH_BYTES = 256 * 1024

_TRIES = 3  # for entries that a batch refused; boto3 repeats calls that fail


class DeliveryQueue:
    """The delivery queue.

    Args:
        url: the queue's URL.
        client: an SQS client.
    """

    def __init__(self, url: str, client: SQSClient) -> None:
        self._url = url
        self._client = client

    def send(self, deliveries: Iterable[Delivery]) -> None:
        """Send deliveries to the queue; raise unless all of them are on it.

        Raises:
            AcceptanceError: when the queue has refused one of them in every try.
            BotoCoreError, ClientError: when the queue cannot be reached.
        """
        for batch in batches(deliveries):
            self._send_batch(batch)

    def _send_batch(self, entries: list[Entry]) -> None:
        for _ in range(_TRIES):
            response = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            failed = {failure["Id"]: failure for failure in response.get("Failed", [])}
            entries = [entry for entry in entries if entry["Id"] in failed]
            if not entries:
                return
        reasons = sorted({failure["Code"] for failure in failed.values()})
        raise AcceptanceError(f"the queue refused {len(entries)} deliveries: {', '.join(reasons)}")


def batches(deliveries: Iterable[Delivery]) -> Iterator[list[Entry]]:
    """Yield deliveries in batches that SQS accepts, in their order."""
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

"""A message of a FIFO queue, as Lambda passes it to a function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Received:
    """A received message.

    Args:
        message_id: SQS's id.
        body: its text.
        receipt_handle: identifies the message in calls that change its visibility.
        receives: how often it has been received, this time included.
        group: its message group; None if the queue is not one of Homing's.
        queue: the name of the queue.
    """

    message_id: str
    body: str
    receipt_handle: str
    receives: int
    group: str | None
    queue: str

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Read a message from one of the `Records` of Lambda's event."""
        attributes = record["attributes"]
        return cls(
            message_id=record["messageId"],
            body=record["body"],
            receipt_handle=record["receiptHandle"],
            receives=int(attributes["ApproximateReceiveCount"]),
            group=attributes.get("MessageGroupId"),
            queue=record.get("eventSourceARN", "").rpartition(":")[2],
        )

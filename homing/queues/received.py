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
        message_id: the id that SQS has given the message.
        body: its text.
        receipt_handle: identifies the message in calls that change its visibility.
        receives: how often the message has been received, including this time.
        group: its message group; None if the message has none.
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

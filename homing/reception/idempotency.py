"""The idempotency record: one small item in the messages table for each accepted message.

The deliveries of a duplicate are read from this record, so they are the same as those of the first
message.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Self

from homing.delivery import Reference, message_key
from homing.timestamps import from_text, to_due_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

CLOCK_SKEW = timedelta(seconds=60)  # a `deliverAt` this far in the past means "now"


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """The record of one accepted message. Times are in ISO 8601, UTC, with milliseconds.

    Args:
        message_id: the messageId, which identifies the message together with `sender_id`.
        sender_id: the sender.
        timestamp: the time of the message: the `timestamp` of the request or, without one, the time
            at which the message was received.
        correlation_id: the id that relates the message to the logs of its sender.
        created_at: when the message was received.
        targets: the target URLs, without duplicates.
        deliver_at: the earliest time of the first attempt; None for immediately.
        fingerprint: a hash of the content, equal for all duplicates.
        expires_at: when the record may be deleted, epoch seconds.
        endpoint_ids: the endpoints of the targets, in the same order; empty for plain URLs.
        event_type: the type of the event; None if the message has none.
        ordering_key: the key within which deliveries are ordered; None for no order.
        is_bulk: whether the deliveries go to the bulk queue. This also applies to duplicates.
    """

    message_id: str
    sender_id: str
    timestamp: str
    correlation_id: str
    created_at: str
    targets: tuple[str, ...]
    deliver_at: str | None
    fingerprint: str
    expires_at: int
    endpoint_ids: tuple[str, ...] = ()
    event_type: str | None = None
    is_bulk: bool = False
    ordering_key: str | None = None

    @property
    def key(self) -> str:
        """The partition key of the message, in the messages table and in the ledger."""
        return message_key(self.message_id, self.sender_id)

    @property
    def due_at(self) -> str:
        """The time at which the first attempt may start, as a whole second.

        It is the time of acceptance or, if later, `deliverAt`.
        """
        return to_due_text(first_attempt_at(from_text(self.created_at), self.deliver_at))

    @property
    def is_overdue(self) -> bool:
        """Whether `deliverAt` had passed on reception, which is allowed only for a duplicate."""
        if self.deliver_at is None:
            return False
        return from_text(self.deliver_at) < from_text(self.created_at) - CLOCK_SKEW

    def references(self) -> tuple[Reference, ...]:
        """Return the reference of each delivery."""
        return tuple(
            Reference(
                message_id=self.message_id,
                sender_id=self.sender_id,
                timestamp=self.timestamp,
                target_url=target,
                correlation_id=self.correlation_id,
                created_at=self.created_at,
                endpoint_id=endpoint_id,
                event_type=self.event_type,
                ordering_key=self.ordering_key,
            )
            for target, endpoint_id in zip_longest(self.targets, self.endpoint_ids)
        )

    def to_item(self) -> dict[str, Any]:
        """Build the item of the messages table (plain values, not DynamoDB's typed JSON)."""
        scheduled = {} if self.deliver_at is None else {"deliverAt": self.deliver_at}
        event_type = {} if self.event_type is None else {"eventType": self.event_type}
        ordering = {} if self.ordering_key is None else {"orderingKey": self.ordering_key}
        endpoints = {"endpointIds": list(self.endpoint_ids)} if self.endpoint_ids else {}
        return {
            "pk": self.key,
            "messageId": self.message_id,
            "senderId": self.sender_id,
            "timestamp": self.timestamp,
            "correlationId": self.correlation_id,
            "createdAt": self.created_at,
            "targets": list(self.targets),
            "contentFingerprint": self.fingerprint,
            "ttl": self.expires_at,
            **scheduled,
            **endpoints,
            **event_type,
            **ordering,
            **({"bulk": True} if self.is_bulk else {}),
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Build the record from an item of the messages table (plain values, not typed JSON)."""
        return cls(
            message_id=item["messageId"],
            sender_id=item["senderId"],
            timestamp=item["timestamp"],
            correlation_id=item["correlationId"],
            created_at=item["createdAt"],
            targets=tuple(item["targets"]),
            deliver_at=item.get("deliverAt"),
            fingerprint=item["contentFingerprint"],
            expires_at=item["ttl"],
            endpoint_ids=tuple(item.get("endpointIds", ())),
            event_type=item.get("eventType"),
            is_bulk=item.get("bulk", False),
            ordering_key=item.get("orderingKey"),
        )


def first_attempt_at(created_at: datetime, deliver_at: str | None) -> datetime:
    """Return the time of acceptance or, if later, `deliverAt`: the earliest time of an attempt."""
    at_once = created_at.replace(microsecond=0)
    return at_once if deliver_at is None else max(at_once, from_text(deliver_at))

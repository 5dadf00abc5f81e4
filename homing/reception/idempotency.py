"""The guard: one small item in the messages table that makes a message be taken once.

It holds what all duplicates of the message must agree on, so that they come to the same deliveries.
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

CLOCK_SKEW = timedelta(seconds=60)  # how far in the past `deliverAt` may lie: it means "now"


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """What is remembered of a message. Times are ISO-8601 UTC with milliseconds.

    Args:
        message_id: with `sender_id`, what the guard stands for.
        sender_id: who sent the message.
        timestamp: the message's own time.
        correlation_id: what ties it to the sender's logs.
        created_at: when it was received.
        targets: where it goes, each URL once.
        deliver_at: when it may go out at the earliest, None for at once.
        fingerprint: of the content; a duplicate must have the same.
        expires_at: when the message may be forgotten, epoch seconds.
        endpoint_ids: the endpoints that the targets belong to, in their order; empty for plain
            URLs.
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

    @property
    def key(self) -> str:
        """The partition key, the same in both tables."""
        return message_key(self.message_id, self.sender_id)

    @property
    def due_at(self) -> str:
        """When the first attempt may start: at once, which is to the second, or at `deliverAt`."""
        return to_due_text(first_attempt_at(from_text(self.created_at), self.deliver_at))

    @property
    def is_overdue(self) -> bool:
        """Whether `deliverAt` had passed on reception, which is right only of a duplicate."""
        if self.deliver_at is None:
            return False
        return from_text(self.deliver_at) < from_text(self.created_at) - CLOCK_SKEW

    def references(self) -> tuple[Reference, ...]:
        """Give what identifies each of the deliveries."""
        return tuple(
            Reference(
                message_id=self.message_id,
                sender_id=self.sender_id,
                timestamp=self.timestamp,
                target_url=target,
                correlation_id=self.correlation_id,
                created_at=self.created_at,
                endpoint_id=endpoint_id,
            )
            for target, endpoint_id in zip_longest(self.targets, self.endpoint_ids)
        )

    def to_item(self) -> dict[str, Any]:
        """Give the item of the messages table, as plain values."""
        scheduled = {} if self.deliver_at is None else {"deliverAt": self.deliver_at}
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
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Read an item of the messages table, given as plain values."""
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
        )


def first_attempt_at(created_at: datetime, deliver_at: str | None) -> datetime:
    """Give when a first attempt may start; a `deliverAt` that has passed means at once."""
    at_once = created_at.replace(microsecond=0)
    return at_once if deliver_at is None else max(at_once, from_text(deliver_at))

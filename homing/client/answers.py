"""The results of the client's calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDED = frozenset({"DELIVERED", "FAILED", "MAX_RETRIES_EXCEEDED", "CANCELLED"})


@dataclass(frozen=True, slots=True)
class AcceptedDelivery:
    """The delivery of an accepted message to one of its recipients.

    Args:
        delivery_id: identifies the delivery.
        target_url: where it goes.
        endpoint_id: the endpoint, if the message went to one; else None.
    """

    delivery_id: str
    target_url: str
    endpoint_id: str | None = None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Build the delivery from an entry of `deliveries` in a response."""
        return cls(document["deliveryId"], document["targetUrl"], document.get("endpointId"))


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that Homing has accepted and will deliver.

    Args:
        message_id: identifies it, together with `sender_id`.
        sender_id: the sender.
        timestamp: the time of the message, in ISO 8601.
        correlation_id: part of every log line and ledger record of the message.
        deliveries: one for each recipient.
        duplicate: whether the message had already been accepted, by an earlier call, or by an
            earlier try of this call whose response was lost.
    """

    message_id: str
    sender_id: str
    timestamp: str
    correlation_id: str
    deliveries: tuple[AcceptedDelivery, ...]
    duplicate: bool

    @classmethod
    def from_document(cls, document: Mapping[str, Any], *, duplicate: bool) -> Self:
        """Read the response to `POST /v1/messages`."""
        return cls(
            message_id=document["messageId"],
            sender_id=document["senderId"],
            timestamp=document["timestamp"],
            correlation_id=document["correlationId"],
            deliveries=tuple(map(AcceptedDelivery.from_document, document["deliveries"])),
            duplicate=duplicate,
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """The status of one delivery.

    Args:
        delivery_id: identifies it.
        target_url: where it goes.
        endpoint_id: the endpoint, if the message went to one; else None.
        status: `QUEUED`, `RETRY_SCHEDULED`, `DELIVERED`, `FAILED`, `MAX_RETRIES_EXCEEDED` or
            `CANCELLED`.
        attempts: how many attempts have been made since acceptance or the last redrive.
        next_retry_at: when the next attempt is due, in ISO 8601; None if none is planned.
        document: all members of the API's answer (docs/api.md), such as `retryHistory`.
    """

    delivery_id: str
    target_url: str
    endpoint_id: str | None
    status: str
    attempts: int
    next_retry_at: str | None
    document: Mapping[str, Any]

    @property
    def has_ended(self) -> bool:
        """Whether the delivery's status is final. Only a redrive changes a final status."""
        return self.status in _ENDED

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Build the delivery from an entry of `deliveries` in a response."""
        return cls(
            delivery_id=document["deliveryId"],
            target_url=document["targetUrl"],
            endpoint_id=document.get("endpointId"),
            status=document["status"],
            attempts=document.get("attempts", 0),
            next_retry_at=document.get("nextRetryAt"),
            document=document,
        )


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """The status of a message.

    Args:
        message_id: identifies it, together with `sender_id`.
        sender_id: the sender.
        deliveries: one for each recipient.
    """

    message_id: str
    sender_id: str
    deliveries: tuple[Delivery, ...]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read the response to `GET /v1/messages/{messageId}`."""
        return cls(
            document["messageId"],
            document["senderId"],
            tuple(map(Delivery.from_document, document["deliveries"])),
        )


@dataclass(frozen=True, slots=True)
class RedrivenDelivery:
    """The result of a redrive for one delivery.

    Args:
        delivery_id: identifies it.
        target_url: where it goes.
        result: `REDRIVEN`, `ALREADY_REDRIVEN`, `UNDER_WAY`, `ENDED` or `DEAD_LETTER_MISSING`.
    """

    delivery_id: str
    target_url: str
    result: str


@dataclass(frozen=True, slots=True)
class Redriven:
    """The result of a redrive: one result for each delivery of the message."""

    message_id: str
    sender_id: str
    deliveries: tuple[RedrivenDelivery, ...]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read the response to `POST /v1/messages/{messageId}/redrive`."""
        return cls(
            document["messageId"],
            document["senderId"],
            tuple(
                RedrivenDelivery(each["deliveryId"], each["targetUrl"], each["result"])
                for each in document["deliveries"]
            ),
        )

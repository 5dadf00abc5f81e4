"""A delivery: one message to one target URL. Its execution gets its delivery document as input."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from homing.errors import MalformedDeliveryError
from homing.payloads.reference import PayloadReference
from homing.retry.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Reference:
    """What identifies a delivery. Times are in ISO 8601, UTC, with milliseconds.

    `endpoint_id` is the endpoint that had `target_url` at acceptance; None if the message itself
    named the URL. A delivery with an `ordering_key` has a `sequence` in its line. When its turn
    comes, it also gets `after`: the number of attempts of the delivery before it
    (`homing.ordering`). The fields with a default are part of neither the ledger key nor the id.
    """

    message_id: str
    sender_id: str
    timestamp: str
    target_url: str
    correlation_id: str
    created_at: str
    endpoint_id: str | None = None
    event_type: str | None = None
    ordering_key: str | None = None
    sequence: int | None = None
    after: int | None = None

    @property
    def pk(self) -> str:
        """The ledger's partition key: all deliveries of one message share it."""
        return message_key(self.message_id, self.sender_id)

    @property
    def sk(self) -> str:
        """The ledger's sort key."""
        return f"{self.timestamp}#{self.target_url}"

    @property
    def line(self) -> str | None:
        """The delivery's place in its line, as stored in the ledger: `<sequence>#<orderingKey>`.

        The sequence is empty until the delivery has a place. For a
        delivery without an ordering key, which is in no line, this is None.
        """
        if self.ordering_key is None:
            return None
        return f"{self.sequence or ''}#{self.ordering_key}"

    @property
    def delivery_id(self) -> str:
        """A stable id made from the key and the time of creation; it can name an execution.

        Duplicates of the message share the time of creation. If a message is sent again after its
        records have expired, it gets a new time of creation, and therefore a new id. The id must be
        new, since Step Functions remembers execution names for 90 days (docs/decisions/0022).
        """
        text = f"{self.pk}\n{self.sk}\n{self.created_at}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def ids(self) -> dict[str, str]:
        """Return the ids that every log event of the delivery contains."""
        return {
            "deliveryId": self.delivery_id,
            "messageId": self.message_id,
            "senderId": self.sender_id,
            "correlationId": self.correlation_id,
            **self._optional(),
        }

    def to_document(self) -> dict[str, Any]:
        """Return the `reference` of the delivery document (docs/architecture.md)."""
        return {
            "messageId": self.message_id,
            "senderId": self.sender_id,
            "timestamp": self.timestamp,
            "targetUrl": self.target_url,
            "correlationId": self.correlation_id,
            "createdAt": self.created_at,
            "pk": self.pk,
            "sk": self.sk,
            "deliveryId": self.delivery_id,
            **self._optional(),
            **self._ordering(),
        }

    def _ordering(self) -> dict[str, Any]:
        named = {"orderingKey": self.ordering_key, "sequence": self.sequence, "after": self.after}
        return {name: value for name, value in named.items() if value is not None}

    def _optional(self) -> dict[str, str]:
        named = {"endpointId": self.endpoint_id, "eventType": self.event_type}
        return {name: value for name, value in named.items() if value is not None}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read the `reference` of a delivery document, or the attributes of a ledger record.

        Derived fields such as `deliveryId` are not read, but computed again.
        """
        sequence, _, ordering_key = (document.get("line") or "").partition("#")
        return cls(
            message_id=document["messageId"],
            sender_id=document["senderId"],
            timestamp=document["timestamp"],
            target_url=document["targetUrl"],
            correlation_id=document["correlationId"],
            created_at=document["createdAt"],
            endpoint_id=document.get("endpointId"),
            event_type=document.get("eventType"),
            ordering_key=document.get("orderingKey") or ordering_key or None,
            sequence=document.get("sequence") or (int(sequence) if sequence else None),
            after=document.get("after"),
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: the exact text of the payload, its content type, and the message's headers.

    A payload too large for a delivery document is stored in S3, and `claim` refers to it
    (`homing.payloads`).
    """

    payload: str
    content_type: str
    headers: Mapping[str, str]
    claim: PayloadReference | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the `request` of the delivery document."""
        payload = (
            {"payload": self.payload} if self.claim is None else {"claim": self.claim.to_document()}
        )
        return {
            **payload,
            "contentType": self.content_type,
            "headers": dict(self.headers),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read the `request` of the delivery document."""
        labels = document["contentType"], document["headers"]
        if "claim" in document:
            return cls("", *labels, PayloadReference.from_document(document["claim"]))
        return cls(document["payload"], *labels)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery before one of its attempts.

    Args:
        reference: what identifies it.
        request: what is sent.
        policy: how often and how long it is tried.
        attempt_number: the current attempt, counted from 0.
        due_at: the earliest time of that attempt, in ISO 8601, a whole second.
        expires_at: the time from which its ledger record may be deleted, epoch seconds.
        previous_delay_seconds: the delay before this attempt, None before the first.
        generation: how often the delivery has been moved to a new execution, by a redrive, an
            immediate retry or the watchdog; a later generation supersedes all earlier ones.
    """

    reference: Reference
    request: Request
    policy: Policy
    attempt_number: int
    due_at: str
    expires_at: int
    previous_delay_seconds: float | None = None
    generation: int = 0

    def to_document(self) -> dict[str, Any]:
        """Return the delivery document (docs/architecture.md)."""
        return {
            "reference": self.reference.to_document(),
            "request": self.request.to_document(),
            "policy": self.policy.to_document(),
            "attemptNumber": self.attempt_number,
            "attempts": self.attempt_number + 1,
            "dueAt": self.due_at,
            "expiresAt": self.expires_at,
            "previousDelaySeconds": self.previous_delay_seconds,
            "generation": self.generation,
        }

    @classmethod
    def from_document(cls, document: Any) -> Self:
        """Read a delivery document.

        Raises:
            MalformedDeliveryError: when a field is missing or of the wrong kind.
        """
        try:
            return cls(
                reference=Reference.from_document(document["reference"]),
                request=Request.from_document(document["request"]),
                policy=Policy.from_document(document["policy"]),
                attempt_number=document["attemptNumber"],
                due_at=document["dueAt"],
                expires_at=document["expiresAt"],
                previous_delay_seconds=document["previousDelaySeconds"],
                generation=document["generation"],
            )
        except KeyError as error:
            raise MalformedDeliveryError(f"field {error} is missing") from error
        except (TypeError, ValueError) as error:
            raise MalformedDeliveryError(str(error)) from error


def message_key(message_id: str, sender_id: str) -> str:
    """Return the key of a message, `<messageId>#<senderId>`, in the messages table and the ledger.

    In both tables it is the partition key.
    """
    return f"{message_id}#{sender_id}"


def document_text(document: Mapping[str, Any]) -> str:
    """Return a delivery document as text, for a queue or as the input of an execution.

    A queue message and an input may have at most 256 KiB, counted in bytes of UTF-8. An escape
    takes up to three times as many bytes as its character, so only characters that JSON requires to
    be escaped are escaped. Limits on the size of a document apply to this text.
    """
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def read_delivery(body: str) -> tuple[dict[str, Any], Delivery]:
    """Return the delivery document in the body of a queue message, and the delivery it describes.

    Raises:
        MalformedDeliveryError: when it is not a delivery document.
    """
    try:
        document = json.loads(body)
    except ValueError as error:
        raise MalformedDeliveryError(f"not JSON: {error}") from error
    return document, Delivery.from_document(document)

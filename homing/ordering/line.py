"""A line of ordered deliveries, and a place in one, as their DynamoDB tables store them."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from homing.delivery import Delivery, Reference, document_text

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_WAITING = 10_000  # deliveries in a line
DIGITS = 16  # length of a sequence in a sort key, with leading zeros, so that keys sort by number


@dataclass(frozen=True, slots=True)
class Line:
    """The progress of a line. No progress is stored until the first attempt in the line begins.

    Args:
        head: the sequence of the line's head, the delivery whose attempts may begin.
        delivery_id: the id of the head.
        key: the key of the head's record in the ledger.
        created_at: when the head's message was accepted, in ISO 8601.
        begun: how many attempts of the head have begun.
        until: the time by which the last of these attempts must be over, in ISO 8601; None if none
            has begun.
        passed_over: the sequence of a failed delivery that no longer blocks the line; None if there
            is none.
    """

    head: int
    delivery_id: str
    key: tuple[str, str]
    created_at: str
    begun: int
    until: str | None = None
    passed_over: int | None = None

    @property
    def message_id(self) -> str:
        """The messageId of the line's head."""
        return self.key[0].rpartition("#")[0]

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Build the line from an item of the table of lines (plain values, not typed JSON)."""
        return cls(
            head=item["head"],
            delivery_id=item["deliveryId"],
            key=(item["deliveryPk"], item["deliverySk"]),
            created_at=item["createdAt"],
            begun=item["begun"],
            until=item.get("untilAt"),
            passed_over=item.get("passedOver"),
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a line, with the delivery that waits in it.

    Args:
        line_id: the line.
        sequence: the number of the place.
        delivery: the delivery, before its first attempt.
        put_at: when the delivery got the place, in ISO 8601.
    """

    line_id: str
    sequence: int
    delivery: Delivery
    put_at: str

    @property
    def delivery_id(self) -> str:
        """The id of the delivery that waits in this place."""
        return self.delivery.reference.delivery_id

    def to_item(self) -> dict[str, Any]:
        """Build the item of the table of places (plain values, not DynamoDB's typed JSON).

        The delivery document is compressed, since DynamoDB charges for each KiB that is written.
        """
        text = document_text(self.delivery.to_document())
        return {
            "pk": self.line_id,
            "sk": sort_key(self.sequence),
            "deliveryId": self.delivery_id,
            "delivery": zlib.compress(text.encode()),
            "putAt": self.put_at,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Build the place from an item of the table of places (plain values, not typed JSON)."""
        document = json.loads(zlib.decompress(bytes(item["delivery"])))
        delivery = Delivery.from_document(document)
        return cls(item["pk"], int(item["sk"]), delivery, item["putAt"])


def line_id_of(reference: Reference) -> str:
    """Return the id of the line that a delivery with an `orderingKey` is in."""
    to = (
        ["endpoint", reference.endpoint_id]
        if reference.endpoint_id
        else ["url", reference.target_url]
    )
    named = json.dumps([reference.sender_id, *to, reference.ordering_key])
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def sort_key(sequence: int) -> str:
    """Return the sort key of a place in the table of places."""
    return f"{sequence:0{DIGITS}}"

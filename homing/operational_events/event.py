"""An operational event, and the change to a table from which it is derived."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from homing.items import from_dynamodb

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = "homing"

# The beginning of the event types of messages about Homing itself. Their deliveries cause no
# operational events. Otherwise, if operational events were sent as messages and a delivery of one
# failed, its failure would cause the next event, without end.
OWN_EVENT_TYPES = "homing."


class Kind(StrEnum):
    """The `detail-type` of an operational event."""

    DELIVERY_FAILING = "Delivery Failing"
    DELIVERY_FAILED = "Delivery Failed"
    DELIVERY_RECOVERED = "Delivery Recovered"
    DELIVERY_DELIVERED = "Delivery Delivered"
    ENDPOINT_DISABLED = "Endpoint Disabled"
    ORDERING_BLOCKED = "Ordering Blocked"


@dataclass(frozen=True, slots=True)
class OperationalEvent:
    """An event for operators: ids and a reason, never a payload.

    Args:
        kind: what has happened.
        at: when it happened, in ISO 8601, UTC, with milliseconds.
        detail: the members of `detail` (docs/operational-events.md).
    """

    kind: Kind
    at: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A change to an item of a table (plain values, not DynamoDB's typed JSON).

    Args:
        table: the table's name.
        before: the item before the change; None if the change has created it.
        after: the item after the change; None if the change has deleted it.
    """

    table: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Read a record of a table's stream, as Lambda passes it on."""
        images = record["dynamodb"]
        before, after = images.get("OldImage"), images.get("NewImage")
        return cls(
            # arn:aws:dynamodb:us-east-1:123456789012:table/NAME/stream/2025-12-28T12:00:00.000
            record["eventSourceARN"].split("/")[1],
            None if before is None else from_dynamodb(before),
            None if after is None else from_dynamodb(after),
        )

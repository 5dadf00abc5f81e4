"""Lists of deliveries and bulk redrives: the client's requests and results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypedDict
from urllib.parse import quote, urlencode

from homing.client.fields import camel_case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class FilterFields(TypedDict, total=False):
    """The fields of a filter of deliveries. `target_url` is the API's `targetUrl`, and so on.

    docs/api.md describes the fields.
    """

    status: Sequence[str]
    message_id: str
    endpoint_id: str
    target_url: str
    event_type: str
    category: str
    since: str
    before: str
    reason: str


@dataclass(frozen=True, slots=True)
class ListedDelivery:
    """A delivery in a list.

    Args:
        delivery_id: identifies it.
        message_id: its message.
        status: as in `Delivery`.
        attempts: how many attempts have been made since acceptance or the last redrive.
        endpoint_id: its endpoint, if it has one; else None.
        category: the category of its latest attempt; None before the first.
        reason: the reason of its latest verdict; None before the first.
        document: all members of the API's answer (docs/api.md).
    """

    delivery_id: str
    message_id: str
    status: str
    attempts: int
    endpoint_id: str | None
    category: str | None
    reason: str | None
    document: Mapping[str, Any]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Build the delivery from an entry of `deliveries` in a response."""
        return cls(
            delivery_id=document["deliveryId"],
            message_id=document["messageId"],
            status=document["status"],
            attempts=document["attempts"],
            endpoint_id=document.get("endpointId"),
            category=document.get("category"),
            reason=document.get("reason"),
            document=document,
        )


@dataclass(frozen=True, slots=True)
class BulkRedrive:
    """A bulk redrive, and the status of its deliveries.

    Args:
        redrive_id: identifies it.
        status: `REDRIVING`, `FOLLOWING` or `ENDED`.
        matched: how many deliveries matched when the bulk redrive began.
        redriven: how many deliveries have been redriven.
        delivered: how many of the redriven deliveries have arrived since.
        failed: how many of the redriven deliveries have failed again.
        waiting: how many of the redriven deliveries have not ended yet.
        document: all members of the API's answer (docs/api.md).
    """

    redrive_id: str
    status: str
    matched: int
    redriven: int
    delivered: int
    failed: int
    waiting: int
    document: Mapping[str, Any]

    @property
    def has_ended(self) -> bool:
        """Whether the bulk redrive is over: its deliveries have ended or are no longer tracked."""
        return self.status == "ENDED"

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read a bulk redrive from a response."""
        return cls(
            redrive_id=document["redriveId"],
            status=document["status"],
            matched=document["matched"],
            redriven=document["redriven"],
            delivered=document["delivered"],
            failed=document["failed"],
            waiting=document["waiting"],
            document=document,
        )


def filter_document(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a filter as the JSON object that the API takes.

    Raises:
        TypeError: when a field is unknown.
    """
    if unknown := fields.keys() - FilterFields.__annotations__.keys():
        raise TypeError(f"a filter has no field {min(unknown)}")
    return {camel_case(name): value for name, value in fields.items()}


def list_path(fields: Mapping[str, Any], sender_id: str | None, after: str | None) -> str:
    """Return the path and query for a page in the list of deliveries."""
    query = filter_document(fields)
    if "status" in query:
        query["status"] = ",".join(query["status"])
    others = {"senderId": sender_id, "after": after}
    query |= {name: value for name, value in others.items() if value is not None}
    return f"/v1/messages?{urlencode(query)}" if query else "/v1/messages"


def redrive_path(redrive_id: str, sender_id: str | None) -> str:
    """Return the path and query at which the API returns a bulk redrive."""
    query = f"?{urlencode({'senderId': sender_id})}" if sender_id else ""
    return f"/v1/redrives/{quote(redrive_id, safe='')}{query}"

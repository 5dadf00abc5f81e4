"""The filter of delivery lists, shared by the API, the command line and the console.

Lists contain the deliveries that have failed or been cancelled, and those whose ledger record
contains the time of their next attempt. They do not contain deliveries that have arrived or
are still queued for their first attempt; look these up by messageId.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from homing.delivery import Reference
from homing.retry.classification import Category, Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

LISTED = (
    *(Status.QUEUED, Status.RETRY_SCHEDULED),
    *(Status.FAILED, Status.MAX_RETRIES_EXCEEDED, Status.CANCELLED),
)


@dataclass(frozen=True)
class Listed:
    """A listed delivery: its entry in an index of the ledger.

    Args:
        pk: the record's partition key.
        sk: the record's sort key.
        message_id: the message.
        sender_id: its sender.
        target_url: its target URL; for an endpoint, the URL that the endpoint had on acceptance.
        created_at: when the message was accepted.
        status: the status of the delivery.
        attempts: how many attempts have been made since it was accepted or last redriven.
        at: the time by which lists are ordered: when the next attempt is due, or when the delivery
            ended.
        last_updated_at: when an attempt or an intervention was last recorded.
        next_retry_at: when the next attempt is due; None once the delivery has ended.
        endpoint_id: its endpoint; None for a plain URL.
        event_type: the type of its event; None if it has none.
        category: the category of its latest attempt; None before the first.
        reason: the reason of the latest verdict; None before the first.
        expires_at: when the record may be deleted, epoch seconds.
    """

    pk: str
    sk: str
    message_id: str
    sender_id: str
    target_url: str
    created_at: str
    status: Status
    attempts: int
    at: str
    last_updated_at: str
    next_retry_at: str | None = None
    endpoint_id: str | None = None
    event_type: str | None = None
    category: Category | None = None
    reason: str | None = None
    expires_at: int = 0

    @classmethod
    def from_attributes(cls, item: Mapping[str, Any]) -> Self:
        """Build the delivery from an entry of an index (plain values, not typed JSON)."""
        cause = item.get("cause", {})
        category = cause.get("category")
        return cls(
            pk=item["pk"],
            sk=item["sk"],
            message_id=item["messageId"],
            sender_id=item["senderId"],
            target_url=item["targetUrl"],
            created_at=item["createdAt"],
            status=Status(item["status"]),
            attempts=item["attempts"],
            at=item["attentionAt"],
            last_updated_at=item["lastUpdatedAt"],
            next_retry_at=item.get("nextRetryAt"),
            endpoint_id=item.get("endpointId"),
            event_type=item.get("eventType"),
            category=None if category is None else Category(category),
            reason=cause.get("reason"),
            expires_at=item["ttl"],
        )

    @property
    def place(self) -> tuple[str, str, str]:
        """The position of the delivery in a list, which begins with the latest delivery."""
        return self.at, self.pk, self.sk

    @property
    def recipient(self) -> str:
        """The endpoint's id or, if there is no endpoint, the target URL."""
        return self.endpoint_id or self.target_url

    @cached_property
    def delivery_id(self) -> str:
        """The id of the delivery."""
        timestamp, _, _ = self.sk.partition("#")
        ids = (self.message_id, self.sender_id, timestamp, self.target_url, "", self.created_at)
        return Reference(*ids).delivery_id

    def to_document(self) -> dict[str, Any]:
        """Return the delivery as the API lists it; fields that are not set are omitted."""
        members = {
            "deliveryId": self.delivery_id,
            "messageId": self.message_id,
            "senderId": self.sender_id,
            "targetUrl": self.target_url,
            "endpointId": self.endpoint_id,
            "eventType": self.event_type,
            "status": self.status.value,
            "attempts": self.attempts,
            "category": self.category and self.category.value,
            "reason": self.reason,
            "createdAt": self.created_at,
            "lastUpdatedAt": self.last_updated_at,
            "nextRetryAt": self.next_retry_at,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """A filter that selects listed deliveries. A field that is None matches every delivery.

    Args:
        statuses: the statuses to select, each one of `LISTED`; by default all of these.
        message_id: a part of the id of the message.
        sender_id: the sender.
        endpoint_id: the endpoint, regardless of its URL.
        target_url: the beginning of the target URL.
        event_type: the type of the event; `order.*` stands for all that begin with `order.`.
        category: the category of the latest attempt.
        since: only deliveries last updated at this time or later, in ISO 8601, UTC, with
            milliseconds.
        before: only deliveries last updated earlier than this time.
        reason: text that the reason of the latest attempt contains; case is ignored.
    """

    statuses: tuple[Status, ...] = LISTED
    message_id: str | None = None
    sender_id: str | None = None
    endpoint_id: str | None = None
    target_url: str | None = None
    event_type: str | None = None
    category: Category | None = None
    since: str | None = None
    before: str | None = None
    reason: str | None = None

    def matches(self, one: Listed, now: int) -> bool:
        """Return whether the filter matches a delivery; if its record has expired, it does not.

        Args:
            one: the delivery.
            now: the time, epoch seconds. It is needed because DynamoDB may delete expired records
                days late.
        """
        return (
            one.status in self.statuses
            and (self.message_id or "") in one.message_id
            and self.sender_id in (None, one.sender_id)
            and self.endpoint_id in (None, one.endpoint_id)
            and one.target_url.startswith(self.target_url or "")
            and (self.event_type is None or _covers(self.event_type, one.event_type or ""))
            and self.category in (None, one.category)
            and (self.since or "") <= one.last_updated_at
            and (self.before is None or one.last_updated_at < self.before)
            and (self.reason or "").casefold() in (one.reason or "").casefold()
            and one.expires_at >= now
        )

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read a filter from a document that `to_document` has written."""
        category = document.get("category")
        return cls(
            statuses=tuple(Status(each) for each in document.get("status", LISTED)),
            message_id=document.get("messageId"),
            sender_id=document.get("senderId"),
            endpoint_id=document.get("endpointId"),
            target_url=document.get("targetUrl"),
            event_type=document.get("eventType"),
            category=None if category is None else Category(category),
            since=document.get("since"),
            before=document.get("before"),
            reason=document.get("reason"),
        )

    def to_document(self) -> dict[str, Any]:
        """Return the filter as a document of the API; fields that are not set are omitted."""
        members: dict[str, Any] = {
            "status": [each.value for each in self.statuses],
            "messageId": self.message_id,
            "senderId": self.sender_id,
            "endpointId": self.endpoint_id,
            "targetUrl": self.target_url,
            "eventType": self.event_type,
            "category": self.category and self.category.value,
            "since": self.since,
            "before": self.before,
            "reason": self.reason,
        }
        if self.statuses == LISTED:
            del members["status"]
        return {name: value for name, value in members.items() if value is not None}


def _covers(wanted: str, event_type: str) -> bool:
    """Return whether an event type equals a pattern, or begins with the text before its `*`."""
    if wanted.endswith("*"):
        return event_type.startswith(wanted[:-1])
    return event_type == wanted

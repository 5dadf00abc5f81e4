"""An endpoint: a URL that a sender delivers to repeatedly, with its settings and health.

The API may show everything in it. Signing secrets and header values are in another table
(homing/credentials/confidential.py), which few functions can read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from homing.json_text import JsonText

if TYPE_CHECKING:
    from collections.abc import Mapping


class Signing(StrEnum):
    """How attempts are signed (Standard Webhooks 1.0.0): HMAC-SHA256 or ed25519."""

    V1 = "v1"
    V1A = "v1a"


class Ordering(StrEnum):
    """What happens in a line after one of its deliveries has failed for good.

    SKIP: the next delivery is sent. BLOCK: the line waits until the delivery is redriven or passed
    over.
    """

    SKIP = "skip"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint. Times are in ISO 8601, UTC, with milliseconds.

    Args:
        sender_id: its sender.
        endpoint_id: its id, chosen by the sender.
        url: the URL to deliver to.
        created_at: when it was created.
        updated_at: when it was last changed.
        description: a text for people.
        policy: the fields with which the endpoint overrides the default retry policy, as the sender
            wrote them; may be empty.
        header_names: the extra headers of each attempt, without their values.
        event_types: the event types that it subscribes to (homing/routing/subscriptions.py).
        filter: the event pattern that these events must match, as the JSON text that the sender
            wrote; empty for none.
        attempts_at_once: the maximum number of concurrent attempts; 0 for no limit.
        rate_per_second: the maximum number of attempts a second; 0 for no limit.
        ordering: what happens in a line after one of its deliveries has failed for good.
        signing: the kind of the secret that the next rotation creates.
        enabled: whether messages are delivered to it.
        disabled_at: when it was disabled.
        disabled_reason: why it was disabled, for people.
        failing_since: the time of the first recorded failure since its last success.
        version: increases by 1 with each change, so that a change based on stale data is refused.
            It starts again at 1 when an endpoint is deleted and created again.
    """

    sender_id: str
    endpoint_id: str
    url: str
    created_at: str
    updated_at: str
    description: str = ""
    policy: Mapping[str, Any] = field(default_factory=dict)
    header_names: tuple[str, ...] = ()
    event_types: tuple[str, ...] = ()
    filter: str = ""
    attempts_at_once: int = 0
    rate_per_second: float = 0
    ordering: Ordering = Ordering.SKIP
    signing: Signing = Signing.V1
    enabled: bool = True
    disabled_at: str | None = None
    disabled_reason: str | None = None
    failing_since: str | None = None
    version: int = 1

    @property
    def edition(self) -> str:
        """The id of this version; no other version has it, even after the endpoint is recreated."""
        return f"{self.created_at}#{self.version}"

    def to_document(self) -> dict[str, Any]:
        """Return the endpoint as the API shows it."""
        maybe = {
            "eventTypes": list(self.event_types) or None,
            "filter": JsonText(self.filter) if self.filter else None,
            "attemptsAtOnce": self.attempts_at_once or None,
            "ratePerSecond": self.rate_per_second or None,
            "ordering": None if self.ordering is Ordering.SKIP else self.ordering.value,
            "disabledAt": self.disabled_at,
            "disabledReason": self.disabled_reason,
            "failingSince": self.failing_since,
        }
        return {
            "endpointId": self.endpoint_id,
            "senderId": self.sender_id,
            "url": self.url,
            "description": self.description,
            "policy": dict(self.policy),
            "headerNames": list(self.header_names),
            "signing": self.signing,
            "enabled": self.enabled,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            **{name: value for name, value in maybe.items() if value is not None},
        }

    def to_item(self) -> dict[str, Any]:
        """Build the item of the endpoints table (plain values, not DynamoDB's typed JSON)."""
        document = self.to_document() | {"version": self.version}
        return {
            "pk": document.pop("senderId"),
            "sk": document.pop("endpointId"),
            **document,
            "signing": self.signing.value,
            **({"filter": self.filter} if self.filter else {}),
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Build the endpoint from an item of the endpoints table (plain values, not typed JSON)."""
        return cls(
            sender_id=item["pk"],
            endpoint_id=item["sk"],
            url=item["url"],
            created_at=item["createdAt"],
            updated_at=item["updatedAt"],
            description=item["description"],
            policy=item["policy"],
            header_names=tuple(item["headerNames"]),
            event_types=tuple(item.get("eventTypes", ())),
            filter=item.get("filter", ""),
            attempts_at_once=item.get("attemptsAtOnce", 0),
            rate_per_second=item.get("ratePerSecond", 0),
            ordering=Ordering(item.get("ordering", Ordering.SKIP)),
            signing=Signing(item["signing"]),
            enabled=item["enabled"],
            disabled_at=item.get("disabledAt"),
            disabled_reason=item.get("disabledReason"),
            failing_since=item.get("failingSince"),
            version=item["version"],
        )

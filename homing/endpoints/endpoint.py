"""An endpoint: a place that a sender delivers to again and again, and how it wants to be served.

What may be told of it is here. Its signing secrets and the values of its headers are in another
item of another table (homing/endpoints/confidential.py), which few functions can read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


class Signing(StrEnum):
    """How attempts are signed (Standard Webhooks 1.0.0): HMAC-SHA256 or ed25519."""

    V1 = "v1"
    V1A = "v1a"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint. Times are ISO-8601 UTC with milliseconds.

    Args:
        sender_id: whose it is.
        endpoint_id: its name, the sender's choice.
        url: where to deliver.
        created_at: since when there is this endpoint.
        updated_at: when it was last changed.
        description: for people.
        policy: what of the retry policy it overrides, as it was given; may be empty.
        header_names: the extra headers of each attempt, without their values.
        attempts_at_once: how many attempts it allows at once; 0 for any number.
        signing: what kind of secret its next one will be.
        enabled: whether anything is sent to it.
        disabled_at: since when nothing is.
        disabled_reason: why, for people.
        failing_since: the first failure since its last success, as far as one was noticed.
        version: counts the changes, so that none is made from what is no longer true. It begins
            anew where an endpoint is deleted and made again.
    """

    sender_id: str
    endpoint_id: str
    url: str
    created_at: str
    updated_at: str
    description: str = ""
    policy: Mapping[str, Any] = field(default_factory=dict)
    header_names: tuple[str, ...] = ()
    attempts_at_once: int = 0
    signing: Signing = Signing.V1
    enabled: bool = True
    disabled_at: str | None = None
    disabled_reason: str | None = None
    failing_since: str | None = None
    version: int = 1

    @property
    def edition(self) -> str:
        """Which of all endpoints that ever had this id it is, and which version of it."""
        return f"{self.created_at}#{self.version}"

    def to_document(self) -> dict[str, Any]:
        """Give what the API answers."""
        maybe = {
            "attemptsAtOnce": self.attempts_at_once or None,
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
        """Give the item of the endpoints table, as plain values."""
        document = self.to_document() | {"version": self.version}
        return {
            "pk": document.pop("senderId"),
            "sk": document.pop("endpointId"),
            **document,
            "signing": self.signing.value,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Read an item of the endpoints table, given as plain values."""
        return cls(
            sender_id=item["pk"],
            endpoint_id=item["sk"],
            url=item["url"],
            created_at=item["createdAt"],
            updated_at=item["updatedAt"],
            description=item["description"],
            policy=item["policy"],
            header_names=tuple(item["headerNames"]),
            attempts_at_once=item.get("attemptsAtOnce", 0),
            signing=Signing(item["signing"]),
            enabled=item["enabled"],
            disabled_at=item.get("disabledAt"),
            disabled_reason=item.get("disabledReason"),
            failing_since=item.get("failingSince"),
            version=item["version"],
        )

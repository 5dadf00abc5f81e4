"""Confidential data: signing secrets of senders and endpoints, and headers of endpoints.

They are in the secrets table, which is encrypted with its own key (docs/security.md). They must not
appear in a delivery document, a log line, an error or a response, except the one response that
returns a new secret. So `repr` omits secrets and headers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from homing.credentials.secret_rotation import SigningSecret
from homing.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Confidential:
    """The confidential data of a sender or an endpoint.

    Args:
        secrets: the signing secrets, some of which may have expired.
        headers: the extra headers of each attempt, which usually hold credentials.
        version: increases by 1 with each change, so that a change based on stale data is refused.
        edition: for an endpoint, the `Endpoint.edition` that the data belongs to, so that its
            headers are never sent to a different URL. Empty for a sender.
    """

    secrets: tuple[SigningSecret, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    version: int = 1
    edition: str = ""

    def to_item(self, holder: str) -> dict[str, Any]:
        """Build the item of the secrets table (plain values, not DynamoDB's typed JSON).

        Args:
            holder: the key of the sender or endpoint that the data belongs to, from `sender_holder`
                or `endpoint_holder`.
        """
        return {
            "pk": holder,
            "secrets": [_secret_item(secret) for secret in self.secrets],
            "headers": dict(self.headers),
            "version": self.version,
            "edition": self.edition,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Build the data from an item of the secrets table (plain values, not typed JSON)."""
        return cls(
            secrets=tuple(_read_secret(each) for each in item["secrets"]),
            headers=item["headers"],
            version=item["version"],
            edition=item["edition"],
        )


def sender_holder(sender_id: str) -> str:
    """Return the partition key of a sender in the secrets table."""
    return f"sender#{sender_id}"


def endpoint_holder(sender_id: str, endpoint_id: str) -> str:
    """Return the partition key of an endpoint in the secrets table.

    Neither id can contain a `#`, so the key is unambiguous.
    """
    return f"endpoint#{sender_id}#{endpoint_id}"


def _secret_item(secret: SigningSecret) -> dict[str, Any]:
    end = {} if secret.expires_at is None else {"expiresAt": to_text(secret.expires_at)}
    return {"text": secret.text, "createdAt": to_text(secret.created_at), **end}


def _read_secret(item: Mapping[str, Any]) -> SigningSecret:
    end = item.get("expiresAt")
    return SigningSecret(
        text=item["text"],
        created_at=from_text(item["createdAt"]),
        expires_at=None if end is None else from_text(end),
    )

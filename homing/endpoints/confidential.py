"""What must not leak: the signing secrets of a sender or an endpoint, and an endpoint's headers.

They are items of the secrets table, encrypted with a key of their own (docs/security.md). No part
of them may appear in a delivery document, a log line, an error or an answer but the one that first
hands a secret over. So `repr` shows neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from homing.endpoints.secret_rotation import SigningSecret
from homing.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Confidential:
    """What is kept of one owner.

    Args:
        secrets: those that sign, and some that have ended.
        headers: the extra headers of each attempt; they hold credentials as a rule.
        version: counts the changes, so that none is made from what is no longer true.
        edition: of an endpoint, the `Endpoint.edition` that it was kept with and goes with: no
            header goes to the URL of another. Empty for a sender.
    """

    secrets: tuple[SigningSecret, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    version: int = 1
    edition: str = ""

    def to_item(self, owner: str) -> dict[str, Any]:
        """Give the item of the secrets table, as plain values."""
        return {
            "pk": owner,
            "secrets": [_secret_item(secret) for secret in self.secrets],
            "headers": dict(self.headers),
            "version": self.version,
            "edition": self.edition,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Read an item of the secrets table, given as plain values."""
        return cls(
            secrets=tuple(_read_secret(each) for each in item["secrets"]),
            headers=item["headers"],
            version=item["version"],
            edition=item["edition"],
        )


def owner_of_sender(sender_id: str) -> str:
    """Give the key under which a sender's own secrets are kept."""
    return f"sender#{sender_id}"


def owner_of_endpoint(sender_id: str, endpoint_id: str) -> str:
    """Give the key under which an endpoint's secrets are kept; neither id can hold a `#`."""
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

"""API keys of senders: `hmg_<keyId>_<secret>`, sent as `Authorization: Bearer ...`.

The secret has 256 random bits and is shown once, when the key is created. Its SHA-256 is stored. A
password would need a slow, salted hash; 256 random bits cannot be guessed, no matter how fast the
hash is (docs/decisions/0035).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "hmg_"

_ID_BYTES = 8
_SECRET_BYTES = 32
# The scheme is case-insensitive and may be followed by several spaces (RFC 9110, section 11.4).
_BEARER = re.compile(
    rf"(?i:bearer) +{PREFIX}(?P<id>[0-9a-f]{{16}})_(?P<secret>[A-Za-z0-9_-]{{43}})"
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is stored. Times are in ISO 8601, UTC, with milliseconds.

    Args:
        key_id: the public part, 16 hexadecimal digits.
        sender_id: the only sender that requests with the key act for.
        secret_hash: SHA-256 of the secret part, in hexadecimal.
        created_at: when it was created.
        revoked_at: when it was revoked; None for a valid key.
    """

    key_id: str
    sender_id: str
    secret_hash: str
    created_at: str
    revoked_at: str | None = None

    def opens_with(self, secret: str) -> bool:
        """Return whether the key has this secret (in constant time) and is not revoked."""
        matches = hmac.compare_digest(_hash(secret), self.secret_hash)
        return matches and self.revoked_at is None

    def to_item(self) -> dict[str, Any]:
        """Build the item of the keys table (plain values, not DynamoDB's typed JSON)."""
        revoked = {} if self.revoked_at is None else {"revokedAt": self.revoked_at}
        return {
            "pk": self.key_id,
            "senderId": self.sender_id,
            "secretHash": self.secret_hash,
            "createdAt": self.created_at,
            **revoked,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Build the key from an item of the keys table (plain values, not typed JSON)."""
        return cls(
            key_id=item["pk"],
            sender_id=item["senderId"],
            secret_hash=item["secretHash"],
            created_at=item["createdAt"],
            revoked_at=item.get("revokedAt"),
        )


@dataclass(frozen=True, slots=True)
class Presented:
    """The key id and the secret that a request presents."""

    key_id: str
    secret: str


def issue(sender_id: str, created_at: str) -> tuple[ApiKey, str]:
    """Create a key.

    Returns:
        The key as it is stored, and its text, which is given to the sender and not stored.
    """
    key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    key = ApiKey(key_id, sender_id, _hash(secret), created_at)
    return key, f"{PREFIX}{key_id}_{secret}"


def read_authorization(header: str) -> Presented | None:
    """Return the key in an `Authorization` header; None if there is none."""
    match = _BEARER.fullmatch(header)
    return None if match is None else Presented(match["id"], match["secret"])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

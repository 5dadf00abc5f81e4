"""API keys of senders: `hmg_<keyId>_<secret>`, sent as `Authorization: Bearer ...`.

The secret is 256 random bits and is shown once, when the key is made. What is kept is its SHA-256.
A password would want a slow, salted hash; nobody can guess 256 random bits, however fast he hashes
(docs/decisions/0035).
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
    """What is kept of a key. Times are ISO-8601 UTC with milliseconds.

    Args:
        key_id: the public half, 16 hexadecimal digits.
        sender_id: whom it acts for, and nobody else.
        secret_hash: SHA-256 of the secret half, in hexadecimal.
        created_at: when it was made.
        revoked_at: since when it opens nothing; None for one in force.
    """

    key_id: str
    sender_id: str
    secret_hash: str
    created_at: str
    revoked_at: str | None = None

    def opens_with(self, secret: str) -> bool:
        """Tell whether a request that brings this secret may pass. Takes as long for any secret."""
        matches = hmac.compare_digest(_hash(secret), self.secret_hash)
        return matches and self.revoked_at is None

    def to_item(self) -> dict[str, Any]:
        """Give the item of the keys table, as plain values."""
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
        """Read an item of the keys table, given as plain values."""
        return cls(
            key_id=item["pk"],
            sender_id=item["senderId"],
            secret_hash=item["secretHash"],
            created_at=item["createdAt"],
            revoked_at=item.get("revokedAt"),
        )


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request presents: which key it claims to have, and the secret that proves it."""

    key_id: str
    secret: str


def issue(sender_id: str, created_at: str) -> tuple[ApiKey, str]:
    """Make a key; give what is kept of it, and its text, which is kept nowhere."""
    key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    key = ApiKey(key_id, sender_id, _hash(secret), created_at)
    return key, f"{PREFIX}{key_id}_{secret}"


def read_authorization(header: str) -> Presented | None:
    """Read an `Authorization` header; None where it holds no key."""
    match = _BEARER.fullmatch(header)
    return None if match is None else Presented(match["id"], match["secret"])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

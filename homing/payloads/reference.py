"""The claim check: a payload too large for a queue or an execution is stored in S3.

In that case, the delivery document contains a reference instead: the object's key, its size and its
SHA-256.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

# For each key prefix, the time after which S3 deletes an object. Nearly every delivery ends within
# 30 days and may then wait 14 days as a dead letter. The second prefix covers the longest delivery,
# which takes a year.
LIFETIMES = {"45-days": timedelta(days=45), "400-days": timedelta(days=400)}
_AFTERWARDS = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class PayloadReference:
    """A reference to a payload in S3.

    Args:
        key: the object's key; its prefix determines how long the object is kept.
        size: the size of the payload in bytes.
        digest: SHA-256 of the bytes, in hexadecimal.
    """

    key: str
    size: int
    digest: str

    def to_document(self) -> dict[str, Any]:
        """Return the `claim` of the delivery document."""
        return {"key": self.key, "bytes": self.size, "sha256": self.digest}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read the `claim` of the delivery document."""
        return cls(document["key"], document["bytes"], document["sha256"])

    def holds(self, body: bytes) -> bool:
        """Return whether `body` is the payload that was accepted, by its hash."""
        return hashlib.sha256(body).hexdigest() == self.digest


def reference_for(message_key: str, body: bytes, life: timedelta) -> PayloadReference:
    """Return the reference of a payload.

    Args:
        message_key: the message's partition key. The same message with the same payload has the
            same reference, so a duplicate writes the same object.
        body: the bytes that are sent.
        life: the longest time from now until the last attempt.
    """
    digest = hashlib.sha256(body).hexdigest()
    message_hash = hashlib.sha256(message_key.encode()).hexdigest()[:32]
    return PayloadReference(f"{_prefix(life)}/{message_hash}/{digest}", len(body), digest)


def _prefix(life: timedelta) -> str:
    needed = life + _AFTERWARDS
    return min(
        (prefix for prefix, kept in LIFETIMES.items() if kept >= needed),
        key=LIFETIMES.__getitem__,
        default=max(LIFETIMES, key=LIFETIMES.__getitem__),
    )

"""`homing senders`: API keys, and the secrets that raw deliveries of a sender are signed with.

An operator's own AWS credentials reach the tables; no function of the deployment can make a key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from homing.endpoints.confidential import Confidential, owner_of_sender
from homing.endpoints.secret_rotation import RotationError, SigningSecret, rotate
from homing.endpoints.secrets_table import SecretsTable
from homing.endpoints.signing import generate_secret
from homing.identifiers import SENDER_ID
from homing.senders.api_key import ApiKey, issue
from homing.senders.keys_table import KeysTable
from homing.timestamps import to_text
from homing_cli.errors import CommandError, NotFoundError

if TYPE_CHECKING:
    from homing_cli.client.target import Target


class SenderError(CommandError):
    """Raised when a sender or its secret cannot be set up as asked."""


@dataclass(frozen=True, slots=True)
class Added:
    """A new key. Its text and the secret are nowhere else once they have been shown.

    Args:
        key: what is kept of it.
        text: what the sender puts behind `Authorization: Bearer`.
        secret: what raw deliveries of the sender are signed with, if it was made just now; None
            for a sender that had one.
    """

    key: ApiKey
    text: str
    secret: str | None

    def to_document(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {**key_document(self.key), "key": self.text, "signingSecret": self.secret}


def add(target: Target, sender_id: str) -> Added:
    """Make a key for a sender; for a new sender, also the secret that signs its raw deliveries.

    Raises:
        SenderError: when this cannot be a senderId, or the id of the new key is taken.
    """
    try:
        SENDER_ID.check(sender_id)
    except ValueError as error:
        raise SenderError(f"{sender_id!r} {error}") from error
    now = datetime.now(UTC)
    # The secret first: a sender whose key is good must not be delivered for unsigned.
    secret = generate_secret()
    new = Confidential((SigningSecret(secret, now),))
    is_new = _secrets(target).put(owner_of_sender(sender_id), new)
    key, text = issue(sender_id, to_text(now))
    if not _keys(target).add(key):  # of 2**64 ids
        raise SenderError(f"the id of the new key, {key.key_id}, is taken; run the command again")
    return Added(key, text, secret if is_new else None)


def listed(target: Target) -> list[ApiKey]:
    """Return all keys, revoked ones too, by sender and age."""
    return sorted(_keys(target).all(), key=lambda key: (key.sender_id, key.created_at))


def revoke(target: Target, key_id: str) -> None:
    """Revoke a key for good.

    Raises:
        NotFoundError: when there is no such key.
    """
    if not _keys(target).revoke(key_id, to_text(datetime.now(UTC))):
        raise NotFoundError(f"no key {key_id}")


def rotate_secret(target: Target, sender_id: str, grace: timedelta) -> str:
    """Give a sender a new secret; the old ones sign beside it for a grace period.

    Raises:
        NotFoundError: when the sender has no secret.
        SenderError: when the grace is out of range, too many secrets sign already, or somebody
            else is rotating them at this moment.
    """
    table, owner = _secrets(target), owner_of_sender(sender_id)
    known = table.find(owner)
    if known is None:
        raise NotFoundError(f"no sender {sender_id}: `homing senders add {sender_id}` makes one")
    secret = generate_secret()
    try:
        secrets = rotate(known.secrets, secret, datetime.now(UTC), grace)
    except RotationError as error:
        raise SenderError(f"the secret of {sender_id}: {error}") from error
    if not table.put(owner, replace(known, secrets=secrets, version=known.version + 1)):
        raise SenderError(f"the secret of {sender_id} is being rotated by somebody else")
    return secret


def key_document(key: ApiKey) -> dict[str, Any]:
    """Return what may be told of a key."""
    return {
        "keyId": key.key_id,
        "senderId": key.sender_id,
        "createdAt": key.created_at,
        "revokedAt": key.revoked_at,
    }


def _keys(target: Target) -> KeysTable:
    return KeysTable(target.outputs["KeysTable"], target.client("dynamodb"))


def _secrets(target: Target) -> SecretsTable:
    return SecretsTable(target.outputs["SecretsTable"], target.client("dynamodb"))

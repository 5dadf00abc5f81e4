"""API keys and the secrets that sign a sender's deliveries to plain URLs (`homing senders`).

They are created with an operator's AWS credentials; no function of the deployment may create keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from homing.credentials.confidential import Confidential, sender_holder
from homing.credentials.secret_rotation import RotationError, SigningSecret, rotate
from homing.credentials.secrets_table import SecretsTable
from homing.credentials.signing import generate_secret
from homing.identifiers import SENDER_ID
from homing.senders.api_key import ApiKey, issue
from homing.senders.keys_table import KeysTable
from homing.timestamps import to_text
from homing_cli.errors import CommandError, NotFoundError

if TYPE_CHECKING:
    from homing_cli.client.target import Target


class SenderError(CommandError):
    """Raised when a key cannot be added or a secret cannot be rotated."""


@dataclass(frozen=True, slots=True)
class Added:
    """A new API key.

    Its text and, for a new sender, the signing secret are shown once and cannot be read again.

    Args:
        key: the stored key, without its text.
        text: what the sender sends after `Authorization: Bearer`.
        secret: the secret that signs deliveries to plain URLs; None if the sender had one already.
    """

    key: ApiKey
    text: str
    secret: str | None

    def to_document(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {**key_document(self.key), "key": self.text, "signingSecret": self.secret}


def add(target: Target, sender_id: str) -> Added:
    """Create a key for a sender and, for a new sender, the secret that signs its deliveries.

    Raises:
        SenderError: when the senderId is invalid, or the id of the new key is taken.
    """
    try:
        SENDER_ID.check(sender_id)
    except ValueError as error:
        raise SenderError(f"{sender_id!r} {error}") from error
    now = datetime.now(UTC)
    # The secret first: a sender with a valid key must not have unsigned deliveries.
    secret = generate_secret()
    new = Confidential((SigningSecret(secret, now),))
    is_new = _secrets(target).put(sender_holder(sender_id), new)
    key, text = issue(sender_id, to_text(now))
    if not _keys(target).add(key):  # unlikely: there are 2**64 ids
        raise SenderError(f"the id of the new key, {key.key_id}, is taken; run the command again")
    return Added(key, text, secret if is_new else None)


def listed(target: Target) -> list[ApiKey]:
    """Return all API keys, including revoked ones, sorted by sender and creation time."""
    return sorted(_keys(target).all(), key=lambda key: (key.sender_id, key.created_at))


def revoke(target: Target, key_id: str) -> None:
    """Revoke an API key; this cannot be undone.

    Raises:
        NotFoundError: when there is no such key.
    """
    if not _keys(target).revoke(key_id, to_text(datetime.now(UTC))):
        raise NotFoundError(f"no key {key_id}")


def rotate_secret(target: Target, sender_id: str, grace: timedelta) -> str:
    """Replace the secret of a sender, and return the new one.

    During a grace period, the old secrets also sign.

    Raises:
        NotFoundError: when the sender has no secret.
        SenderError: when the grace period is out of range, too many secrets are active, or another
            rotation is running.
    """
    table, holder = _secrets(target), sender_holder(sender_id)
    known = table.find(holder)
    if known is None:
        raise NotFoundError(
            f"there is no sender {sender_id}; create it with `homing senders add {sender_id}`"
        )
    secret = generate_secret()
    try:
        secrets = rotate(known.secrets, secret, datetime.now(UTC), grace)
    except RotationError as error:
        raise SenderError(f"the secret of {sender_id}: {error}") from error
    if not table.put(holder, replace(known, secrets=secrets, version=known.version + 1)):
        raise SenderError(
            f"the secret of {sender_id} is being rotated by another command; try again"
        )
    return secret


def key_document(key: ApiKey) -> dict[str, Any]:
    """Return what the commands show of an API key: everything except its hash."""
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

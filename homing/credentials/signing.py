"""Signatures of attempts according to Standard Webhooks 1.0.0.

The bytes `id.timestamp.body` are signed, with the body exactly as it is sent. A signature is
written as its kind, a comma, and its bytes in base64. The kinds are:

    v1   HMAC-SHA256, with a secret written   whsec_ + base64 of 24 to 64 random bytes
    v1a  ed25519, with a private key written  whsk_  + base64 of its 32-byte seed
         and checked with a public key        whpk_  + base64 of 32 bytes

The header has the signatures of all active secrets, separated by spaces, so that secrets can be
rotated: a receiver accepts any signature that it can check.

HMAC is in the standard library. ed25519 needs `cryptography`, which is imported only when such a
key is used (docs/decisions/0033).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_PREFIX = "whsec_"  # noqa: S105 - how secrets begin, not a secret
PRIVATE_KEY_PREFIX = "whsk_"
PUBLIC_KEY_PREFIX = "whpk_"

GENERATED_SECRET_BYTES = 32
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
SEED_BYTES = 32  # RFC 8032, section 5.1.5


class SigningError(ValueError):
    """Raised when signing is impossible. The error message never contains the secret."""


def sign(secret_texts: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` header of an attempt: one signature per secret, in order.

    Args:
        secret_texts: the active secrets, `whsec_...` or `whsk_...`.
        message_id: what is sent as `webhook-id`.
        timestamp: what is sent as `webhook-timestamp`, in epoch seconds.
        body: the exact bytes that are sent.

    Raises:
        SigningError: when there is no secret, a secret is unusable, or the id or the timestamp is
            invalid (`signed_content`).
    """
    if not secret_texts:
        raise SigningError("there is no secret to sign with")
    content = signed_content(message_id, timestamp, body)
    return " ".join(_signature(text, content) for text in secret_texts)


def signed_content(message_id: str, timestamp: int, body: bytes) -> bytes:
    """Return the bytes to sign.

    Raises:
        SigningError: when the id is empty or contains a dot, or the timestamp is not a whole number
            of at least 0. With a dot in the id, one message could be mistaken for another.
    """
    if not message_id or "." in message_id:
        raise SigningError("a message id that is empty or holds a dot cannot be signed")
    seconds = str(timestamp)
    if not seconds.isdecimal():
        raise SigningError("a timestamp that is not a whole number of seconds cannot be signed")
    return f"{message_id}.{seconds}.".encode() + body


def check_secret(text: str) -> str:
    """Return a secret or private key after checking that it can sign attempts.

    Raises:
        SigningError: when it cannot. The error message is phrased so that it can follow the name of
            a field.
    """
    if text.startswith(PRIVATE_KEY_PREFIX):
        _private_key(text)
    else:
        _hmac_key(text)
    return text


def generate_secret() -> str:
    """Return a new secret for HMAC-SHA256."""
    return SECRET_PREFIX + _to_base64(secrets.token_bytes(GENERATED_SECRET_BYTES))


def generate_private_key() -> str:
    """Return a new private key for ed25519, made of 32 random bytes."""
    return PRIVATE_KEY_PREFIX + _to_base64(secrets.token_bytes(SEED_BYTES))


def public_key(private_key: str) -> str:
    """Return the public key, `whpk_...`, with which receivers verify a private key's signatures.

    Raises:
        SigningError: when the text is not a private key, or `cryptography` is not installed.
    """
    key = _private_key(private_key).public_key()
    return PUBLIC_KEY_PREFIX + _to_base64(key.public_bytes_raw())


def _signature(text: str, content: bytes) -> str:
    if text.startswith(PRIVATE_KEY_PREFIX):
        return "v1a," + _to_base64(_private_key(text).sign(content))
    return "v1," + _to_base64(hmac.digest(_hmac_key(text), content, hashlib.sha256))


def _hmac_key(text: str) -> bytes:
    key = _from_base64(text, SECRET_PREFIX)
    if key is None or not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        bounds = f"{MIN_SECRET_BYTES} to {MAX_SECRET_BYTES}"
        raise SigningError(f"must be {SECRET_PREFIX} and the base64 of {bounds} random bytes")
    return key


def _private_key(text: str) -> Ed25519PrivateKey:
    seed = _from_base64(text, PRIVATE_KEY_PREFIX)
    if seed is None or len(seed) != SEED_BYTES:
        raise SigningError(f"must be {PRIVATE_KEY_PREFIX} and the base64 of {SEED_BYTES} bytes")
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - see above
            Ed25519PrivateKey,
        )
    except ImportError as error:
        raise SigningError("needs ed25519, which this deployment does not support") from error
    return Ed25519PrivateKey.from_private_bytes(seed)


def _to_base64(data: bytes) -> str:
    return b64encode(data).decode()


def _from_base64(text: str, prefix: str) -> bytes | None:
    """Return the bytes encoded after the prefix; None unless they are in canonical base64."""
    encoded = text.removeprefix(prefix)
    try:
        data = b64decode(encoded, validate=True)
    except ValueError:
        return None
    return data if prefix + _to_base64(data) == text else None

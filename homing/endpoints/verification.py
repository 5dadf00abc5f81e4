"""Verification of Standard Webhooks 1.0.0 signatures, for the smoke receiver.

This module follows the specification and shares no code with `homing.credentials.signing`, so that
it detects mistakes made there. It verifies only `v1` signatures.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# The header in which `homing smoke` sends the secret for verification.
SECRET_HEADER = "x-homing-smoke-secret"  # noqa: S105 -- the name of a header
TOLERANCE_SECONDS = 300
_SECRET_PREFIX = "whsec_"  # noqa: S105 -- how secrets begin, not a secret


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Return whether a request has a valid signature that is at most five minutes old.

    Args:
        secret: `whsec_` and the bytes in base64.
        headers: the headers of the request, by their names in lower case.
        body: the exact bytes of the request.
        now: the time in seconds since 1970.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):  # noqa: PLR2004 -- no time has more digits
        return False
    try:
        key = b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except ValueError:
        return False
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    given = headers.get("webhook-signature", "").split(" ")
    matches = [hmac.compare_digest(each.encode(), f"v1,{expected}".encode()) for each in given]
    return any(matches) and abs(now - int(timestamp)) <= TOLERANCE_SECONDS

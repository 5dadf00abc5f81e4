"""The rotation of signing secrets: a new secret is used immediately, old ones for a while longer.

This module is pure: times are passed in, and secrets are stored elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_GRACE = timedelta(hours=24)
MAX_GRACE = timedelta(days=30)

# Each active secret adds a signature to the header of every attempt: 48 bytes for HMAC, 93 for
# ed25519.
MAX_ACTIVE_SECRETS = 10


class RotationError(ValueError):
    """Raised when a rotation is refused. The error message never contains a secret."""


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """One secret of an endpoint or a sender, and how long it signs.

    Args:
        text: `whsec_...` or `whsk_...`; kept out of `repr`, and so out of logs.
        created_at: when it was created. This determines only the order of secrets: a secret also
            signs before this time, so that a clock that is slightly behind leaves no attempt
            unsigned.
        expires_at: the time from which it no longer signs; None for the current secret.
    """

    text: str = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None

    def signs_at(self, now: datetime) -> bool:
        """Return whether attempts at `now` are signed with this secret."""
        return self.expires_at is None or now < self.expires_at


def active_secrets(secrets: Iterable[SigningSecret], now: datetime) -> tuple[SigningSecret, ...]:
    """Return the secrets that sign at `now`, the newest first."""
    active = [secret for secret in secrets if secret.signs_at(now)]
    return tuple(sorted(active, key=lambda secret: secret.created_at, reverse=True))


def rotate(
    secrets: Iterable[SigningSecret],
    new_text: str,
    now: datetime,
    grace: timedelta = DEFAULT_GRACE,
) -> tuple[SigningSecret, ...]:
    """Return the secrets with a new one first; the others sign for at most `grace` longer.

    A secret that would expire sooner keeps its expiry, and expired secrets are removed. With a
    grace of 0, all old secrets stop signing immediately, as is needed when one has leaked.

    Args:
        secrets: the secrets before; may be empty.
        new_text: the new secret, checked by `homing.credentials.signing.check_secret` before.
        now: the time of the rotation.
        grace: from 0 to 30 days.

    Raises:
        RotationError: when the grace is out of range, the new secret is active already, or too
            many secrets are active for the signature header.
    """
    if not timedelta(0) <= grace <= MAX_GRACE:
        raise RotationError(f"must be between 0 and {MAX_GRACE.days} days")
    end = now + grace
    old = [
        replace(secret, expires_at=min(secret.expires_at or end, end))
        for secret in active_secrets(secrets, now)
    ]
    kept = active_secrets(old, now)
    if any(secret.text == new_text for secret in old):
        raise RotationError("is already in use; rotate to a new secret")
    if len(kept) >= MAX_ACTIVE_SECRETS:
        raise RotationError(f"{len(kept)} secrets still sign; wait, or rotate with a grace of 0")
    return (SigningSecret(new_text, now), *kept)

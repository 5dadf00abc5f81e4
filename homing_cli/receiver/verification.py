"""Verification of signatures with the public library of Standard Webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homing_cli.receiver.server import Arrival


def verifies(arrival: Arrival, secret: str) -> bool:
    """Return whether the library finds the signature of a request valid for this secret."""
    from standardwebhooks.webhooks import (  # noqa: PLC0415 -- of the extra `local`
        Webhook,
        WebhookVerificationError,
    )

    try:
        Webhook(secret).verify(arrival.body, dict(arrival.headers), json_parse=False)
    except WebhookVerificationError:
        return False
    return True

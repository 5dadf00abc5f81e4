"""The registered endpoints and API keys, read from their DynamoDB tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Self

from homing.credentials.confidential import endpoint_holder
from homing.credentials.secrets_table import SecretsTable
from homing.endpoints.concurrency import ConcurrencySlots
from homing.endpoints.endpoints_table import EndpointsTable
from homing.endpoints.rate_slots import RateSlots
from homing.identifiers import ENDPOINT_ID, SENDER_ID
from homing.senders.keys_table import KeysTable
from homing.timestamps import to_text
from homing_cli.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from homing.credentials.secret_rotation import SigningSecret
    from homing.endpoints.endpoint import Endpoint
    from homing.senders.api_key import ApiKey
    from homing_cli.client.target import Target

MOST = 5000  # the maximum number of endpoints that a list reads


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an endpoint uses of its limits of concurrency and rate.

    Args:
        slots_in_use: how many attempts hold a concurrency slot.
        next_slot: the time at which the next rate slot is free; None if the rate is not limited.
    """

    slots_in_use: int
    next_slot: datetime | None


@dataclass(frozen=True, slots=True)
class SecretDates:
    """The times at which a signing secret was created and stops signing, in ISO 8601.

    The current secret does not stop signing: its `expires_at` is None.
    """

    created_at: str
    expires_at: str | None

    @classmethod
    def of(cls, secret: SigningSecret) -> Self:
        """Build the dates from a secret."""
        ends = None if secret.expires_at is None else to_text(secret.expires_at)
        return cls(to_text(secret.created_at), ends)


class Registry:
    """Reads endpoints, API keys, and the dates of signing secrets.

    Its methods raise BotoCoreError or ClientError when a table cannot be read.

    Args:
        target: the deployed Homing.
    """

    def __init__(self, target: Target) -> None:
        client, table = target.client("dynamodb"), target.outputs["EndpointsTable"]
        self._endpoints = EndpointsTable(table, client)
        self._concurrency = ConcurrencySlots(table, client, timedelta())
        self._rates = RateSlots(table, client)
        self._secrets = SecretsTable(target.outputs["SecretsTable"], client)
        self._keys = KeysTable(target.outputs["KeysTable"], client)

    def endpoints(self, sender_id: str = "") -> Sequence[Endpoint]:
        """Return all endpoints of a sender or, without a sender, `MOST` endpoints at most."""
        if not sender_id:
            return list(islice(self._endpoints.all(), MOST))
        return self._endpoints.of_sender(sender_id) if SENDER_ID.allows(sender_id) else ()

    def endpoint(self, sender_id: str, endpoint_id: str) -> Endpoint:
        """Return an endpoint.

        Raises:
            NotFoundError: when there is no such endpoint.
        """
        can_be = SENDER_ID.allows(sender_id) and ENDPOINT_ID.allows(endpoint_id)
        found = self._endpoints.find(sender_id, endpoint_id) if can_be else None
        if found is None:
            raise NotFoundError("this sender has no such endpoint: it may have been deleted")
        return found

    def limits(self, endpoint: Endpoint, now: datetime) -> Limits:
        """Return how much of its limits an endpoint uses."""
        in_use = self._concurrency.in_use(endpoint, now) if endpoint.attempts_at_once else 0
        next_slot = self._rates.free_at(endpoint) if endpoint.rate_per_second else None
        return Limits(in_use, next_slot)

    def secrets(self, endpoint: Endpoint) -> list[SecretDates]:
        """Return the dates of an endpoint's secrets, the current one first."""
        found = self._secrets.find(endpoint_holder(endpoint.sender_id, endpoint.endpoint_id))
        return [] if found is None else [SecretDates.of(secret) for secret in found.secrets]

    def keys(self) -> list[ApiKey]:
        """Return all API keys, including revoked ones."""
        return list(self._keys.all())

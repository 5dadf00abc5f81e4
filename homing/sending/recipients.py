"""Look-up of recipients, with their secrets and headers; results are cached for a minute.

This module imports botocore, which takes longer than all other imports of `deliver` together. So
`deliver` imports this module only at its first attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from homing.credentials.confidential import Confidential, endpoint_holder, sender_holder
from homing.credentials.secret_rotation import active_secrets
from homing.credentials.secrets_table import SecretsTable
from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.delivery import Reference
    from homing.endpoints.endpoint import Endpoint
    from homing.settings import DeliverSettings

REMEMBERED = timedelta(seconds=60)
_MAX_REMEMBERED = 1000
# How many times to try to read an endpoint: a change may come between the reads of its two items.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Recipient:
    """The recipient of an attempt.

    Args:
        endpoint: the endpoint; None for a plain URL, and for a deleted endpoint.
        confidential: the secrets and header values; None if there are none; in that case, requests
            are not signed.
        closed: why nothing may be sent; None if requests may be sent.
    """

    endpoint: Endpoint | None
    confidential: Confidential | None
    closed: str | None = None

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """Return the secrets that sign at `now`, the newest first."""
        kept = self.confidential.secrets if self.confidential else ()
        return tuple(secret.text for secret in active_secrets(kept, now))

    @property
    def headers(self) -> Mapping[str, str]:
        """The extra headers of each attempt."""
        return self.confidential.headers if self.confidential else {}

    def url(self, reference: Reference) -> str:
        """Return the URL of an attempt: the endpoint's current URL, or else the message's URL."""
        return self.endpoint.url if self.endpoint else reference.target_url


class Recipients:
    """Looks up recipients, each at most once a minute.

    So a change to an endpoint or a rotation of its secrets takes effect within a minute. The cached
    URL, limits, headers and secrets are always from the same version of the endpoint.

    Args:
        endpoints: the endpoints table.
        secrets: the secrets table.
    """

    def __init__(self, endpoints: EndpointsTable, secrets: SecretsTable) -> None:
        self._endpoints = endpoints
        self._secrets = secrets
        self._known: dict[tuple[str, str | None], tuple[datetime, Recipient]] = {}

    @classmethod
    def connect(cls, settings: DeliverSettings, client: DynamoDBClient) -> Self:
        """Connect to the tables that the settings name."""
        return cls(
            EndpointsTable(settings.endpoints_table, client),
            SecretsTable(settings.secrets_table, client),
        )

    def find(self, reference: Reference, now: datetime) -> Recipient:
        """Return the recipient of a delivery.

        Raises:
            DependencyError: when it cannot be looked up. In this case nothing may be sent, since
                the request could lack a signature, or the endpoint could be disabled.
        """
        key = (reference.sender_id, reference.endpoint_id)
        since, known = self._known.get(key, (now, None))
        if known is not None and timedelta() <= now - since < REMEMBERED:
            return known
        try:
            found = self._look_up(*key)
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(type(error).__name__) from error
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        self._known[key] = (now, found)
        return found

    def forget(self, reference: Reference) -> None:
        """Remove the recipient of a delivery from the cache."""
        self._known.pop((reference.sender_id, reference.endpoint_id), None)

    def _look_up(self, sender_id: str, endpoint_id: str | None) -> Recipient:
        if endpoint_id is None:
            return Recipient(None, self._secrets.find(sender_holder(sender_id)))
        for _ in range(_TRIES):
            endpoint = self._endpoints.find(sender_id, endpoint_id)
            confidential = self._secrets.find(endpoint_holder(sender_id, endpoint_id))
            if endpoint is None or confidential is None:
                return Recipient(None, None, "the endpoint has been deleted")
            if not endpoint.enabled:
                reason = f"the endpoint is disabled: {endpoint.disabled_reason}"
                return Recipient(endpoint, None, reason)
            if endpoint.edition == confidential.edition:
                return Recipient(endpoint, confidential)
        raise DependencyError("the endpoint and its secrets have different editions")

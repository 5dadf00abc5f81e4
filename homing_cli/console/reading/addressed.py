"""The endpoints that deliveries are addressed to, for pages and lists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from homing.endpoints.endpoints_table import EndpointsTable
from homing.endpoints.subscriptions import explain
from homing.errors import InvalidMessageError
from homing.identifiers import DEFAULT_SENDER_ID, SENDER_ID
from homing.reception.endpoint_request import check_id

if TYPE_CHECKING:
    from homing.endpoints.endpoint import Endpoint
    from homing.endpoints.pattern import Mismatch
    from homing.endpoints.subscriptions import Event
    from homing_cli.client.target import Target
    from homing_cli.console.reading.filters import Filters


@dataclass(frozen=True, slots=True)
class Recipient:
    """An endpoint that a delivery names.

    Args:
        sender_id: its sender.
        endpoint_id: its id.
        endpoint: its current state; None if it has been deleted.
    """

    sender_id: str
    endpoint_id: str
    endpoint: Endpoint | None

    @property
    def is_served(self) -> bool:
        """Whether messages are sent to it."""
        return self.endpoint is not None and self.endpoint.enabled

    @property
    def command(self) -> str:
        """The shell command that enables it."""
        sender = "" if self.sender_id == DEFAULT_SENDER_ID else f" --sender {self.sender_id}"
        return f"homing endpoints set {self.endpoint_id} --enable{sender}"


class Addressed:
    """Reads the endpoints of a target.

    Args:
        target: the deployed Homing.
    """

    def __init__(self, target: Target) -> None:
        self._table = EndpointsTable(target.outputs["EndpointsTable"], target.client("dynamodb"))

    def recipient(self, sender_id: str, endpoint_id: str | None) -> Recipient | None:
        """Return the endpoint of a delivery; None if it is addressed to a plain URL."""
        if endpoint_id is None:
            return None
        return Recipient(sender_id, endpoint_id, self._table.find(sender_id, endpoint_id))

    def explained(self, event: Event) -> list[tuple[Endpoint, tuple[Mismatch, ...]]]:
        """Return each endpoint of a sender with what keeps it from an event."""
        return explain(self._table.of_sender(event.sender_id), event)

    def narrowed(self, filters: Filters) -> tuple[Filters, Recipient | None]:
        """Return filters that find the deliveries of an endpoint by its URL, and that endpoint.

        The ledger has the URLs of deliveries but not the ids of endpoints. So if the `endpoint` of
        a filter is the id of one, it selects the sender's deliveries to the endpoint's current URL;
        otherwise it is part of a URL.
        """
        sender_id = filters.sender or DEFAULT_SENDER_ID
        endpoint = self._table.find(sender_id, filters.endpoint) if _is_id(filters) else None
        if endpoint is None:
            return filters, None
        narrowed = replace(filters, endpoint=endpoint.url, sender=sender_id)
        return narrowed, Recipient(sender_id, endpoint.endpoint_id, endpoint)


def _is_id(filters: Filters) -> bool:
    if filters.sender and not SENDER_ID.allows(filters.sender):
        return False
    try:
        check_id(filters.endpoint)
    except InvalidMessageError:
        return False
    return True

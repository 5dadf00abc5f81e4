"""The endpoints that deliveries are addressed to: what their pages and lists say of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import InvalidMessageError
from homing.identifiers import DEFAULT_SENDER_ID, SENDER_ID
from homing.reception.endpoint_request import check_id

if TYPE_CHECKING:
    from homing.endpoints.endpoint import Endpoint
    from homing_cli.client.target import Target
    from homing_cli.console.reading.filters import Filters


@dataclass(frozen=True, slots=True)
class Recipient:
    """An endpoint that a delivery names.

    Args:
        sender_id: whose it is.
        endpoint_id: its name.
        endpoint: what it is now; None where it has been deleted.
    """

    sender_id: str
    endpoint_id: str
    endpoint: Endpoint | None

    @property
    def is_served(self) -> bool:
        """Whether anything is sent to it."""
        return self.endpoint is not None and self.endpoint.enabled

    @property
    def command(self) -> str:
        """The shell command that enables it."""
        sender = "" if self.sender_id == DEFAULT_SENDER_ID else f" --sender {self.sender_id}"
        return f"homing endpoints set {self.endpoint_id} --enable{sender}"


class Addressed:
    """The endpoints of a target, to read.

    Args:
        target: the deployed Homing.
    """

    def __init__(self, target: Target) -> None:
        self._table = EndpointsTable(target.outputs["EndpointsTable"], target.client("dynamodb"))

    def recipient(self, sender_id: str, endpoint_id: str | None) -> Recipient | None:
        """Return what a delivery is addressed to; None where it names a URL only."""
        if endpoint_id is None:
            return None
        return Recipient(sender_id, endpoint_id, self._table.find(sender_id, endpoint_id))

    def narrowed(self, filters: Filters) -> tuple[Filters, Recipient | None]:
        """Read the endpoint of a filter as an id if an endpoint has it, else as a part of a URL.

        The ledger has the URLs of deliveries and not the ids of endpoints; so an endpoint's
        deliveries are those of its sender to the URL that it has now.
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

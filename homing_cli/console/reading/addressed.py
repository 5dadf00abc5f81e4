"""The endpoints that deliveries are addressed to, for pages and lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.endpoints.endpoints_table import EndpointsTable
from homing.identifiers import DEFAULT_SENDER_ID
from homing.routing.subscriptions import explain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from homing.endpoints.endpoint import Endpoint
    from homing.ledger.delivery_filter import Listed
    from homing.routing.pattern import Mismatch
    from homing.routing.subscriptions import Event
    from homing_cli.client.target import Target


@dataclass(frozen=True, slots=True)
class Recipient:
    """An endpoint to which a delivery is addressed.

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
        """Whether messages are sent to the endpoint."""
        return self.endpoint is not None and self.endpoint.enabled

    @property
    def command(self) -> str:
        """The shell command that enables the endpoint."""
        sender = "" if self.sender_id == DEFAULT_SENDER_ID else f" --sender {self.sender_id}"
        return f"homing endpoints set {self.endpoint_id} --enable{sender}"


class Addressed:
    """Reads the endpoints of a deployed Homing.

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
        """Return each endpoint of a sender with the reasons why it would not get an event."""
        return explain(self._table.of_sender(event.sender_id), event)

    def endpoints(self, deliveries: Iterable[Listed]) -> dict[tuple[str, str], Endpoint]:
        """Return the endpoints of at most 100 deliveries, by senderId and endpointId.

        Raises:
            DependencyError: when the table of endpoints is too busy.
            BotoCoreError, ClientError: when the table cannot be read.
        """
        ids: dict[str, set[str]] = {}
        for one in deliveries:
            if one.endpoint_id is not None:
                ids.setdefault(one.sender_id, set()).add(one.endpoint_id)
        found = {
            sender_id: self._table.find_many(sender_id, sorted(each))
            for sender_id, each in ids.items()
        }
        return {
            (sender_id, endpoint_id): endpoint
            for sender_id, endpoints in found.items()
            for endpoint_id, endpoint in endpoints.items()
        }

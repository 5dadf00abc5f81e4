"""Lines of ordered deliveries (with an ordering key), as `homing ordering` shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb
from homing.ledger.table import Ledger
from homing.ordering.line import Place
from homing.ordering.lines_table import Lines

if TYPE_CHECKING:
    from homing.delivery import Reference
    from homing.ordering.line import Line
    from homing_cli.client.target import Target


@dataclass(frozen=True, slots=True)
class LineView:
    """A line of ordered deliveries, some of which wait for their turn.

    Args:
        reference: the ids of a delivery in the line; they identify the line.
        head: the record of the line, which names its head; None before the line's first attempt.
        status: the status of the head; None if the head has no ledger record.
        waiting: how many deliveries wait behind the head.
    """

    reference: Reference
    head: Line | None
    status: str | None
    waiting: int

    @property
    def to(self) -> str:
        """The endpoint or URL to which the line's deliveries go."""
        return self.reference.endpoint_id or self.reference.target_url

    def to_document(self) -> dict[str, Any]:
        """Return the line in the form printed by `--json`."""
        head = self.head and {
            "messageId": self.head.message_id,
            "sequence": self.head.head,
            "status": self.status,
        }
        return {
            "senderId": self.reference.sender_id,
            "endpointId": self.reference.endpoint_id,
            "targetUrl": self.reference.target_url,
            "orderingKey": self.reference.ordering_key,
            "head": head,
            "waiting": self.waiting,
        }


def waiting_lines(target: Target) -> list[LineView]:
    """Return the lines of ordered deliveries in which at least one waits for its turn.

    The line with the most waiting deliveries comes first. This function reads the whole table of
    places (the numbers of ordered deliveries in their lines).
    """
    dynamodb, outputs = target.client("dynamodb"), target.outputs
    pages = dynamodb.get_paginator("scan").paginate(TableName=outputs["PlacesTable"])
    places: dict[str, dict[int, Place]] = {}
    for page in pages:
        for place in map(Place.from_item, map(from_dynamodb, page["Items"])):
            places.setdefault(place.line_id, {})[place.sequence] = place
    lines = Lines(outputs["LinesTable"], dynamodb)
    ledger = Ledger(outputs["LedgerTable"], dynamodb)
    found = []
    for line_id, taken in places.items():
        head = lines.read(line_id)
        record = ledger.find(head.key) if head else None
        after = [sequence for sequence in taken if head is None or sequence > head.head]
        if after:
            reference = taken[min(after)].delivery.reference
            status = record[1].status.value if record else None
            found.append(LineView(reference, head, status, len(after)))
    return sorted(found, key=lambda each: (-each.waiting, each.to, each.reference.ordering_key))

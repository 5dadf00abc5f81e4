"""The items of an endpoint in the tables of endpoints and secrets, as Homing writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.credentials.confidential import Confidential, endpoint_holder
from homing.endpoints.endpoint import Endpoint, Ordering
from homing.identifiers import DEFAULT_SENDER_ID
from homing.items import to_dynamodb
from simulation.engine.clock import to_iso

if TYPE_CHECKING:
    from simulation.scenario import Subscribing

    Item = dict[str, Any]


def endpoint_items(change: Subscribing, start: int) -> tuple[Item, Item]:
    """Return an endpoint's items in the tables of endpoints and of secrets, after a change.

    `start` is the first instant of the simulation, when the endpoint was created.
    """
    created = to_iso(start)
    endpoint = Endpoint(
        DEFAULT_SENDER_ID,
        change.host,
        f"https://{change.host}.example.com/hook",
        created,
        to_iso(start + change.at),
        event_types=change.event_types,
        ordering=Ordering.BLOCK if change.blocks else Ordering.SKIP,
    )
    holder = endpoint_holder(endpoint.sender_id, endpoint.endpoint_id)
    secrets = Confidential(edition=endpoint.edition).to_item(holder)
    return _typed(endpoint.to_item()), _typed(secrets)


def _typed(item: dict[str, Any]) -> Item:
    return {name: to_dynamodb(value) for name, value in item.items()}

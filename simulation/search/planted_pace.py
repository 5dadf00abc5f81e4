"""Planted bugs in the rate limit of endpoints (see `simulation.search.planted`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.endpoints.rate import RateSlot, to_microseconds
from homing.endpoints.rate_slots import RateSlots, _pace, rate_key
from lambdas import deliver
from simulation.deployment import ENDPOINTS
from simulation.search.exhaustive import RATED
from simulation.search.planting import PlantedBug, replaced

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

    from homing.endpoints.endpoint import Endpoint


def _take_twice() -> AbstractContextManager[None]:
    """Take a rate slot without a condition, so that two attempts can take the same one."""

    def take(self: RateSlots, endpoint: Endpoint, now: datetime) -> RateSlot:
        table: Any = self._dynamodb
        key = rate_key(endpoint.sender_id, endpoint.endpoint_id)
        item = table.get_item(TableName=ENDPOINTS, Key=key, ConsistentRead=True)["Item"]
        slot, after = _pace(item).taken(now)
        table.update_item(
            TableName=ENDPOINTS,
            Key=key,
            UpdateExpression="SET nextSlot = :next",
            ExpressionAttributeValues={":next": {"N": str(to_microseconds(after.free))}},
        )
        return RateSlot(slot, item["series"]["S"])

    return replaced(RateSlots, "take", take)


def _count_what_is_put_off() -> AbstractContextManager[None]:
    """Count the postponement of an attempt as an attempt, towards the limit of attempts."""
    original = deliver.handler

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        outcome = original(event, context)
        if outcome["kind"] == "POSTPONED":
            made = event["attemptNumber"] + 1
            outcome["next"] |= {"attemptNumber": made, "attempts": made + 1}
        return outcome

    return replaced(deliver, "handler", handler)


def _pause_nobody() -> AbstractContextManager[None]:
    """Report that an endpoint has been paused, but let attempts take rate slots as before."""
    return replaced(RateSlots, "pause", lambda *_: True)


PACE_BUGS: tuple[PlantedBug, ...] = (
    PlantedBug("a rate slot taken twice", RATED, _take_twice),
    PlantedBug("an attempt put off that counts", RATED, _count_what_is_put_off),
    PlantedBug("a pause that stops no attempt", RATED, _pause_nobody),
)

"""Concurrency slots, which limit how many attempts to an endpoint run concurrently.

For each endpoint, a separate item of the endpoints table holds the set of slots in use, each with
the time at which it lapses. If no slot is free, lapsed slots, which crashed functions have left,
are removed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from homing.endpoints.endpoints_table import endpoint_key
from homing.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.endpoints.endpoint import Endpoint
    from homing.settings import DeliverSettings

# Added to the longest time of an attempt, for functions that start or end slowly and for clocks
# that differ.
MARGIN = timedelta(seconds=60)


class ConcurrencySlots:
    """Acquires and releases concurrency slots.

    Its methods raise DependencyError when a call to the table fails.

    Args:
        table: the name of the endpoints table.
        dynamodb: a DynamoDB client.
        lapses_after: the time from acquiring a slot until it lapses: the longest time of an
            attempt, plus a margin for differing clocks.
    """

    def __init__(self, table: str, dynamodb: DynamoDBClient, lapses_after: timedelta) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._lapses_after = lapses_after

    @classmethod
    def connect(cls, settings: DeliverSettings, client: DynamoDBClient) -> Self:
        """Connect to the table that the settings name."""
        lapses_after = timedelta(seconds=settings.attempt_timeout_seconds) + MARGIN
        return cls(settings.endpoints_table, client, lapses_after)

    def take(self, endpoint: Endpoint, limit: int, attempt_id: str, now: datetime) -> str | None:
        """Acquire and return one of an endpoint's `limit` concurrency slots; None if none is free.

        `attempt_id` must identify the attempt, not the delivery: two attempts of one delivery need
        two slots, since the function of the first may still run.
        """
        lapses_at = round((now + self._lapses_after).timestamp() * 1000)
        slot = f"{attempt_id}@{lapses_at}"
        taken = self._add(endpoint, limit, slot)
        if (
            taken is None or slot in taken
        ):  # boto3 has retried the call, and its first try had succeeded
            return slot
        lapsed = [each for each in taken if _lapses_at(each) <= now.timestamp() * 1000]
        if not lapsed:
            return None
        self._remove(endpoint, lapsed)
        return slot if self._add(endpoint, limit, slot) is None else None

    def in_use(self, endpoint: Endpoint, now: datetime) -> int:
        """Return how many slots of an endpoint are in use and have not lapsed."""
        try:
            response = self._dynamodb.get_item(TableName=self._table, Key=_key(endpoint))
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"no slots read: {type(error).__name__}") from error
        taken = response.get("Item", {}).get("slots", {}).get("SS", [])
        return sum(_lapses_at(slot) > now.timestamp() * 1000 for slot in taken)

    def give_back(self, endpoint: Endpoint, slot: str) -> None:
        """Release a concurrency slot."""
        self._remove(endpoint, [slot])

    def _add(self, endpoint: Endpoint, limit: int, slot: str) -> list[str] | None:
        """Add a slot to the set and return None; if the set is full, return the slots in it."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(endpoint),
                UpdateExpression="ADD slots :slot",
                ConditionExpression="attribute_not_exists(slots) OR size(slots) < :limit",
                ExpressionAttributeValues={":slot": {"SS": [slot]}, ":limit": {"N": str(limit)}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            response: Mapping[str, Any] = error.response
            return list(response.get("Item", {}).get("slots", {}).get("SS", []))
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"no slot taken: {type(error).__name__}") from error
        return None

    def _remove(self, endpoint: Endpoint, slots: list[str]) -> None:
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(endpoint),
                UpdateExpression="DELETE slots :slots",
                ExpressionAttributeValues={":slots": {"SS": slots}},
            )
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"slot not released: {type(error).__name__}") from error


def _key(endpoint: Endpoint) -> dict[str, Any]:
    """Return the key of the item that holds an endpoint's slots.

    The item of an endpoint itself cannot have this key, since no sender id contains a `#`
    (identifiers.py).
    """
    return endpoint_key(f"slots#{endpoint.sender_id}", endpoint.endpoint_id)


def _lapses_at(slot: str) -> int:
    return int(slot.rpartition("@")[2])

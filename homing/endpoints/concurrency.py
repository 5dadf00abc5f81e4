"""Concurrency slots: how an endpoint limits the attempts that are made at once.

The concurrency slots that are taken are a set in an item of its own in the endpoints table. Each
says when it lapses, so one that a broken function has detached is cleared by the next who finds no
room.
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

# For a function that starts or ends slowly, and for clocks that differ.
MARGIN = timedelta(seconds=60)


class ConcurrencySlots:
    """Gives concurrency slots and takes them back.

    Its methods raise DependencyError where the table does not answer.

    Args:
        table: the name of the endpoints table.
        dynamodb: a DynamoDB client.
        lapses_after: the longest that an attempt can take, and more than clocks differ by.
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

    def take(self, endpoint: Endpoint, limit: int, holder: str, now: datetime) -> str | None:
        """Return one of an endpoint's `limit` concurrency slots, or None if none is free.

        Two concurrency slots of one delivery are two, since the function that had the first may
        still run; so `holder` must name the very attempt that is made.
        """
        lapses_at = round((now + self._lapses_after).timestamp() * 1000)
        slot = f"{holder}@{lapses_at}"
        taken = self._add(endpoint, limit, slot)
        if taken is None or slot in taken:  # taken before, where boto3 has repeated the call
            return slot
        lapsed = [each for each in taken if _lapses_at(each) <= now.timestamp() * 1000]
        if not lapsed:
            return None
        self._remove(endpoint, lapsed)
        return slot if self._add(endpoint, limit, slot) is None else None

    def give_back(self, endpoint: Endpoint, slot: str) -> None:
        """Give a concurrency slot back."""
        self._remove(endpoint, [slot])

    def _add(self, endpoint: Endpoint, limit: int, slot: str) -> list[str] | None:
        """Add a concurrency slot to the set; or give those that are in it, if there is no room."""
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
            raise DependencyError(f"no slot given back: {type(error).__name__}") from error


def _key(endpoint: Endpoint) -> dict[str, Any]:
    """Return the key of an endpoint's slots; no sender id contains a `#` (identifiers.py)."""
    return endpoint_key(f"slots#{endpoint.sender_id}", endpoint.endpoint_id)


def _lapses_at(slot: str) -> int:
    return int(slot.rpartition("@")[2])

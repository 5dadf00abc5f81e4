"""Rate slots: each attempt to an endpoint whose rate is limited takes the next slot.

For each endpoint, a separate item of the endpoints table holds the interval between slots, the time
of the next free slot, and the *series* that slots belong to. A change of the rate or a pause begins
a new series; slots of earlier series are void (docs/decisions/0041).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from homing.endpoints.endpoints_table import endpoint_key
from homing.endpoints.rate import (
    LONGEST,
    Pace,
    RateSlot,
    from_microseconds,
    interval_of,
    to_microseconds,
)
from homing.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.endpoints.endpoint import Endpoint
    from homing.settings import DeliverSettings

_TRIES = 3  # a try to take a slot fails if the slots are not in the state that it expects
_REMEMBERED = 1000

_WAITS = "nextSlot > :now AND nextSlot <= :latest"
_IS_FREE = "nextSlot <= :now"


class RateSlots:
    """Takes rate slots. Its methods raise DependencyError when a call to the table fails.

    Args:
        table: the name of the endpoints table.
        dynamodb: a DynamoDB client.
    """

    def __init__(self, table: str, dynamodb: DynamoDBClient) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._free: dict[tuple[str, str], int] = {}  # by endpoint: the time of its next free slot

    @classmethod
    def connect(cls, settings: DeliverSettings, client: DynamoDBClient) -> Self:
        """Connect to the table that the settings name."""
        return cls(settings.endpoints_table, client)

    def take(self, endpoint: Endpoint, now: datetime) -> RateSlot | None:
        """Take and return the next slot of an endpoint; None if there is none within `LONGEST`.

        The update of the table depends on whether attempts currently wait for slots. The container
        guesses that from its last update; a wrong guess costs a second call.
        """
        moment, latest = to_microseconds(now), to_microseconds(now + LONGEST)
        free = self._free.get(_id(endpoint), 0)
        for _ in range(_TRIES):
            is_taken, found = self._update(endpoint, moment, latest, waits=free > moment)
            if not found:
                return RateSlot(now, "")
            pace = _pace(found)
            free = to_microseconds(pace.free)
            if is_taken:
                slot, after = pace.taken(now)
                self._remember(endpoint, to_microseconds(after.free))
                return RateSlot(slot, found["series"]["S"])
            if free > latest:
                return None
        raise DependencyError(f"no rate slot taken in {_TRIES} tries")

    def holds(self, endpoint: Endpoint, slot: RateSlot) -> bool:
        """Return whether a slot that was taken earlier is still valid."""
        try:
            response = self._dynamodb.get_item(
                TableName=self._table,
                Key=rate_key(endpoint.sender_id, endpoint.endpoint_id),
                ConsistentRead=True,
                ProjectionExpression="series",
            )
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"no rate slot looked up: {type(error).__name__}") from error
        return response.get("Item", {}).get("series", {}).get("S") == slot.series

    def free_at(self, endpoint: Endpoint) -> datetime | None:
        """Return the time of an endpoint's next free slot; None if its rate is not limited."""
        try:
            response = self._dynamodb.get_item(
                TableName=self._table, Key=rate_key(endpoint.sender_id, endpoint.endpoint_id)
            )
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"no rate slot looked up: {type(error).__name__}") from error
        return _pace(response["Item"]).free if "Item" in response else None

    def pause(self, endpoint: Endpoint, until: datetime) -> bool:
        """Grant no slot before a time; return whether this call has paused the endpoint.

        The call changes nothing if the endpoint is already paused until then or longer, or if its
        rate is not limited. If many responses ask for the same pause, only the first begins a new
        series.
        """
        moment = to_microseconds(until)
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=rate_key(endpoint.sender_id, endpoint.endpoint_id),
                UpdateExpression="SET nextSlot = :until, pausedUntil = :until, series = :series",
                ConditionExpression=(
                    "attribute_exists(series)"
                    " AND (attribute_not_exists(pausedUntil) OR pausedUntil < :until)"
                ),
                ExpressionAttributeValues={
                    ":until": {"N": str(moment)},
                    ":series": {"S": f"{endpoint.edition}#{moment}"},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"not paused: {type(error).__name__}") from error
        self._free[_id(endpoint)] = moment
        return True

    def _update(
        self, endpoint: Endpoint, now: int, latest: int, *, waits: bool
    ) -> tuple[bool, Mapping[str, Any]]:
        """Take a slot, unless `waits` is wrong about whether attempts currently wait for slots.

        Returns:
            Whether a slot was taken, and the previous item, which is empty if the rate is not
            limited.
        """
        values = {":now": {"N": str(now)}}
        try:
            response = self._dynamodb.update_item(
                TableName=self._table,
                Key=rate_key(endpoint.sender_id, endpoint.endpoint_id),
                UpdateExpression=f"SET nextSlot = {'nextSlot' if waits else ':now'} + pace",
                ConditionExpression=_WAITS if waits else _IS_FREE,
                ExpressionAttributeValues=(
                    {**values, ":latest": {"N": str(latest)}} if waits else values
                ),
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            refused: Mapping[str, Any] = error.response
            return False, refused.get("Item", {})
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"no rate slot taken: {type(error).__name__}") from error
        return True, response["Attributes"]

    def _remember(self, endpoint: Endpoint, free: int) -> None:
        if len(self._free) >= _REMEMBERED:
            self._free.clear()
        self._free[_id(endpoint)] = free


def rate_key(sender_id: str, endpoint_id: str) -> dict[str, Any]:
    """Return the key of the item that holds an endpoint's rate slots.

    The item of an endpoint itself cannot have this key, since no sender id contains a `#`
    (identifiers.py).
    """
    return endpoint_key(f"rate#{sender_id}", endpoint_id)


def rate_change(table: str, endpoint: Endpoint) -> dict[str, Any]:
    """Return the transaction item that sets or removes the rate limit of an endpoint.

    It begins a new series, so attempts that wait for a slot of the old rate take a new one. A pause
    of the endpoint continues.
    """
    key = {"TableName": table, "Key": rate_key(endpoint.sender_id, endpoint.endpoint_id)}
    if not endpoint.rate_per_second:
        return {"Delete": key}
    interval = interval_of(endpoint.rate_per_second) // timedelta(microseconds=1)
    return {
        "Update": {
            **key,
            "UpdateExpression": (
                "SET pace = :pace, series = :series, nextSlot = if_not_exists(pausedUntil, :none)"
            ),
            "ExpressionAttributeValues": {
                ":pace": {"N": str(interval)},
                ":series": {"S": endpoint.edition},
                ":none": {"N": "0"},
            },
        }
    }


def _id(endpoint: Endpoint) -> tuple[str, str]:
    return endpoint.sender_id, endpoint.endpoint_id


def _pace(item: Mapping[str, Any]) -> Pace:
    interval = timedelta(microseconds=int(item["pace"]["N"]))
    return Pace(from_microseconds(int(item["nextSlot"]["N"])), interval)

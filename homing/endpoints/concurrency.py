"""Turns: an endpoint that allows only so many attempts at once gives each of them a turn.

The turns that are taken are a set in an item of its own in the endpoints table. Each says when it
lapses, so one that a broken function has left behind is cleared by the next who finds no room.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from homing.endpoints.endpoints_table import endpoint_key
from homing.errors import InquiryError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.endpoints.endpoint import Endpoint
    from homing.settings import DeliverSettings

# For a function that starts or ends slowly, and for clocks that differ.
MARGIN = timedelta(seconds=60)


class Turns:
    """Gives turns and takes them back. Its methods raise InquiryError where that is impossible.

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
        """Take one of an endpoint's `limit` turns: gives the turn, or None if there is none left.

        Two turns of one delivery are two, since the function that had the first may still run; so
        `holder` must name the very attempt that is made.
        """
        lapses_at = round((now + self._lapses_after).timestamp() * 1000)
        turn = f"{holder}@{lapses_at}"
        taken = self._add(endpoint, limit, turn)
        if taken is None or turn in taken:  # taken before, where boto3 has repeated the call
            return turn
        lapsed = [each for each in taken if _lapses_at(each) <= now.timestamp() * 1000]
        if not lapsed:
            return None
        self._remove(endpoint, lapsed)
        return turn if self._add(endpoint, limit, turn) is None else None

    def give_back(self, endpoint: Endpoint, turn: str) -> None:
        """Give a turn back."""
        self._remove(endpoint, [turn])

    def _add(self, endpoint: Endpoint, limit: int, turn: str) -> list[str] | None:
        """Add a turn to the set; or give those that are in it, if there is no room."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(endpoint),
                UpdateExpression="ADD turns :turn",
                ConditionExpression="attribute_not_exists(turns) OR size(turns) < :limit",
                ExpressionAttributeValues={":turn": {"SS": [turn]}, ":limit": {"N": str(limit)}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            response: Mapping[str, Any] = error.response
            return list(response.get("Item", {}).get("turns", {}).get("SS", []))
        except (BotoCoreError, ClientError) as error:
            raise InquiryError(f"no turn taken: {type(error).__name__}") from error
        return None

    def _remove(self, endpoint: Endpoint, turns: list[str]) -> None:
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(endpoint),
                UpdateExpression="DELETE turns :turns",
                ExpressionAttributeValues={":turns": {"SS": turns}},
            )
        except (BotoCoreError, ClientError) as error:
            raise InquiryError(f"no turn given back: {type(error).__name__}") from error


def _key(endpoint: Endpoint) -> dict[str, Any]:
    """Give the key of an endpoint's turns; no sender has a `#` in its id (identifiers.py)."""
    return endpoint_key(f"turns#{endpoint.sender_id}", endpoint.endpoint_id)


def _lapses_at(turn: str) -> int:
    return int(turn.rpartition("@")[2])

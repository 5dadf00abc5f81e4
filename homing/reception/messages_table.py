"""The messages table: one guard for each message that has been taken in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb, to_dynamodb
from homing.reception.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

# DynamoDB deletes expired items days late, so one that has expired is as good as absent.
_FREE = "attribute_not_exists(pk) OR #ttl < :now"


class MessagesTable:
    """The messages table.

    Args:
        table: the table's name.
        client: a DynamoDB client.
    """

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self._table = table
        self._client = client

    def claim(self, guard: Guard, now: datetime) -> Guard | None:
        """Put a guard up where none stands.

        Of any number of claims at once exactly one succeeds.

        Returns:
            None if it stands now, or else the guard that stood there before.

        Raises:
            BotoCoreError, ClientError: when the table cannot be written.
        """
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_typed(guard.to_item()),
                ConditionExpression=_FREE,
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues={":now": {"N": str(int(now.timestamp()))}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            response: Mapping[str, Any] = error.response
            return Guard.from_item(from_dynamodb(response["Item"]))
        return None

    def find(self, key: str, now: datetime) -> Guard | None:
        """Give the guard that stands, or None.

        Raises:
            BotoCoreError, ClientError: when the table cannot be read.
        """
        response = self._client.get_item(
            TableName=self._table, Key={"pk": {"S": key}}, ConsistentRead=True
        )
        if "Item" not in response:
            return None
        guard = Guard.from_item(from_dynamodb(response["Item"]))
        return None if guard.expires_at < int(now.timestamp()) else guard


def _typed(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: to_dynamodb(value) for name, value in item.items()}

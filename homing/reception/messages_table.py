"""The messages table: one idempotency record for each accepted message."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb, put_if, to_dynamodb
from homing.reception.idempotency import IdempotencyRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

# DynamoDB may delete expired items days late, so an expired item counts as absent.
_FREE = "attribute_not_exists(pk) OR #ttl < :now"


class MessagesTable:
    """The messages table.

    Args:
        table: the table's name.
        client: a DynamoDB client.
        new_token: returns a random text to store in an item. If boto3 retries a put, this text
            shows whether the item in the table is from the first try.
    """

    def __init__(
        self,
        table: str,
        client: DynamoDBClient,
        new_token: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._table = table
        self._client = client
        self._new_token = new_token

    def claim(self, idempotency: IdempotencyRecord, now: datetime) -> IdempotencyRecord | None:
        """Put an idempotency record unless the message has one.

        Of several simultaneous claims for a message, exactly one succeeds, even if boto3 retries
        its put.

        Returns:
            None if the record was put; otherwise the record that the message already has.

        Raises:
            BotoCoreError, ClientError: when the table cannot be written.
        """
        standing = put_if(
            self._client,
            {
                "TableName": self._table,
                "Item": _typed(idempotency.to_item() | {"claimToken": self._new_token()}),
                "ConditionExpression": _FREE,
                "ExpressionAttributeNames": {"#ttl": "ttl"},
                "ExpressionAttributeValues": {":now": {"N": str(int(now.timestamp()))}},
            },
        )
        return None if standing is None else IdempotencyRecord.from_item(standing)

    def find(self, key: str, now: datetime) -> IdempotencyRecord | None:
        """Return the idempotency record with this key, or None.

        Raises:
            BotoCoreError, ClientError: when the table cannot be read.
        """
        response = self._client.get_item(
            TableName=self._table, Key={"pk": {"S": key}}, ConsistentRead=True
        )
        if "Item" not in response:
            return None
        idempotency = IdempotencyRecord.from_item(from_dynamodb(response["Item"]))
        return None if idempotency.expires_at < int(now.timestamp()) else idempotency


def _typed(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: to_dynamodb(value) for name, value in item.items()}

"""The keys table: one item for each API key, including revoked keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing.items import from_dynamodb, put_if, to_dynamodb
from homing.senders.api_key import ApiKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient


class KeysTable:
    """The keys table. Every method raises BotoCoreError or ClientError when a call fails.

    Args:
        table: the table's name.
        client: a DynamoDB client.
    """

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self._table = table
        self._client = client

    def add(self, key: ApiKey) -> bool:
        """Add a new key. If there already is a key with its id, change nothing and return False."""
        standing = put_if(
            self._client,
            {
                "TableName": self._table,
                "Item": {name: to_dynamodb(value) for name, value in key.to_item().items()},
                "ConditionExpression": "attribute_not_exists(pk)",
            },
        )
        return standing is None

    def find(self, key_id: str) -> ApiKey | None:
        """Return a key, revoked or not; None if there is none."""
        response = self._client.get_item(
            TableName=self._table, Key={"pk": {"S": key_id}}, ConsistentRead=True
        )
        return ApiKey.from_item(from_dynamodb(response["Item"])) if "Item" in response else None

    def all(self) -> Iterator[ApiKey]:
        """Return all keys, unordered. Reads the whole table."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._table)
        for page in pages:
            yield from (ApiKey.from_item(from_dynamodb(item)) for item in page["Items"])

    def revoke(self, key_id: str, revoked_at: str) -> bool:
        """Revoke a key; return False if there is no such key.

        Args:
            key_id: the id of the key.
            revoked_at: the time of the revocation. If the key is already revoked, its earlier time
                remains.
        """
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": key_id}},
                UpdateExpression="SET revokedAt = if_not_exists(revokedAt, :at)",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":at": {"S": revoked_at}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

"""Reading the ledger: what it has on record for a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Records:
    """The ledger table, to read.

    Args:
        table: the table's name.
        client: a DynamoDB client.
    """

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self._table = table
        self._client = client

    def of_message(self, key: str) -> list[dict[str, Any]]:
        """Give the items of all deliveries of a message, expired ones too, as plain values.

        Args:
            key: the message's partition key.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": key}},
            ConsistentRead=True,
        )
        return [from_dynamodb(item) for page in pages for item in page["Items"]]

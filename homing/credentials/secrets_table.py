"""The secrets table: the confidential data of each sender and endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.credentials.confidential import Confidential
from homing.items import from_dynamodb, put_if, to_dynamodb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class SecretsTable:
    """The secrets table. Every method raises BotoCoreError or ClientError when a call fails.

    The argument `holder` is the partition key of the sender or endpoint that the data belongs to,
    from `sender_holder` or `endpoint_holder`.

    Args:
        table: the table's name.
        client: a DynamoDB client.
    """

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self.name = table
        self._client = client

    def find(self, holder: str) -> Confidential | None:
        """Return the confidential data of a sender or an endpoint, or None if there is none."""
        response = self._client.get_item(
            TableName=self.name, Key=secret_key(holder), ConsistentRead=True
        )
        if "Item" not in response:
            return None
        return Confidential.from_item(from_dynamodb(response["Item"]))

    def put(self, holder: str, confidential: Confidential) -> bool:
        """Store confidential data, provided that its version is one above the stored one.

        If nothing is stored yet, the version must be 1.

        Returns:
            Whether the data was stored. It is not if another request has changed the data first.
        """
        return put_if(self._client, conditional_put(self.name, holder, confidential)) is None


def conditional_put(table: str, holder: str, confidential: Confidential) -> dict[str, Any]:
    """Return a PutItem that stores data only if its version is one above the stored one."""
    item = {name: to_dynamodb(value) for name, value in confidential.to_item(holder).items()}
    put: dict[str, Any] = {"TableName": table, "Item": item}
    if confidential.version == 1:
        return put | {"ConditionExpression": "attribute_not_exists(pk)"}
    return put | {
        "ConditionExpression": "#version = :before",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":before": {"N": str(confidential.version - 1)}},
    }


def edition_update(table: str, holder: str, edition: str) -> dict[str, Any]:
    """Return an UpdateItem that marks stored data as that of a new `edition` of an endpoint."""
    return {
        "TableName": table,
        "Key": secret_key(holder),
        "UpdateExpression": "SET edition = :edition ADD #version :one",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":edition": {"S": edition}, ":one": {"N": "1"}},
    }


def secret_key(holder: str) -> dict[str, Any]:
    """Return the primary key of an item of the secrets table, in DynamoDB's typed JSON."""
    return {"pk": {"S": holder}}

"""The secrets table: the confidential data of each sender and endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.credentials.confidential import Confidential
from homing.items import from_dynamodb, put_if, to_dynamodb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class SecretsTable:
    """The secrets table. Every method raises BotoCoreError or ClientError when a call to it fails.

    Args:
        table: the table's name.
        client: a DynamoDB client.
    """

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self.name = table
        self._client = client

    def find(self, owner: str) -> Confidential | None:
        """Return the data of an owner, or None."""
        response = self._client.get_item(
            TableName=self.name, Key=secret_key(owner), ConsistentRead=True
        )
        if "Item" not in response:
            return None
        return Confidential.from_item(from_dynamodb(response["Item"]))

    def put(self, owner: str, confidential: Confidential) -> bool:
        """Store data whose version is one above the stored one; version 1 if there is none.

        Returns:
            False if another request was faster; nothing is changed then.
        """
        return put_if(self._client, conditional_put(self.name, owner, confidential)) is None


def conditional_put(table: str, owner: str, confidential: Confidential) -> dict[str, Any]:
    """Return the PutItem that stores data only if its version is one above the stored one."""
    item = {name: to_dynamodb(value) for name, value in confidential.to_item(owner).items()}
    put: dict[str, Any] = {"TableName": table, "Item": item}
    if confidential.version == 1:
        return put | {"ConditionExpression": "attribute_not_exists(pk)"}
    return put | {
        "ConditionExpression": "#version = :before",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":before": {"N": str(confidential.version - 1)}},
    }


def edition_update(table: str, owner: str, edition: str) -> dict[str, Any]:
    """Return the UpdateItem that assigns stored data to a new edition of its endpoint."""
    return {
        "TableName": table,
        "Key": secret_key(owner),
        "UpdateExpression": "SET edition = :edition ADD #version :one",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":edition": {"S": edition}, ":one": {"N": "1"}},
    }


def secret_key(owner: str) -> dict[str, Any]:
    """Return the key of an owner, in DynamoDB's typed JSON."""
    return {"pk": {"S": owner}}

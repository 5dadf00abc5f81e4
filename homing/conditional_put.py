"""Conditional puts that succeed when boto3 repeats them.

When the response to a put is lost, boto3 repeats the put. If the first one succeeded, the condition
of the second fails, and the item in the table equals the item to put: that counts as success. Each
item must have a random value, so that the items of two writers are never equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient


def put_if(client: DynamoDBClient, put: Mapping[str, Any]) -> dict[str, Any] | None:
    """Put an item if its condition holds.

    Args:
        client: a DynamoDB client.
        put: the arguments of PutItem; its `Item` differs from that of any other writer.

    Returns:
        None if the item was put; otherwise the item that was there, as plain values.

    Raises:
        BotoCoreError, ClientError: when the table cannot be written.
    """
    try:
        client.put_item(**put, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    except client.exceptions.ConditionalCheckFailedException as error:
        response: Mapping[str, Any] = error.response
        standing = from_dynamodb(response.get("Item", {}))
        return None if standing == from_dynamodb(put["Item"]) else standing
    return None

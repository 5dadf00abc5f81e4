"""Conditional puts that recognize themselves.

Where the answer to a put is lost on the way, boto3 repeats the put. If the first one was carried
out, its condition does not hold the second time, and the item that stands there is the very one
that was to be put: that is a success. For two writers not to be taken for one another, each item
must hold something that was drawn by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient


def put_if(client: DynamoDBClient, put: Mapping[str, Any]) -> dict[str, Any] | None:
    """Make a conditional put.

    Args:
        client: a DynamoDB client.
        put: the arguments of PutItem; its `Item` holds something that no other writer's does.

    Returns:
        None if the item stands now, or else what stood there before, as plain values.

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

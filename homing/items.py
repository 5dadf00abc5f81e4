"""Items of DynamoDB: their conversion to plain values, and a conditional put that may be retried.

When the response to a put is lost, boto3 retries the put. If the first try succeeded, the condition
of the second fails, and the item in the table equals the item to put: that counts as success. Each
item must contain a random value, so that the items of two writers are never equal.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient


def to_dynamodb(value: Any) -> Any:
    """Return a plain value as DynamoDB's typed JSON; floats become exact decimal numbers."""
    return TypeSerializer().serialize(_with_decimals(value))


def from_dynamodb(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item in DynamoDB's typed JSON as plain values.

    Whole numbers become int, other numbers float.
    """
    deserialize = TypeDeserializer().deserialize
    return {name: _without_decimals(deserialize(value)) for name, value in item.items()}


def put_if(client: DynamoDBClient, put: Mapping[str, Any]) -> dict[str, Any] | None:
    """Put an item if its condition holds.

    Args:
        client: a DynamoDB client.
        put: the arguments of PutItem; its `Item` differs from that of any other writer.

    Returns:
        None if the item was put; otherwise the item that the table already has, as plain values.

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


def _with_decimals(value: Any) -> Any:
    match value:
        case float():
            return Decimal(str(value))
        case dict():
            return {name: _with_decimals(inner) for name, inner in value.items()}
        case list():
            return [_with_decimals(inner) for inner in value]
        case _:
            return value


def _without_decimals(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {name: _without_decimals(inner) for name, inner in value.items()}
        case list():
            return [_without_decimals(inner) for inner in value]
        case _:
            return value

"""Items of DynamoDB: their conversion to plain values, and a conditional put that may be repeated.

When the response to a put is lost, botocore repeats the put. If the first one succeeded, the
condition of the second fails, and the item in the table equals the item to put: that counts as
success. Each item must have a random value, so that the items of two writers are never equal.

boto3 has a conversion as well, but functions do without boto3 (docs/decisions/0101).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def to_dynamodb(value: Any) -> Any:
    """Return a plain value in DynamoDB's typed JSON; floats become exact decimal numbers.

    Raises:
        TypeError: for a value that is neither JSON nor bytes.
    """
    kind: str
    kept: Any
    match value:
        case str():
            kind, kept = "S", value
        case None:
            kind, kept = "NULL", True
        case bool():
            kind, kept = "BOOL", value
        case bytes():
            kind, kept = "B", value
        case int():
            kind, kept = "N", str(value)
        case float():
            kind, kept = "N", _decimal(value)
        case Mapping():
            kind, kept = "M", {name: to_dynamodb(inner) for name, inner in value.items()}
        case list() | tuple():
            kind, kept = "L", [to_dynamodb(inner) for inner in value]
        case _:
            raise TypeError(f"{type(value).__name__} cannot be kept in an item")
    return {kind: kept}


def from_dynamodb(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a typed item as plain values; whole numbers become int, others float."""
    return {name: _plain(value) for name, value in item.items()}


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


def _plain(typed: Mapping[str, Any]) -> Any:
    ((kind, kept),) = typed.items()
    match kind:
        case "N":
            return _number(kept)
        case "NULL":
            return None
        case "M":
            return from_dynamodb(kept)
        case "L":
            return [_plain(inner) for inner in kept]
        case "SS" | "NS" | "BS":
            return {_plain({kind[0]: inner}) for inner in kept}
        case _:
            return kept


def _decimal(number: float) -> str:
    decimal = Decimal(str(number))
    if not decimal.is_finite():
        raise TypeError(f"{number} cannot be kept in an item")
    return str(decimal)


def _number(text: str) -> int | float:
    decimal = Decimal(text)
    return int(decimal) if decimal == decimal.to_integral_value() else float(decimal)

"""Conversion between plain values and the typed JSON of DynamoDB."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from collections.abc import Mapping


def to_dynamodb(value: Any) -> Any:
    """Return a plain value in DynamoDB's typed JSON; floats become exact decimal numbers."""
    return TypeSerializer().serialize(_with_decimals(value))


def from_dynamodb(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a typed item as plain values; whole numbers become int, others float."""
    deserialize = TypeDeserializer().deserialize
    return {name: _without_decimals(deserialize(value)) for name, value in item.items()}


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

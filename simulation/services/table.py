"""A DynamoDB table: items by key, conditional puts and updates, consistent reads.

Items have typed values, such as {"S": "x"}. Methods take the arguments that boto3 and Step
Functions pass to DynamoDB, and refuse those that are not implemented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulation.engine.faults import ConditionFailedError
from simulation.errors import UnsupportedError
from simulation.services.dynamodb_syntax import compile_condition, compile_update

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_EXPRESSION = {
    "TableName",
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValuesOnConditionCheckFailure",
}
_UPDATE = _EXPRESSION | {"Key", "UpdateExpression", "ReturnValues"}
_PUT = _EXPRESSION | {"Item"}
_GET = {
    "TableName",
    "Key",
    "ConsistentRead",
    "ProjectionExpression",
    "ExpressionAttributeNames",
}
_BATCH_GET = {"TableName", "Keys", "ConsistentRead"}
_QUERY = {
    "TableName",
    "KeyConditionExpression",
    "ExpressionAttributeValues",
    "ConsistentRead",
}
_QUERY_SOME = _QUERY | {"ScanIndexForward", "Limit"}
_QUERY_INDEX = {
    "TableName",
    "IndexName",
    "KeyConditionExpression",
    "ExpressionAttributeValues",
    "Limit",
}

Item = dict[str, Any]


class Table:
    """A table.

    Args:
        keys: the names of its key attributes, partition key first.
        on_write: called after every write, with the item before it (None for a new item) and after
            it.
    """

    def __init__(
        self, keys: tuple[str, ...], on_write: Callable[[Item | None, Item], None] | None = None
    ) -> None:
        self._keys = keys
        self._on_write = on_write
        self.items: dict[tuple[str, ...], Item] = {}

    def update_item(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Update an item, or create it.

        Raises:
            ConditionFailedError: when the condition does not hold.
        """
        _only(arguments, _UPDATE)
        item = self.items.get(self._key(arguments["Key"]))
        names = arguments.get("ExpressionAttributeNames", {})
        values = arguments.get("ExpressionAttributeValues", {})
        self._check(arguments, item)
        update = compile_update(arguments["UpdateExpression"], names)
        after = update(arguments["Key"] if item is None else item, values)
        self._write(item, after)
        match arguments.get("ReturnValues", "NONE"):
            case "NONE":
                return {}
            case "ALL_NEW":
                return {"Attributes": after}
            case "ALL_OLD":
                return {} if item is None else {"Attributes": item}
            case other:
                raise UnsupportedError(f"ReturnValues {other}")

    def put_item(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Put an item, which replaces any item with the same key.

        Raises:
            ConditionFailedError: when the condition does not hold.
        """
        _only(arguments, _PUT)
        item = self.items.get(self._key(arguments["Item"]))
        self._check(arguments, item)
        self._write(item, dict(arguments["Item"]))
        return {}

    def get_item(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return an item."""
        _only(arguments, _GET)
        _consistent(arguments)
        item = self.items.get(self._key(arguments["Key"]))
        if item is None:
            return {}
        if "ProjectionExpression" in arguments:
            names = arguments.get("ExpressionAttributeNames", {})
            paths = [path.strip() for path in arguments["ProjectionExpression"].split(",")]
            wanted = {names.get(path, path) for path in paths}
            item = {name: value for name, value in item.items() if name in wanted}
        return {"Item": item}

    def batch_get_item(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of the requested items that exist."""
        _only(arguments, _BATCH_GET)
        _consistent(arguments)
        found = [
            self.items[key] for each in arguments["Keys"] if (key := self._key(each)) in self.items
        ]
        return {"Responses": {arguments["TableName"]: found}}

    def query(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the items of one partition, at most `Limit`, or the entries of an index.

        The result is always up to date, even if the query does not ask for consistent reads.
        """
        if "IndexName" in arguments:
            return self._query_index(arguments)
        _only(arguments, _QUERY_SOME)
        if arguments.get("ConsistentRead") is not False:
            _consistent(arguments)
        if arguments["KeyConditionExpression"] != f"{self._keys[0]} = :{self._keys[0]}":
            raise UnsupportedError(f"the query {arguments['KeyConditionExpression']}")
        partition = arguments["ExpressionAttributeValues"][f":{self._keys[0]}"]["S"]
        is_backward = arguments.get("ScanIndexForward") is False
        found = sorted((key for key in self.items if key[0] == partition), reverse=is_backward)
        return {"Items": [self.items[key] for key in found[: arguments.get("Limit")]]}

    def scan(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return all items."""
        _only(arguments, {"TableName"})
        return {"Items": [self.items[key] for key in sorted(self.items)]}

    def delete_item(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Delete an item, if it exists."""
        _only(arguments, {"TableName", "Key"})
        self.items.pop(self._key(arguments["Key"]), None)
        return {}

    def _query_index(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the items of one index partition whose time is before `:before`, oldest first.

        Unlike on AWS, the index is always up to date.
        """
        _only(arguments, _QUERY_INDEX)
        name = arguments["IndexName"]
        partition, sort = f":{name}", f"{name}At"
        condition = f"{name} = {partition} AND {sort} < :before"
        if arguments["KeyConditionExpression"] != condition:
            raise UnsupportedError(f"the query {arguments['KeyConditionExpression']}")
        values = arguments["ExpressionAttributeValues"]
        found = [
            item
            for item in self.items.values()
            if item.get(name) == values[partition] and item[sort]["S"] < values[":before"]["S"]
        ]
        return {"Items": sorted(found, key=lambda item: item[sort]["S"])[: arguments["Limit"]]}

    def _key(self, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(attributes[name]["S"] for name in self._keys)

    def _check(self, arguments: Mapping[str, Any], item: Item | None) -> None:
        if "ConditionExpression" not in arguments:
            return
        names = arguments.get("ExpressionAttributeNames", {})
        condition = compile_condition(arguments["ConditionExpression"], names)
        if not condition(item or {}, arguments.get("ExpressionAttributeValues", {})):
            all_old = arguments.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            raise ConditionFailedError(item if all_old else None)

    def _write(self, before: Item | None, after: Item) -> None:
        self.items[self._key(after)] = after
        if self._on_write is not None:
            self._on_write(before, after)


def _only(arguments: Mapping[str, Any], known: set[str]) -> None:
    if not arguments.keys() <= known:
        raise UnsupportedError(f"{', '.join(sorted(arguments.keys() - known))} of a table call")


def _consistent(arguments: Mapping[str, Any]) -> None:
    if arguments.get("ConsistentRead") is not True:
        raise UnsupportedError("a read that is not consistent")

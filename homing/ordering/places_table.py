"""The table of places: the deliveries that wait in lines of ordered deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb, put_if, to_dynamodb
from homing.ordering.line import Place, sort_key
from homing.retry.lifetime import YEAR
from homing.timestamps import from_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

# Longer than any delivery may wait, so that only abandoned places expire.
_KEPT = 2 * YEAR


class Places:
    """The table of places. Its methods raise BotoCoreError or ClientError when a call fails.

    Args:
        table: the table's name.
        client: a DynamoDB client.
    """

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self._table = table
        self._client = client

    def put(self, place: Place) -> str | None:
        """Put a place at the end of a line, unless its sequence is taken.

        Returns:
            None if the delivery has the place, from this call or an earlier one; otherwise the id
            of the delivery that has it.
        """
        expires_at = int((from_text(place.put_at) + _KEPT).timestamp())
        item = {**place.to_item(), "ttl": expires_at}
        put = {
            "TableName": self._table,
            "Item": to_dynamodb(item)["M"],
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        standing = put_if(self._client, put)
        return None if standing is None else standing["deliveryId"]

    def first(self, line_id: str, most: int) -> list[Place]:
        """Return up to `most` places of a line, beginning with the lowest sequence."""
        return self._query(line_id, most, is_forward=True)

    def last(self, line_id: str) -> int | None:
        """Return the highest sequence of the places of a line; None if it has none."""
        found = self._query(line_id, 1, is_forward=False)
        return found[0].sequence if found else None

    def find(self, line_id: str, delivery_id: str) -> int | None:
        """Return the sequence of a delivery in a line; None if it has no place there.

        This reads all places of the line.
        """
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": line_id}},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                if item["deliveryId"]["S"] == delivery_id:
                    return int(item["sk"]["S"])
        return None

    def leave(self, line_id: str, sequence: int) -> None:
        """Remove a place, if it still exists."""
        key = {"pk": {"S": line_id}, "sk": {"S": sort_key(sequence)}}
        self._client.delete_item(TableName=self._table, Key=key)

    def lines_since(self, before: datetime) -> Iterator[str]:
        """Yield the id of each line that has a place added before a time, each id once."""
        start: Any = {}
        seen = ""
        while True:
            page = self._client.scan(TableName=self._table, **start)
            for item in map(from_dynamodb, page["Items"]):
                if item["pk"] != seen and from_text(item["putAt"]) < before:
                    seen = item["pk"]
                    yield seen
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _query(self, line_id: str, most: int, *, is_forward: bool) -> list[Place]:
        found = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": line_id}},
            ConsistentRead=True,
            ScanIndexForward=is_forward,
            Limit=most,
        )
        return [Place.from_item(from_dynamodb(item)) for item in found["Items"]]

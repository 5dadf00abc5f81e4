"""Reads the endpoints table, which holds everything about endpoints that the API may show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.endpoints.endpoint import Endpoint
from homing.errors import DependencyError
from homing.items import from_dynamodb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

# How many times to ask for keys that DynamoDB has not processed. Failed calls are retried by boto3.
_TRIES = 3


class EndpointsTable:
    """The endpoints table. Its methods raise BotoCoreError or ClientError when DynamoDB fails.

    Args:
        table: the table's name.
        client: a DynamoDB client.
    """

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self.name = table
        self._client = client

    def find(self, sender_id: str, endpoint_id: str) -> Endpoint | None:
        """Return an endpoint of a sender; None if the sender has no such endpoint."""
        response = self._client.get_item(
            TableName=self.name, Key=endpoint_key(sender_id, endpoint_id), ConsistentRead=True
        )
        return Endpoint.from_item(from_dynamodb(response["Item"])) if "Item" in response else None

    def find_many(self, sender_id: str, endpoint_ids: Sequence[str]) -> Mapping[str, Endpoint]:
        """Return those of the given endpoints that exist, by id.

        At most 100 ids may be given, all different.

        Raises:
            DependencyError: when DynamoDB has not processed all ids after several tries.
        """
        request: Any = {
            self.name: {
                "Keys": [endpoint_key(sender_id, each) for each in endpoint_ids],
                "ConsistentRead": True,
            }
        }
        found: list[Endpoint] = []
        for _ in range(_TRIES):
            response = self._client.batch_get_item(RequestItems=request)
            items = response["Responses"].get(self.name, [])
            found += [Endpoint.from_item(from_dynamodb(item)) for item in items]
            request = response.get("UnprocessedKeys")
            if not request:
                return {endpoint.endpoint_id: endpoint for endpoint in found}
        raise DependencyError("the endpoints table is too busy")

    def of_sender(self, sender_id: str) -> list[Endpoint]:
        """Return all endpoints of a sender, ordered by id (eventually consistent)."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": sender_id}},
            ConsistentRead=False,  # half the price; subscriptions are cached for 30 s anyway
        )
        return [Endpoint.from_item(from_dynamodb(item)) for page in pages for item in page["Items"]]

    def all(self) -> Iterator[Endpoint]:
        """Yield the endpoints of all senders, in no particular order. Reads the whole table."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self.name,
            FilterExpression="NOT contains(pk, :mark)",  # only slots and rates have a `#` there
            ExpressionAttributeValues={":mark": {"S": "#"}},
        )
        for page in pages:
            yield from (Endpoint.from_item(from_dynamodb(item)) for item in page["Items"])

    def page(
        self, sender_id: str, *, after: str | None, limit: int
    ) -> tuple[list[Endpoint], str | None]:
        """Return a page of a sender's endpoints, ordered by id.

        A page ends at `limit` or at the 1 MB that one Query reads, whichever comes first.

        Args:
            sender_id: the sender.
            after: the id after which the page begins; None for the first page.
            limit: the maximum number of endpoints.

        Returns:
            The endpoints, and `after` for the next page; None after the last page.
        """
        start: Any = {} if after is None else {"ExclusiveStartKey": endpoint_key(sender_id, after)}
        response = self._client.query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": sender_id}},
            Limit=limit,
            ConsistentRead=True,
            **start,
        )
        found = [Endpoint.from_item(from_dynamodb(item)) for item in response["Items"]]
        last = from_dynamodb(response.get("LastEvaluatedKey", {}))
        return found, last.get("sk")


def endpoint_key(sender_id: str, endpoint_id: str) -> dict[str, Any]:
    """Return the key of an endpoint in the endpoints table, in DynamoDB's typed JSON."""
    return {"pk": {"S": sender_id}, "sk": {"S": endpoint_id}}

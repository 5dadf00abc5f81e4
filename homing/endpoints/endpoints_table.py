"""The endpoints table, to read: what may be told of each endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.endpoints.endpoint import Endpoint
from homing.errors import DependencyError
from homing.items import from_dynamodb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

_TRIES = 3  # for the keys that a batch left over; a call that fails is repeated by boto3


class EndpointsTable:
    """The endpoints table. Its methods raise BotoCoreError or ClientError where it cannot be read.

    Args:
        table: the table's name.
        client: a DynamoDB client.
    """

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self.name = table
        self._client = client

    def find(self, sender_id: str, endpoint_id: str) -> Endpoint | None:
        """Give an endpoint of a sender, or None."""
        response = self._client.get_item(
            TableName=self.name, Key=endpoint_key(sender_id, endpoint_id), ConsistentRead=True
        )
        return Endpoint.from_item(from_dynamodb(response["Item"])) if "Item" in response else None

    def find_many(self, sender_id: str, endpoint_ids: Sequence[str]) -> Mapping[str, Endpoint]:
        """Give those of a sender's endpoints that exist, by id, of at most 100 different ones.

        Raises:
            DependencyError: when the table has left some of them over again and again.
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

    def page(
        self, sender_id: str, *, after: str | None, limit: int
    ) -> tuple[list[Endpoint], str | None]:
        """Return some of a sender's endpoints, ordered by id, and where to go on.

        A page ends at `limit` or at the 1 MB that one Query reads, whichever comes first.

        Args:
            sender_id: whose.
            after: only those whose id comes behind this one; None from the first.
            limit: how many at most.

        Returns:
            The endpoints, and the id to give as `after` for the next; None behind the last.
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
    """Give the key of an endpoint in its table, as DynamoDB writes it."""
    return {"pk": {"S": sender_id}, "sk": {"S": endpoint_id}}

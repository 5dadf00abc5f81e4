"""Lists of delivered messages: no index contains them, so the ledger itself is read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb, to_dynamodb
from homing.ledger.delivery_filter import Listed
from homing.ledger.delivery_index import Page
from homing.retry.classification import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.ledger.delivery_filter import DeliveryFilter
    from homing.ledger.delivery_index import Place

_READ_AT_ONCE = 1000  # records per call; DynamoDB also returns at most a megabyte
# No read begins after this time, but the last one may end later. A page should take about a second.
BUDGET_SECONDS = 0.5


class Delivered:
    """Reads lists of delivered messages, in no particular order.

    Args:
        table: the ledger's name.
        client: a DynamoDB client.
        monotonic: a clock in seconds.
    """

    def __init__(
        self,
        table: str,
        client: DynamoDBClient,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._client = client
        self._monotonic = monotonic

    def page(
        self, wanted: DeliveryFilter, *, after: Place | None, limit: int, now: datetime
    ) -> Page:
        """Return a page of the list. It ends when it is full, or after half a second of reading.

        Args:
            wanted: the filter that selects deliveries.
            after: the place at which the previous page ends; None for the first page.
            limit: the maximum number of deliveries on the page.
            now: the time.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        deadline, seconds = self._monotonic() + BUDGET_SECONDS, int(now.timestamp())
        found: list[Listed] = []
        place = after
        while True:
            answer = self._read(wanted, place)
            last = answer.get("LastEvaluatedKey")
            place = None if last is None else ("", last["pk"]["S"], last["sk"]["S"])
            read = (listed(from_dynamodb(item)) for item in answer["Items"])
            found += [one for one in read if wanted.matches(one, seconds)]
            if len(found) > limit:
                kept = tuple(found[:limit])
                return Page(kept, ("", kept[-1].pk, kept[-1].sk))
            if place is None or self._monotonic() >= deadline:
                return Page(tuple(found), place)

    def _read(self, wanted: DeliveryFilter, place: Place | None) -> Mapping[str, Any]:
        values = {":delivered": Status.DELIVERED.value}
        conditions = ["#status = :delivered"]
        for name, condition, value in (
            (":senderId", "senderId = :senderId", wanted.sender_id),
            (":endpointId", "endpointId = :endpointId", wanted.endpoint_id),
            (":targetUrl", "begins_with(targetUrl, :targetUrl)", wanted.target_url),
            (":messageId", "contains(messageId, :messageId)", wanted.message_id),
        ):
            if value is not None:
                conditions.append(condition)
                values[name] = value
        start: Any = (
            {"ExclusiveStartKey": {"pk": {"S": place[1]}, "sk": {"S": place[2]}}} if place else {}
        )
        return self._client.scan(
            TableName=self._table,
            Limit=_READ_AT_ONCE,
            FilterExpression=" AND ".join(conditions),
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={name: to_dynamodb(each) for name, each in values.items()},
            **start,
        )


def listed(record: Mapping[str, Any]) -> Listed:
    """Build a list entry from a ledger record, given as plain values without DynamoDB's types."""
    history = record.get("retryHistory") or ()
    latest = (
        {"cause": {"category": e["errorCategory"], "reason": e["errorDetails"]["message"]}}
        if history and (e := history[-1])
        else {}
    )
    return Listed.from_attributes({"attentionAt": record["lastUpdatedAt"], **latest, **record})

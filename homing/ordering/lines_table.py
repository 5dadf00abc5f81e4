"""The table of lines of ordered deliveries: the progress of each, and the attempts begun in it.

An attempt of a delivery with an `orderingKey` begins with one conditional update. The update fails
unless the delivery is the head of its line, or follows a head that has ended. So no request of an
earlier delivery can begin after a request of a later delivery.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb, to_dynamodb
from homing.ordering.line import Line, line_id_of
from homing.timestamps import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.delivery import Reference

# If no attempt begins in a line for this long, the line is forgotten, and its next delivery gets
# sequence 1 again.
_KEPT = timedelta(days=45)

_HEAD = (
    "head = :sequence, deliveryId = :deliveryId, deliveryPk = :deliveryPk, "
    "deliverySk = :deliverySk, createdAt = :createdAt, senderId = :senderId, "
    "endpointId = :endpointId, targetUrl = :targetUrl, orderingKey = :orderingKey, #ttl = :ttl"
)


class Lines:
    """The table of lines. Its methods raise BotoCoreError or ClientError when a call fails.

    Args:
        table: the table's name.
        client: a DynamoDB client.
    """

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self._table = table
        self._client = client

    def read(self, line_id: str) -> Line | None:
        """Return the progress of a line; None if no attempt has begun in it."""
        found = self._client.get_item(
            TableName=self._table, Key={"pk": {"S": line_id}}, ConsistentRead=True
        )
        return Line.from_item(from_dynamodb(found["Item"])) if "Item" in found else None

    def begin_next(self, reference: Reference, now: datetime, until: datetime) -> Line | None:
        """Begin the first attempt of the delivery that follows the head, if the head has ended.

        The delivery was queued because the head had ended after `reference.after` attempts. It may
        begin if the head has begun no further attempt since then, or if so much time has passed
        that the head's last attempt must be over.

        Returns:
            None if the attempt has begun; otherwise the current line.
        """
        return self._update(
            reference,
            f"SET {_HEAD}, begun = :one, untilAt = :until REMOVE passedOver",
            "attribute_not_exists(pk) OR (head = :before AND (begun = :after OR untilAt < :now))",
            {
                **_head_values(reference, now),
                ":one": 1,
                ":until": to_text(until),
                ":now": to_text(now),
                ":before": (reference.sequence or 0) - 1,
                ":after": -1 if reference.after is None else reference.after,
            },
        )

    def begin_again(self, reference: Reference, now: datetime, until: datetime) -> Line | None:
        """Begin a further attempt of the head.

        Returns:
            None if the attempt has begun; otherwise the current line.
        """
        return self._update(
            reference,
            "SET begun = begun + :one, untilAt = :until, #ttl = :ttl",
            "head = :sequence",
            {
                ":one": 1,
                ":until": to_text(until),
                ":ttl": _expiry(now),
                ":sequence": reference.sequence,
            },
        )

    def skip_to(
        self, reference: Reference, seen: Line | None, now: datetime, *, over: bool
    ) -> bool:
        """Advance a line to its next delivery, which ended before its first attempt.

        Args:
            reference: the next delivery, which becomes the head.
            seen: the line as the caller has read it; None if there was none.
            now: the time.
            over: whether all attempts of the current head are over. If not, the delivery after
                `reference` waits until the time at which they must be over.

        Returns:
            Whether the line has been changed.
        """
        values = {**_head_values(reference, now), ":zero": 0}
        if seen is None:
            expression, condition = f"SET {_HEAD}, begun = :zero", "attribute_not_exists(pk)"
        else:
            gone = "untilAt, passedOver" if over else "passedOver"
            expression = f"SET {_HEAD}, begun = :zero REMOVE {gone}"
            condition = "head = :before AND begun = :seen"
            values |= {":before": seen.head, ":seen": seen.begun}
        return self._update(reference, expression, condition, values) is None

    def pass_over(self, reference: Reference, line: Line) -> bool:
        """Unblock a line whose head has failed.

        Return False, without a change, if the failed delivery is no longer the head.
        """
        values = {":sequence": line.head, ":deliveryId": reference.delivery_id}
        return (
            self._update(
                reference,
                "SET passedOver = :sequence",
                "head = :sequence AND deliveryId = :deliveryId",
                values,
            )
            is None
        )

    def _update(
        self, reference: Reference, expression: str, condition: str, values: Mapping[str, Any]
    ) -> Line | None:
        names = {"#ttl": "ttl"} if "#ttl" in expression else None
        arguments: dict[str, Any] = {} if names is None else {"ExpressionAttributeNames": names}
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": line_id_of(reference)}},
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues={
                    name: to_dynamodb(value) for name, value in values.items()
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **arguments,
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            response: Mapping[str, Any] = error.response
            return Line.from_item(from_dynamodb(response["Item"])) if "Item" in response else _GONE
        return None


# Stands for a line that does not exist.
_GONE = Line(head=0, delivery_id="", key=("", ""), created_at="", begun=0)


def _head_values(reference: Reference, now: datetime) -> dict[str, Any]:
    return {
        ":sequence": reference.sequence,
        ":deliveryId": reference.delivery_id,
        ":deliveryPk": reference.pk,
        ":deliverySk": reference.sk,
        ":createdAt": reference.created_at,
        ":senderId": reference.sender_id,
        ":endpointId": reference.endpoint_id,
        ":targetUrl": reference.target_url,
        ":orderingKey": reference.ordering_key,
        ":ttl": _expiry(now),
    }


def _expiry(now: datetime) -> int:
    return int((now + _KEPT).timestamp())

"""The table of bulk redrives. A bulk redrive is one item, its record, and one item for each chunk.

An item expires at its `ttl`. The record has the sort key `redrive`, a chunk `chunk#<number>`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb, put_if, to_dynamodb
from homing.recovery.bulk_redrive import KEPT_DAYS, BulkRedrive, Key, Phase
from homing.timestamps import from_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.ledger.delivery_index import Place

_RECORD = "redrive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A chunk: some deliveries of a bulk redrive.

    Args:
        number: the number of the chunk, counted from 0.
        members: before the chunk is redriven, all its deliveries; afterwards, the redriven ones
            that have not ended yet.
        place: the place in the list of deliveries where the next chunk begins; None if this is the
            last chunk.
        redriven: how many deliveries of the chunk have been redriven; None before the chunk is
            redriven.
        not_redriven: how many deliveries of the chunk could not be redriven.
        delivered: how many of the redriven deliveries have arrived.
        failed: how many of the redriven deliveries have failed again.
        others: how many of the redriven deliveries have ended in another way.
    """

    number: int
    members: tuple[Key, ...]
    place: Place | None
    redriven: int | None = None
    not_redriven: int = 0
    delivered: int = 0
    failed: int = 0
    others: int = 0


class RedrivesTable:
    """The table of bulk redrives. Every method may raise BotoCoreError or ClientError.

    Args:
        table: the table's name.
        client: a DynamoDB client.
    """

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self._table = table
        self._client = client

    def begin(self, redrive: BulkRedrive) -> BulkRedrive:
        """Record a bulk redrive and return it.

        If there is already a bulk redrive with this id, leave it unchanged and return it instead.
        """
        standing = put_if(
            self._client,
            {
                "TableName": self._table,
                "Item": _typed(_key(redrive.redrive_id) | redrive.to_item() | _expiry(redrive)),
                "ConditionExpression": "attribute_not_exists(pk)",
            },
        )
        return redrive if standing is None else BulkRedrive.from_item(standing)

    def find(self, redrive_id: str) -> BulkRedrive | None:
        """Return the current state of a bulk redrive, or None."""
        found = self._client.get_item(
            TableName=self._table, Key=_typed(_key(redrive_id)), ConsistentRead=True
        )
        return BulkRedrive.from_item(from_dynamodb(found["Item"])) if "Item" in found else None

    def newest(self, most: int) -> list[BulkRedrive]:
        """Return the newest bulk redrives."""
        return self._all()[:most]

    def _all(self) -> list[BulkRedrive]:
        """Return all bulk redrives of the last month, the newest first. Reads the whole table."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="sk = :record",
            ExpressionAttributeValues={":record": {"S": _RECORD}},
        )
        found = [BulkRedrive.from_item(from_dynamodb(i)) for page in pages for i in page["Items"]]
        return sorted(found, key=lambda one: one.started_at, reverse=True)

    def open(self) -> list[str]:
        """Return the ids of the bulk redrives that have not ended, the oldest first."""
        return [one.redrive_id for one in reversed(self._all()) if one.phase is not Phase.ENDED]

    def hold(self, redrive_id: str, now: int, until: int) -> bool:
        """Acquire the lock of a bulk redrive; return whether it was free.

        Args:
            redrive_id: the id of the bulk redrive.
            now: the time, epoch seconds.
            until: when the lock expires if the run that holds it is interrupted and does not
                release it.
        """
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_typed(_key(redrive_id)),
                UpdateExpression="SET heldUntil = :until",
                ConditionExpression="attribute_exists(pk) AND "
                "(attribute_not_exists(heldUntil) OR heldUntil < :now)",
                ExpressionAttributeValues=_typed({":until": until, ":now": now}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def release(self, redrive_id: str) -> None:
        """Release the lock of a bulk redrive."""
        self._client.update_item(
            TableName=self._table,
            Key=_typed(_key(redrive_id)),
            UpdateExpression="REMOVE heldUntil",
        )

    def stop(self, redrive_id: str) -> BulkRedrive | None:
        """Stop a bulk redrive; return its current state, or None if there is none."""
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(
                TableName=self._table,
                Key=_typed(_key(redrive_id)),
                UpdateExpression="SET stopped = :true",
                ConditionExpression="#status = :redriving",  # otherwise there is nothing to stop
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=_typed({":true": True, ":redriving": "REDRIVING"}),
            )
        return self.find(redrive_id)

    def save(self, redrive: BulkRedrive, *, chunks_before: int) -> bool:
        """Save the progress of a bulk redrive, unless another run of the same step was faster.

        If a stop has been requested in the meantime, it stays in effect.
        """
        changed = redrive.to_item()
        del changed["stopped"]
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_typed(_key(redrive.redrive_id)),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changed),
                ConditionExpression="#chunks = :before",
                ExpressionAttributeNames={f"#{name}": name for name in changed},
                ExpressionAttributeValues=_typed(
                    {f":{name}": value for name, value in changed.items()}
                    | {":before": chunks_before}
                ),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def chunk(self, redrive: BulkRedrive, number: int) -> Chunk | None:
        """Return a chunk; None if it has not been stored yet."""
        found = self._client.get_item(
            TableName=self._table,
            Key=_typed(_key(redrive.redrive_id, _chunk(number))),
            ConsistentRead=True,
        )
        return _read_chunk(from_dynamodb(found["Item"])) if "Item" in found else None

    def save_chunk(self, redrive: BulkRedrive, chunk: Chunk) -> None:
        """Save a chunk."""
        item = {
            "number": chunk.number,
            "members": [list(each) for each in chunk.members],
            "place": None if chunk.place is None else list(chunk.place),
            "redriven": chunk.redriven,
            "notRedriven": chunk.not_redriven,
            "delivered": chunk.delivered,
            "failed": chunk.failed,
            "others": chunk.others,
        }
        key = _key(redrive.redrive_id, _chunk(chunk.number))
        self._client.put_item(TableName=self._table, Item=_typed(key | item | _expiry(redrive)))

    def chunks(self, redrive: BulkRedrive) -> Iterator[Chunk]:
        """Yield all chunks, in order."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :chunk)",
            ExpressionAttributeValues=_typed({":pk": redrive.redrive_id, ":chunk": "chunk#"}),
            ConsistentRead=True,
        )
        for page in pages:
            yield from (_read_chunk(from_dynamodb(item)) for item in page["Items"])


def _read_chunk(item: Mapping[str, Any]) -> Chunk:
    return Chunk(
        number=item["number"],
        members=_keys(item["members"]),
        place=None if item["place"] is None else tuple(item["place"]),
        redriven=item["redriven"],
        not_redriven=item["notRedriven"],
        delivered=item["delivered"],
        failed=item["failed"],
        others=item["others"],
    )


def _keys(found: Sequence[Sequence[str]]) -> tuple[Key, ...]:
    return tuple((pk, sk) for pk, sk in found)


def _key(redrive_id: str, sort_key: str = _RECORD) -> dict[str, str]:
    return {"pk": redrive_id, "sk": sort_key}


def _chunk(number: int) -> str:
    return f"chunk#{number:07d}"


def _expiry(redrive: BulkRedrive) -> dict[str, int]:
    end = from_text(redrive.started_at) + timedelta(days=KEPT_DAYS)
    return {"ttl": int(end.timestamp())}


def _typed(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: to_dynamodb(value) for name, value in item.items()}

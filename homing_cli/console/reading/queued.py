"""Deliveries that wait for their first attempt, most of them without a record in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from homing.items import from_dynamodb
from homing.reception.idempotency import IdempotencyRecord
from homing.retry.classification import Status
from homing_cli.console.reading import batch_get
from homing_cli.console.reading.listing import Limits, Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from homing.delivery import Reference
    from homing_cli.console.reading.filters import Filters

_RECORDS_A_READ = 20
_Records: TypeAlias = dict[batch_get.Key, dict[str, Any]]


class Queued:
    """Reads queued deliveries from the messages table and the ledger.

    Args:
        client: a DynamoDB client.
        messages: the messages table's name.
        ledger: the ledger table's name.
    """

    def __init__(self, client: Any, messages: str, ledger: str) -> None:
        self._client = client
        self._messages = messages
        self._ledger = ledger

    def page(self, filters: Filters, place: Any, limits: Limits) -> Page:
        """Return a page of matching queued deliveries, in the order of the table."""
        found: list[Mapping[str, Any]] = []
        looked_at, start = 0, place
        while True:
            after = {} if start is None else {"ExclusiveStartKey": {"pk": {"S": start}}}
            answer = self._client.scan(TableName=self._messages, Limit=_RECORDS_A_READ, **after)
            idempotency = [
                IdempotencyRecord.from_item(from_dynamodb(item)) for item in answer["Items"]
            ]
            looked_at += len(idempotency)
            current = [
                idempotency for idempotency in idempotency if idempotency.expires_at >= limits.now
            ]
            found += filter(filters.fits, self.waiting(current))
            start = answer.get("LastEvaluatedKey", {}).get("pk", {}).get("S")
            if start is None or len(found) >= limits.size or limits.passed:
                order = "in no order: most of these are not in the ledger yet"
                return Page(tuple(found), start, looked_at, order)

    def waiting(self, idempotency: Iterable[IdempotencyRecord]) -> list[dict[str, Any]]:
        """Return the deliveries of messages that are queued, with their records if any."""
        queued, records = self._read(idempotency)
        return [
            record | records.get(key, {})
            for key, record in queued.items()
            if key not in records or records[key]["status"] == Status.QUEUED
        ]

    def whole(self, limit: int) -> list[dict[str, Any]]:
        """Return the deliveries without a record of the messages that one read takes in."""
        answer = self._client.scan(TableName=self._messages, Limit=limit)
        idempotency = [IdempotencyRecord.from_item(from_dynamodb(item)) for item in answer["Items"]]
        queued, records = self._read(idempotency)
        return [record for key, record in queued.items() if key not in records]

    def _read(self, idempotency: Iterable[IdempotencyRecord]) -> tuple[_Records, _Records]:
        """Return what stands for the records of messages' deliveries, and the records there are."""
        queued = {
            (reference.pk, reference.sk): queued_record(reference, idempotency)
            for idempotency in idempotency
            for reference in idempotency.references()
        }
        keys: list[batch_get.Key] = list(queued)
        records: _Records = {}
        for start in range(0, len(keys), batch_get.AT_ONCE):
            batch = keys[start : start + batch_get.AT_ONCE]
            records |= batch_get.records(self._client, self._ledger, batch)
        return queued, records


def queued_record(reference: Reference, idempotency: IdempotencyRecord) -> dict[str, Any]:
    """Return a stand-in for the record of a queued delivery."""
    scheduled = {} if idempotency.deliver_at is None else {"deliverAt": idempotency.deliver_at}
    return {
        **reference.to_document(),
        "status": Status.QUEUED.value,
        "attempts": 0,
        "retryHistory": [],
        "lastUpdatedAt": reference.created_at,
        "ttl": idempotency.expires_at,
        **scheduled,
    }

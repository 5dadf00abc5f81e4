"""Lists of all deliveries, from the ledger table; sorted if it is small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb
from homing_cli.console.reading.listing import Limits, Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing_cli.console.reading.filters import Filters

# The most records in one read, which DynamoDB also limits to a megabyte.
IN_ONE_READ = 1000
NEWEST_FIRST = "latest change first"
UNORDERED = "in no order: the ledger is too large to sort"


class TableScan:
    """The ledger table.

    Args:
        client: a DynamoDB client.
        table: the table's name.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def whole(self) -> list[dict[str, Any]] | None:
        """Return all records, latest change first; None if they do not fit into one read."""
        answer = self._client.scan(TableName=self._table, Limit=IN_ONE_READ)
        if "LastEvaluatedKey" in answer:
            return None
        records = [from_dynamodb(item) for item in answer["Items"]]
        return newest_first(records)

    def page(self, filters: Filters, place: Any, limits: Limits) -> Page:
        """Return a page of the matching records, in the order of the table.

        Args:
            filters: the filters.
            place: the end of the previous page; None for the first.
            limits: the limits of the page.
        """
        found: list[Mapping[str, Any]] = []
        looked_at, start = 0, place
        while True:
            answer = self._read(filters, start, limits.size)
            looked_at += answer["ScannedCount"]
            last = answer.get("LastEvaluatedKey")
            start = None if last is None else [last["pk"]["S"], last["sk"]["S"]]
            for record in map(from_dynamodb, answer["Items"]):
                if len(found) == limits.size:
                    start = [found[-1]["pk"], found[-1]["sk"]]
                    break
                if limits.is_current(record) and filters.fits(record):
                    found.append(record)
            if start is None or len(found) >= limits.size or limits.passed:
                return Page(tuple(found), start, looked_at, UNORDERED)

    def _read(self, filters: Filters, start: Any, size: int) -> Mapping[str, Any]:
        after = {} if start is None else {"ExclusiveStartKey": _key(start)}
        conditions = filters.conditions()
        limit = size if not conditions else IN_ONE_READ
        answer: Mapping[str, Any] = self._client.scan(
            TableName=self._table, Limit=limit, **after, **conditions
        )
        return answer


def newest_first(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records in order, latest change first."""
    return sorted(records, key=lambda record: str(record["lastUpdatedAt"]), reverse=True)


def _key(place: list[str]) -> dict[str, Any]:
    pk, sk = place
    return {"pk": {"S": pk}, "sk": {"S": sk}}

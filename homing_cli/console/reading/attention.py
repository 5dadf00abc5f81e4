"""Pages of the attention index, whose partitions are merged into one ordered list."""

from __future__ import annotations

import heapq
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb
from homing.retry.classification import Status
from homing_cli.console.reading import batch_get
from homing_cli.console.reading.listing import Limits, Page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from homing_cli.console.reading.filters import Filters

INDEX = "attention"
_DIGITS = "0123456789abcdef"
_AT_ONCE = 8
_SHORTEST_READ, _LONGEST_READ = 4, 128  # items of one partition
_NARROW_READ = 800  # items in all, if a filter matches few of them
_KEY = ("attention", "attentionAt", "pk", "sk")


class _Partition:
    """One partition of the index, read in small steps.

    Args:
        start: the key after which to begin; None for the beginning.
        size: the number of items in the first read.
        soonest: whether the earliest time comes first.
    """

    def __init__(
        self,
        client: Any,
        table: str,
        name: str,
        start: list[str] | None,
        size: int,
        *,
        soonest: bool,
    ) -> None:
        self.name = name
        self._size = size
        self.used = start
        self._query = {
            "TableName": table,
            "IndexName": INDEX,
            "KeyConditionExpression": "attention = :partition",
            "ExpressionAttributeValues": {":partition": {"S": name}},
            "ScanIndexForward": soonest,
        }
        self._client = client
        self._first: Mapping[str, Any] | None = None

    def open(self) -> None:
        """Read the first items; all partitions do this concurrently."""
        self._first = self._read(self.used, self._size)

    def items(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield the remaining items as (time, partition, item), in the order of the index."""
        size = self._size
        answer = self._first or self._read(self.used, size)
        while True:
            for item in map(from_dynamodb, answer["Items"]):
                yield item["attentionAt"], self.name, item
            if "LastEvaluatedKey" not in answer:
                return
            size = min(size * 2, _LONGEST_READ)
            last = answer["LastEvaluatedKey"]
            answer = self._read([last[name]["S"] for name in _KEY], size)

    def _read(self, start: list[str] | None, size: int) -> Mapping[str, Any]:
        after = (
            {}
            if start is None
            else {
                "ExclusiveStartKey": {
                    name: {"S": text} for name, text in zip(_KEY, start, strict=True)
                }
            }
        )
        answer: Mapping[str, Any] = self._client.query(**self._query, **after, Limit=size)
        return answer


class Attention:
    """The index of a ledger table.

    Args:
        client: a DynamoDB client.
        table: the table's name.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def page(
        self, statuses: Sequence[Status], filters: Filters, place: Any, limits: Limits
    ) -> Page:
        """Return a page of the deliveries in these statuses, soonest retry or latest failure first.

        Args:
            statuses: one or more statuses of the index with the same order.
            filters: the filters.
            place: the end of the previous page; None for the first.
            limits: the limits of the page.
        """
        soonest = Status.RETRY_SCHEDULED in statuses
        is_narrow = filters.is_narrow
        expected = _NARROW_READ if is_narrow else limits.size
        partitions = self._open(statuses, place or {}, soonest=soonest, expected=expected)
        merged = _merge(partitions.values(), soonest=soonest)
        found: list[Mapping[str, Any]] = []
        looked_at, ended = 0, False
        while len(found) < limits.size and not ended and not (looked_at and limits.passed):
            wanted = batch_get.AT_ONCE if is_narrow else limits.size - len(found)
            candidates = list(islice(merged, wanted))
            ended = len(candidates) < wanted
            for item, record in self._records(candidates, filters):
                if len(found) == limits.size:
                    ended = False
                    break
                looked_at += 1
                partitions[item["attention"]].used = [item[name] for name in _KEY]
                if record and limits.is_current(record) and filters.fits(record):
                    found.append(record)
        order = "next attempt soonest first" if soonest else "latest failure first"
        places = {one.name: one.used for one in partitions.values() if one.used}
        return Page(tuple(found), None if ended else places, looked_at, order)

    def newest(self, status: Status, limit: int) -> list[dict[str, Any]]:
        """Return the first entries of the index in a status."""
        soonest = status is Status.RETRY_SCHEDULED
        partitions = self._open([status], {}, soonest=soonest, expected=limit)
        return list(islice(_merge(partitions.values(), soonest=soonest), limit))

    def _open(
        self, statuses: Sequence[Status], place: Mapping[str, Any], *, soonest: bool, expected: int
    ) -> dict[str, _Partition]:
        """Open all partitions, with first reads large enough for the expected number of items."""
        size = min(max(2 * expected // len(_DIGITS), _SHORTEST_READ), _LONGEST_READ)
        names = [f"{status.value}#{digit}" for status in statuses for digit in _DIGITS]
        partitions = {
            name: _Partition(
                self._client, self._table, name, place.get(name), size, soonest=soonest
            )
            for name in names
        }
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(_Partition.open, partitions.values()))
        return partitions

    def _records(
        self, items: Sequence[Mapping[str, Any]], filters: Filters
    ) -> list[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
        """Yield each entry of the index with its record; None without one that can match."""
        keys = [(item["pk"], item["sk"]) for item in items]
        asked = [key for key, item in zip(keys, items, strict=True) if filters.may_fit(item)]
        found = batch_get.records(self._client, self._table, asked)
        return [(item, found.get(key)) for item, key in zip(items, keys, strict=True)]


def _merge(partitions: Any, *, soonest: bool) -> Iterator[dict[str, Any]]:
    streams = [partition.items() for partition in partitions]
    merged = heapq.merge(*streams, key=lambda entry: entry[:2], reverse=not soonest)
    return (item for _, _, item in merged)

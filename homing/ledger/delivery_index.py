"""Lists of deliveries, read from the two sparse indexes of the ledger.

Both contain the deliveries that can be listed (`homing.ledger.delivery_filter`), ordered by time:

    attention         partitions <status>#<hex digit>, for all senders; the watchdog reads it, too
    senderAttention   partitions <sender>#<status>#<hex digit>, for lists of one sender

The 16 partitions of a status are read concurrently and merged.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from homing.items import from_dynamodb, to_dynamodb
from homing.ledger.delivery_filter import Listed
from homing.ledger.record import WAITING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.ledger.delivery_filter import DeliveryFilter
    from homing.retry.classification import Status

ATTENTION_INDEX = "attention"
SENDER_INDEX = "senderAttention"
INDEXES = (ATTENTION_INDEX, SENDER_INDEX)
# The attributes in both indexes besides the keys: those that lists show. Every attempt rewrites an
# index entry anyway, since its sort key is a time, so changes to the other attributes cost no
# further write. The retry history, which grows, and the correlation id are left out, so an entry is
# well under 1 KB.
PROJECTED = (
    *("messageId", "senderId", "targetUrl", "endpointId", "eventType", "createdAt"),
    *("status", "attempts", "cause", "lastUpdatedAt", "nextRetryAt", "ttl"),
)

_AT_ONCE = 10  # concurrent calls: as many as a client has connections (homing/aws.py)
_FIRST, _LAST = "0", "~"  # texts that sort before and after any time
_SMALLEST_READ, _LARGEST_READ = 8, 1000

Place: TypeAlias = tuple[str, str, str]  # the position of a delivery in a list: `Listed.place`


def partitions(statuses: Iterable[Status], sender_id: str | None = None) -> tuple[str, ...]:
    """Return the names of the partitions for these statuses, for one sender or all (None)."""
    sender = "" if sender_id is None else f"{sender_id}#"
    return tuple(f"{sender}{status}#{digit}" for status in statuses for digit in "0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list of deliveries, and the place after which the next page begins, if any.

    A list is ordered by time, the latest first. The time of a waiting delivery is the one at
    which its next attempt is due; that of any other is the one at which it ended.
    """

    deliveries: tuple[Listed, ...]
    after: Place | None


class DeliveryIndex:
    """Reads lists of deliveries.

    Args:
        table: the ledger's name.
        client: a DynamoDB client with the default number of connections (homing/aws.py).
    """

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self._table = table
        self._client = client

    def page(
        self, wanted: DeliveryFilter, *, after: Place | None, limit: int, now: datetime
    ) -> Page:
        """Return a page of the deliveries that match.

        Args:
            wanted: the filter that the deliveries must match.
            after: the place at which the previous page ends; None for the first page.
            limit: the maximum number of deliveries on the page.
            now: the time.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        streams = self._streams(wanted, after, int(now.timestamp()))
        found: Sequence[Listed] = ()
        size = (
            limit if _is_narrow(wanted) else max(2 * limit // (len(streams) or 1), _SMALLEST_READ)
        )
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            behind: Sequence[_Stream] = streams
            while behind:
                list(pool.map(lambda one, size=size: one.read(size), behind))
                found = sorted(_known(streams), key=_place, reverse=True)
                behind = _behind(streams, found, limit)
                size = min(2 * size, _LARGEST_READ if _is_narrow(wanted) else limit)
        more = len(found) > limit or any(one.is_open for one in streams)
        kept = tuple(found[:limit])
        return Page(kept, kept[-1].place if more and kept else None)

    def all(self, wanted: DeliveryFilter, *, now: datetime) -> Iterator[Listed]:
        """Yield all deliveries that match, in no particular order.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        streams = self._streams(wanted, None, int(now.timestamp()))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for one in pool.map(_Stream.read_all, streams):
                yield from one

    def _streams(
        self, wanted: DeliveryFilter, after: Place | None, now: int
    ) -> tuple[_Stream, ...]:
        index = ATTENTION_INDEX if wanted.sender_id is None else SENDER_INDEX
        query = {"TableName": self._table, "IndexName": index, "ScanIndexForward": False}
        return tuple(
            _Stream(
                self._client,
                query | _conditions(index, partition, span, wanted),
                wanted,
                after,
                now,
            )
            for status in wanted.statuses
            if (span := _span(status, wanted, after))
            for partition in partitions([status], wanted.sender_id)
        )


@dataclass(slots=True)
class _Stream:
    """One partition, and the matching deliveries that have been read from it, the latest first."""

    client: Any
    query: Mapping[str, Any]
    wanted: DeliveryFilter
    after: Place | None
    now: int
    found: list[Listed] = field(default_factory=list)
    read_to: str = _LAST  # all entries later than this time have been read
    is_open: bool = True  # whether the partition may have more entries
    next_key: Mapping[str, Any] = field(default_factory=dict)

    def read(self, most: int | None) -> None:
        """Read at most `most` further entries.

        If `most` is None, or if the query has a filter, which may drop many entries, read as many
        as one query returns.
        """
        limit = {} if most is None or "FilterExpression" in self.query else {"Limit": most}
        answer = self.client.query(**self.query, **limit, **self.next_key)
        read = (Listed.from_attributes(from_dynamodb(item)) for item in answer["Items"])
        self.found += [one for one in read if self._is_wanted(one)]
        last = answer.get("LastEvaluatedKey")
        self.is_open = last is not None
        self.next_key = {"ExclusiveStartKey": last} if last else {}
        self.read_to = last["attentionAt"]["S"] if last else _FIRST

    def read_all(self) -> list[Listed]:
        """Return all matching deliveries of the partition."""
        while self.is_open:
            self.read(None)
        return self.found

    def _is_wanted(self, one: Listed) -> bool:
        is_next = self.after is None or one.place < self.after
        return is_next and self.wanted.matches(one, self.now)


def _known(streams: Iterable[_Stream]) -> Iterator[Listed]:
    """Yield the deliveries that no unread delivery can precede in the list."""
    read_to = max((one.read_to for one in streams), default=_FIRST)
    return (one for stream in streams for one in stream.found if one.at > read_to)


def _behind(streams: Sequence[_Stream], found: Sequence[Listed], limit: int) -> Sequence[_Stream]:
    """Return the streams from which to read more; none once the page is full or all have ended."""
    if len(found) >= limit:
        return ()
    waiting = [one for one in streams if one.is_open]
    # A list can reach back only to the latest of the times that the streams have been read to. So
    # the half of the streams that have been read back furthest need not be read further now.
    middle = sorted(one.read_to for one in waiting)[len(waiting) // 2 :][:1]
    return [one for one in waiting if one.read_to >= middle[0]] if middle else ()


def _place(one: Listed) -> Place:
    return one.place


def _is_narrow(wanted: DeliveryFilter) -> bool:
    """Return whether the filter may match so few deliveries that larger reads are worthwhile."""
    fields = (wanted.target_url, wanted.event_type, wanted.since, wanted.before, wanted.reason)
    return any(one is not None for one in fields)


def _span(status: Status, wanted: DeliveryFilter, after: Place | None) -> tuple[str, str] | None:
    """Return the span of index times in which deliveries of a status can match; None if none can.

    The index time of a waiting delivery is at or after its last update; the index time of any other
    delivery is its last update.
    """
    first, last = wanted.since or _FIRST, after[0] if after else _LAST
    if wanted.before is not None and status not in WAITING:
        last = min(last, wanted.before)
    return (first, last) if first <= last else None


def _conditions(
    index: str, partition: str, span: tuple[str, str], wanted: DeliveryFilter
) -> dict[str, Any]:
    """Return the conditions of a query, which preselect entries for `DeliveryFilter.matches`."""
    values = {":partition": partition}
    within = ""
    if span != (_FIRST, _LAST):
        values |= {":first": span[0], ":last": span[1]}
        within = " AND attentionAt BETWEEN :first AND :last"
    choices = (
        ("endpointId = :endpointId", ":endpointId", wanted.endpoint_id),
        ("cause.category = :category", ":category", wanted.category and wanted.category.value),
        ("contains(messageId, :messageId)", ":messageId", wanted.message_id),
    )
    given = [condition for condition, _, value in choices if value is not None]
    values |= {name: value for _, name, value in choices if value is not None}
    filtered = {"FilterExpression": " AND ".join(given)}
    return {
        "KeyConditionExpression": f"{index} = :partition{within}",
        "ExpressionAttributeValues": {name: to_dynamodb(value) for name, value in values.items()},
        **(filtered if given else {}),
    }

"""Lists of deliveries are complete, in order, and contain only the sender's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from homing.delivery import Reference
from homing.items import from_dynamodb, to_dynamodb
from homing.ledger.delivery_filter import LISTED, DeliveryFilter, Listed
from homing.ledger.delivery_groups import grouped
from homing.ledger.delivery_index import DeliveryIndex
from homing.ledger.table import Ledger
from homing.ledger.updates import Retry, cause, retry_entry
from homing.retry.classification import Category, Decision, Status, Verdict
from homing.retry.outcome import Outcome
from homing.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOON = datetime(2025, 12, 28, 12, tzinfo=UTC)
EXPIRES_AT = 1_769_515_200
KINDS = (
    (Status.FAILED, Category.GONE, "HTTP 410"),
    (Status.MAX_RETRIES_EXCEEDED, Category.SERVER_ERROR, "HTTP 503"),
    (Status.RETRY_SCHEDULED, Category.TIMEOUT, "timed out after 15 s"),
)


def item(number: int) -> dict[str, Any]:
    """Return a record in the indexes: one of three kinds, four endpoints and two senders."""
    status, category, reason = KINDS[number % 3]
    at = to_text(NOON - timedelta(seconds=number // 2))  # so that each time belongs to two records
    reference = Reference(
        message_id=f"order-{number}",
        sender_id=("shop", "crm")[number % 2],
        timestamp=at,
        target_url=f"https://example.com/{number % 4}",
        correlation_id="trace",
        created_at=at,
        endpoint_id=None if number % 4 == 0 else f"endpoint-{number % 4}",
        event_type="order.paid",
    )
    partition = f"{status}#{reference.delivery_id[0]}"
    named = {name: each for name, each in reference.to_document().items() if name != "deliveryId"}
    return {
        **named,
        "endpointId": reference.endpoint_id,
        "status": status.value,
        "attempts": 1,
        "retryHistory": [],
        "lastUpdatedAt": at,
        "ttl": EXPIRES_AT,
        "attention": partition,
        "senderAttention": f"{reference.sender_id}#{partition}",
        "attentionAt": at,
        "cause": cause(category, reason),
    }


@dataclass
class Indexes:
    """The two indexes of a ledger; a fake that answers the queries of lists like DynamoDB."""

    items: list[dict[str, Any]]
    page_size: int = 1000

    def query(self, **asked: Any) -> dict[str, Any]:
        values = {name: next(iter(v.values())) for name, v in _values(asked).items()}
        exact = {name: values[f":{name}"] for name in _VALUES if f":{name}" in values}
        after = asked.get("ExclusiveStartKey")
        found = sorted(
            (
                one
                for one in self.items
                if one[asked["IndexName"]] == values[":partition"]
                and values.get(":first", "0") <= one["attentionAt"] <= values.get(":last", "~")
            ),
            key=_key,
            reverse=True,
        )
        if after:
            found = [one for one in found if _key(one) < _key(from_dynamodb(after))]
        size = asked.get("Limit", self.page_size)
        read, more = found[:size], found[size:]
        kept = [
            one for one in read if all(_VALUES[name](one) == each for name, each in exact.items())
        ]
        last = {"LastEvaluatedKey": _typed(read[-1])} if more else {}
        return {"Items": [_typed(one) for one in kept], **last}


_VALUES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "endpointId": lambda one: one["endpointId"],
    "category": lambda one: one["cause"]["category"],
}


def _values(asked: dict[str, Any]) -> dict[str, Any]:
    return asked["ExpressionAttributeValues"]


def _key(one: dict[str, Any]) -> tuple[str, ...]:
    return one["attentionAt"], one["pk"], one["sk"]


def _typed(one: dict[str, Any]) -> dict[str, Any]:
    return {name: to_dynamodb(value) for name, value in one.items()}


ITEMS = [item(number) for number in range(60)]


def index_of(items: list[dict[str, Any]], page_size: int = 1000) -> DeliveryIndex:
    client: Any = Indexes(items, page_size)
    return DeliveryIndex("ledger", client)


def pages(index: DeliveryIndex, wanted: DeliveryFilter, limit: int) -> Iterator[list[Listed]]:
    after = None
    while True:
        page = index.page(wanted, after=after, limit=limit, now=NOON)
        yield [*page.deliveries]
        after = page.after
        if after is None:
            return


FILTERS = st.builds(
    DeliveryFilter,
    statuses=st.sampled_from([LISTED, (Status.FAILED,), LISTED[2:]]),
    message_id=st.sampled_from([None, "der-1"]),
    sender_id=st.sampled_from([None, "shop", "crm"]),
    endpoint_id=st.sampled_from([None, "endpoint-1", "endpoint-3"]),
    category=st.sampled_from([None, Category.GONE, Category.SERVER_ERROR]),
    since=st.sampled_from([None, to_text(NOON - timedelta(seconds=20))]),
    before=st.sampled_from([None, to_text(NOON - timedelta(seconds=9))]),
    reason=st.sampled_from([None, "HTTP"]),
)


@settings(deadline=None, max_examples=40)
@given(
    wanted=FILTERS,
    limit=st.integers(1, 70),
    page_size=st.sampled_from([1, 3, 1000]),
    count=st.integers(0, 60),
)
def test_the_pages_of_a_list_hold_each_match_once_the_latest_first(
    wanted: DeliveryFilter, limit: int, page_size: int, count: int
) -> None:
    items = ITEMS[:count]
    found = list(pages(index_of(items, page_size), wanted, limit))
    now = int(NOON.timestamp())
    every = [one for one in map(Listed.from_attributes, items) if wanted.matches(one, now)]
    in_order = sorted(every, key=lambda one: one.place, reverse=True)
    assert [one for page in found for one in page] == in_order
    assert all(len(page) == limit for page in found[:-1])
    assert {*index_of(items, page_size).all(wanted, now=NOON)} == {*every}


def test_a_span_without_a_time_in_it_is_an_empty_list() -> None:
    wanted = DeliveryFilter(since="2026-01-02T00:00:00.000Z", before="2026-01-01T00:00:00.000Z")
    assert list(pages(index_of(ITEMS), wanted, 10)) == [[]]


def test_groups_count_every_failure_by_endpoint_and_cause() -> None:
    failed = DeliveryFilter(statuses=(Status.FAILED, Status.MAX_RETRIES_EXCEEDED))
    groups = grouped(index_of(ITEMS).all(failed, now=NOON))
    assert sum(group.count for group in groups) == 40
    counts = {tuple(group.values.values()): group.count for group in groups}
    assert counts["crm", "endpoint-1", "SERVER_ERROR"] == 5
    assert counts["shop", "https://example.com/0", "GONE"] == 5
    assert len(counts) == 8
    latest = groups[0].latest
    assert (groups[0].last_at, latest.reason) == (latest.last_updated_at, latest.reason)


def test_a_recorded_retry_is_listed_with_its_endpoint_event_and_cause(
    ledger_table: Any, reference: Reference
) -> None:
    """The test runs against DynamoDB's semantics (moto)."""
    outcome = Outcome(to_text(NOON), 12, 503)
    verdict = Verdict(Decision.RETRY, Category.SERVER_ERROR, "HTTP 503", Status.RETRY_SCHEDULED)
    backoff = {
        "exponentialDelay": 1,
        "jitterApplied": 0,
        "retryAfterSeconds": None,
        "retryDelaySeconds": 1,
        "nextRetryAt": to_text(NOON + timedelta(seconds=1)),
    }
    named = Reference.from_document(
        reference.to_document() | {"endpointId": "crm", "eventType": "order.paid"}
    )
    entry = retry_entry(named, 0, outcome, verdict, backoff)
    Ledger(ledger_table.name, ledger_table.client).record_retry(
        Retry(named, 0, entry, expires_at=EXPIRES_AT)
    )
    wanted = DeliveryFilter(
        statuses=(Status.RETRY_SCHEDULED,),
        message_id=named.message_id[2:-1],
        sender_id=named.sender_id,
        endpoint_id="crm",
        category=Category.SERVER_ERROR,
    )
    index = DeliveryIndex(ledger_table.name, ledger_table.client)
    (one,) = index.page(wanted, after=None, limit=5, now=NOON).deliveries
    assert index.page(wanted, after=one.place, limit=5, now=NOON).deliveries == ()
    assert one.to_document() == {
        "deliveryId": named.delivery_id,
        "messageId": named.message_id,
        "senderId": named.sender_id,
        "targetUrl": named.target_url,
        "endpointId": "crm",
        "eventType": "order.paid",
        "status": "RETRY_SCHEDULED",
        "attempts": 1,
        "category": "SERVER_ERROR",
        "reason": "HTTP 503",
        "createdAt": named.created_at,
        "lastUpdatedAt": to_text(NOON),
        "nextRetryAt": to_text(NOON + timedelta(seconds=1)),
    }
    assert from_text(one.at) == NOON + timedelta(seconds=1)

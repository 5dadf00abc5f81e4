"""Lists of delivered messages are complete, page by page, for a ledger of any size."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from seeded import record

from homing.items import to_dynamodb
from homing.ledger.delivery_filter import DeliveryFilter
from homing.retry.classification import Category, Status
from homing_cli.console.reading import delivered
from homing_cli.console.reading.delivered import Delivered, listed

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RECORDS = [record(number, NOW) for number in range(60)]
ARRIVED = [one for one in RECORDS if one["status"] == "DELIVERED"]


@pytest.fixture
def table(ledger_table: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A ledger that is too large for one read."""
    monkeypatch.setattr(delivered, "_READ_AT_ONCE", 20)
    expired = record(100, NOW) | {"ttl": int(NOW.timestamp()) - 1}
    for one in (*RECORDS, expired):
        typed = {name: to_dynamodb(value) for name, value in one.items()}
        ledger_table.client.put_item(TableName=ledger_table.name, Item=typed)
    return ledger_table


def pages(
    table: Any, wanted: DeliveryFilter, limit: int, clock: Callable[[], float] = lambda: 0.0
) -> list[list[str]]:
    source, after, found = Delivered(table.name, table.client, clock), None, []
    while True:
        page = source.page(wanted, after=after, limit=limit, now=NOW)
        found.append([one.message_id for one in page.deliveries])
        after = page.after
        if after is None:
            return found


def test_each_delivery_that_has_arrived_is_on_one_page(table: Any) -> None:
    found = pages(table, DeliveryFilter(statuses=(Status.DELIVERED,)), 7)
    names = [name for page in found for name in page]
    assert sorted(names) == sorted(one["messageId"] for one in ARRIVED)
    assert all(len(page) == 7 for page in found[:-1])


@pytest.mark.parametrize(
    ("fields", "keep"),
    [
        ({"sender_id": "crm"}, lambda one: one["senderId"] == "crm"),
        ({"endpoint_id": "shop-3"}, lambda one: one["endpointId"] == "shop-3"),
        ({"target_url": "https://shop-1"}, lambda one: "//shop-1" in one["targetUrl"]),
        ({"message_id": "0004"}, lambda one: "0004" in one["messageId"]),
        ({"event_type": "order.*"}, lambda one: one["eventType"].startswith("order.")),
    ],
)
def test_a_list_is_narrowed_down_by_the_filter_of_all_lists(
    table: Any, fields: dict[str, Any], keep: Callable[[dict[str, Any]], bool]
) -> None:
    found = pages(table, DeliveryFilter(statuses=(Status.DELIVERED,), **fields), 7)
    kept = [one["messageId"] for one in ARRIVED if keep(one)]
    assert kept
    assert sorted(name for page in found for name in page) == sorted(kept)


def test_a_page_ends_when_its_time_is_up_and_the_next_goes_on(table: Any) -> None:
    seconds = count()
    wanted = DeliveryFilter(statuses=(Status.DELIVERED,), message_id="seed-0004")
    found = pages(table, wanted, 50, lambda: float(next(seconds)))
    assert len(found) > 2
    assert len([name for page in found for name in page]) == 7


def test_a_record_is_listed_with_the_cause_that_its_history_ends_with() -> None:
    one = listed(RECORDS[8])
    assert (one.category, one.reason, one.endpoint_id) == (Category.GONE, "HTTP 410", "shop-8")


def test_a_message_without_an_attempt_is_listed_without_a_cause() -> None:
    one = listed(RECORDS[0] | {"retryHistory": [], "status": "QUEUED"})
    assert (one.category, one.at) == (None, RECORDS[0]["lastUpdatedAt"])

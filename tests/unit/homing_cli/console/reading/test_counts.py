"""Lists and counts in the console agree with the index."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from seeded import record

from homing.items import to_dynamodb
from homing.ledger.delivery_filter import DeliveryFilter
from homing.ledger.delivery_index import DeliveryIndex
from homing_cli.console.reading.counts import counts_of, pages_of

LONG = 20.0


@pytest.fixture
def index(ledger_table: Any) -> DeliveryIndex:
    now = datetime.now(UTC)
    for number in range(80):
        typed = {name: to_dynamodb(value) for name, value in record(number, now).items()}
        ledger_table.client.put_item(TableName=ledger_table.name, Item=typed)
    return DeliveryIndex(ledger_table.name, ledger_table.client)


def test_all_that_match_are_counted_by_sender_endpoint_category_and_status(
    index: DeliveryIndex,
) -> None:
    counted = counts_of(index).ask(DeliveryFilter(sender_id="crm"), LONG)
    assert counted is not None
    assert [(*group.values.values(), group.count) for group in counted.groups] == [
        ("crm", "shop-8", "GONE", "FAILED", 2),
        ("crm", "shop-9", "SERVER_ERROR", "RETRY_SCHEDULED", 2),
    ]
    assert counted.total == 4


def test_a_page_begins_where_the_one_before_it_ended(index: DeliveryIndex) -> None:
    pages, wanted = pages_of(index), DeliveryFilter(endpoint_id="shop-8")
    first = pages.ask((wanted, None), LONG)
    assert first is not None
    latest, last = first.deliveries
    rest = pages.ask((wanted, latest.place), LONG)
    assert rest is not None
    assert (rest.deliveries, rest.after) == ((last,), None)

"""What `homing ordering` shows about lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from releasing import releasing_on

from homing.delivery import Delivery, Reference, Request
from homing.items import to_dynamodb
from homing.ordering.joining import Joining
from homing.retry.policy import Policy
from homing_cli.client.lines import waiting_lines

if TYPE_CHECKING:
    from homing.ordering.releasing import Releasing

NOW = datetime(2025, 12, 28, 12, tzinfo=UTC)
AT = "2025-12-28T12:00:00.000Z"


class Deployed:
    """Stands for a target, with tables in moto."""

    outputs = {"LinesTable": "lines", "PlacesTable": "places", "LedgerTable": "ledger"}  # noqa: RUF012

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb

    def client(self, _: str) -> Any:
        return self._dynamodb


def delivery(message_id: str, key: str) -> Delivery:
    url = "https://a.example/"
    reference = Reference(message_id, "shop", AT, url, message_id, AT, ordering_key=key)
    return Delivery(
        reference, Request("{}", "application/json", {}), Policy(), 0, AT, 2_000_000_000
    )


@pytest.fixture
def releasing(ordering_tables: Any, ledger_table: Any, registry: Any) -> Releasing:
    return releasing_on(ordering_tables, None)


def test_lines_in_which_something_waits_are_listed_the_longest_first(
    releasing: Releasing, ordering_tables: Any
) -> None:
    given = [("m1", "k1"), ("m2", "k1"), ("m3", "k2"), ("m4", "k2"), ("m5", "k2"), ("m6", "k3")]
    joined = Joining(releasing).join([delivery(*each) for each in given], (), NOW)
    until = NOW + timedelta(seconds=30)
    for head in joined.ready:
        if head.reference.ordering_key != "k2":
            assert releasing.lines.begin_next(head.reference, NOW, until) is None
    record = {
        **delivery("m1", "k1").reference.to_document(),
        "status": "FAILED",
        "attempts": 1,
        "retryHistory": [],
        "lastUpdatedAt": AT,
        "ttl": 2_000_000_000,
    }
    item = {name: to_dynamodb(value) for name, value in record.items()}
    ordering_tables.put_item(TableName="ledger", Item=item)
    found = waiting_lines(Deployed(ordering_tables))  # type: ignore[arg-type]  # what it reads of it
    assert [one.to_document() for one in found] == [
        {
            "senderId": "shop",
            "endpointId": None,
            "targetUrl": "https://a.example/",
            "orderingKey": "k2",
            "head": None,
            "waiting": 3,
        },
        {
            "senderId": "shop",
            "endpointId": None,
            "targetUrl": "https://a.example/",
            "orderingKey": "k1",
            "head": {"messageId": "m1", "sequence": 1, "status": "FAILED"},
            "waiting": 1,
        },
    ]

"""The list of senders."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from homing.endpoints.endpoint import Endpoint
from homing.ledger.delivery_filter import Listed
from homing.ledger.delivery_groups import grouped
from homing.retry.classification import Status
from homing.senders.api_key import ApiKey
from homing_cli.console.endpoints.backlog import Backlog
from homing_cli.console.endpoints.rows import rows
from homing_cli.console.endpoints.tenants import tenants
from homing_cli.console.reading.counts import BY

NOON = "2026-01-01T12:00:00.000Z"
LATER = "2026-01-01T13:00:00.000Z"
ORDERS = Endpoint("shop", "orders", "https://example.com", NOON, NOON)
FAILING = replace(ORDERS, endpoint_id="returns", failing_since=NOON)


def listed(sender_id: str, status: Status) -> Listed:
    url = "https://example.com"
    ids = ("m#s", f"{NOON}#{url}", "m", sender_id, url, NOON)
    return Listed(*ids, status, attempts=1, at=NOON, last_updated_at=NOON)


def backlog(*deliveries: Listed) -> Backlog:
    return Backlog.of(grouped(deliveries, BY), datetime(2026, 1, 1, tzinfo=UTC))


def test_a_sender_is_known_by_an_endpoint_a_key_or_an_open_delivery() -> None:
    keys = [ApiKey("1", "keyed", "hash", NOON)]
    found = tenants(rows([ORDERS], None, None), keys, backlog(listed("plain", Status.QUEUED)))
    assert [each.sender_id for each in found] == ["keyed", "plain", "shop"]


def test_the_sender_with_the_most_failed_deliveries_stands_first() -> None:
    known = backlog(
        listed("a", Status.RETRY_SCHEDULED),
        listed("z", Status.FAILED),
        listed("z", Status.MAX_RETRIES_EXCEEDED),
        listed("b", Status.FAILED),
    )
    found = [(each.sender_id, each.waiting, each.failed) for each in tenants([], [], known)]
    assert found == [("z", 0, 2), ("b", 0, 1), ("a", 1, 0)]


def test_endpoints_are_counted_by_their_state() -> None:
    [shop] = tenants(rows([ORDERS, FAILING], None, None), [], None)
    assert dict(shop.states) == {"failing": 1, "enabled": 1}
    assert (shop.waiting, shop.failed) == (None, None)


def test_revoked_keys_do_not_count_and_the_newest_stands_first() -> None:
    keys = [
        ApiKey("old", "shop", "hash", NOON),
        ApiKey("new", "shop", "hash", LATER),
        ApiKey("gone", "shop", "hash", LATER, revoked_at=LATER),
    ]
    [shop] = tenants([], keys, None)
    assert [key.key_id for key in shop.keys] == ["new", "old"]

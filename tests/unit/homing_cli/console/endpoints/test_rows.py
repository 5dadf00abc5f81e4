"""One endpoint as shown in lists."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from homing.endpoints.endpoint import Endpoint
from homing.ledger.delivery_filter import Listed
from homing.ledger.delivery_groups import grouped
from homing.retry.classification import Category, Status
from homing_cli.console.endpoints.backlog import Backlog
from homing_cli.console.endpoints.recent_attempts import Sample, Seen
from homing_cli.console.endpoints.rows import rows
from homing_cli.console.reading.counts import BY

NOON = "2026-01-01T12:00:00.000Z"
LATER = "2026-01-01T12:05:00.000Z"
NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
ORDERS = Endpoint(
    "shop", "orders", "https://example.com/hooks", NOON, NOON, description="Paid ones"
)
FAILING = replace(ORDERS, endpoint_id="returns", failing_since=NOON)
DISABLED = replace(FAILING, endpoint_id="audit", enabled=False, event_types=("order.*",))


def listed(endpoint_id: str, status: Status, **more: Any) -> Listed:
    made = {
        "pk": "m#shop",
        "sk": f"{NOON}#https://example.com",
        "message_id": "m",
        "sender_id": "shop",
        "target_url": "https://example.com",
        "created_at": NOON,
        "attempts": 1,
        "at": NOON,
        "last_updated_at": NOON,
        "category": Category.SERVER_ERROR,
    }
    return Listed(endpoint_id=endpoint_id, status=status, **(made | more))


def backlog(*deliveries: Listed) -> Backlog:
    return Backlog.of(grouped(deliveries, BY), NOW)


def sample(*attempts: Seen) -> Sample:
    return Sample(attempts, NOW, NOW)


def test_what_needs_attention_stands_first() -> None:
    found = rows([ORDERS, DISABLED, FAILING], None, None)
    assert [row.state for row in found] == ["failing", "disabled", "enabled"]


def test_waiting_and_failed_deliveries_are_counted_for_each_endpoint() -> None:
    known = backlog(
        listed("orders", Status.QUEUED, category=None),
        listed("orders", Status.RETRY_SCHEDULED),
        listed("orders", Status.FAILED),
        listed("orders", Status.MAX_RETRIES_EXCEEDED),
        listed("returns", Status.FAILED),
        listed("orders", Status.FAILED, sender_id="crm"),
    )
    returns, orders = rows([ORDERS, FAILING], known, None)
    assert (orders.waiting, orders.failed) == (2, 2)
    assert (returns.waiting, returns.failed) == (0, 1)
    assert known.of_sender("crm") == (0, 1)
    assert known.senders == {"shop", "crm"}
    assert known.failed == Counter(
        {("shop", "orders"): 2, ("shop", "returns"): 1, ("crm", "orders"): 1}
    )


def test_what_is_not_read_yet_is_not_shown_as_zero() -> None:
    [row] = rows([ORDERS], None, None)
    assert (row.health, row.waiting, row.failed, row.last_failure) == (None, None, None, None)


def test_the_last_failure_is_the_latest_that_ledger_and_logs_know() -> None:
    known = backlog(listed("orders", Status.FAILED, last_updated_at=LATER))
    seen = Seen("e", datetime(2026, 1, 1, 12, 20, tzinfo=UTC), "shop", "orders", 5, False)  # noqa: FBT003 -- a tuple
    [older] = rows([ORDERS], known, sample())
    [newer] = rows([ORDERS], known, sample(seen))
    assert (older.last_failure, newer.last_failure) == (LATER, "2026-01-01T12:20:00.000Z")
    assert newer.last_success is None


def test_a_delivery_that_was_never_sent_is_no_failure_of_the_endpoint() -> None:
    known = backlog(listed("audit", Status.FAILED, category=Category.ENDPOINT_DISABLED))
    [row] = rows([DISABLED], known, sample())
    assert (row.last_failure, row.failed) == (None, 1)


def test_the_cause_is_that_of_most_failures() -> None:
    known = backlog(
        listed("orders", Status.FAILED, category=Category.GONE),
        *[listed("orders", Status.FAILED, category=Category.TIMEOUT)] * 2,
    )
    [row] = rows([ORDERS], known, None)
    assert row.cause == "TIMEOUT"


@pytest.mark.parametrize("text", ["", "rder", "EXAMPLE.com", "paid", "sho"])
def test_an_endpoint_is_found_by_any_part_of_what_it_is_called(text: str) -> None:
    [row] = rows([ORDERS], None, None)
    assert row.is_named(text)
    assert not row.is_named("nothing of it")


def test_an_endpoint_is_found_by_its_event_types() -> None:
    [row] = rows([DISABLED], None, None)
    assert row.is_named("order.")

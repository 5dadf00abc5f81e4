"""Faults, computed from deliveries by endpoint, cause and status."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from homing.endpoints.endpoint import Endpoint
from homing.ledger.delivery_filter import Listed
from homing.ledger.delivery_groups import grouped
from homing.retry.classification import Category, Status
from homing_cli.console.reading.counts import BY
from homing_cli.console.reading.faults import Side, faults

SHOP = Endpoint("crm", "shop", "https://shop.example", "2026-01-01T00:00:00.000Z", "")


def listed(number: int, **fields: Any) -> Listed:
    at = f"2026-01-01T12:00:{number:02}.000Z"
    one = Listed(
        pk=f"m-{number}#crm",
        sk=at,
        message_id=f"m-{number}",
        sender_id="crm",
        target_url="https://shop.example",
        created_at=at,
        status=Status.FAILED,
        attempts=1,
        at=at,
        last_updated_at=at,
        endpoint_id="shop",
        category=Category.SERVER_ERROR,
        reason=f"HTTP 50{number}",
    )
    return replace(one, **fields)


def test_deliveries_to_an_endpoint_that_fail_for_one_cause_are_one_fault() -> None:
    waiting = {"status": Status.RETRY_SCHEDULED}
    (found,) = faults(grouped([listed(1), listed(2, **waiting), listed(3, **waiting)], BY))
    assert (found.dead, found.waiting, found.count) == (1, 2, 3)
    assert (found.first_at[-7:], found.last_at[-7:]) == ("01.000Z", "03.000Z")
    assert found.latest.reason == "HTTP 503"
    assert found.query == {"senderId": "crm", "endpointId": "shop", "category": "SERVER_ERROR"}


def test_what_affects_the_most_comes_first_and_each_sender_endpoint_and_cause_is_apart() -> None:
    found = faults(
        grouped(
            [
                listed(1),
                listed(2, category=Category.TIMEOUT),
                listed(3, category=Category.TIMEOUT),
                listed(4, sender_id="shop"),
                listed(5, endpoint_id=None),
                listed(6, endpoint_id=None),
                listed(7, endpoint_id=None),
            ],
            BY,
        )
    )
    assert [(each.latest.recipient, each.category, each.count) for each in found] == [
        ("https://shop.example", "SERVER_ERROR", 3),
        ("shop", "TIMEOUT", 2),
        ("shop", "SERVER_ERROR", 1),
        ("shop", "SERVER_ERROR", 1),
    ]


def test_what_was_cancelled_or_waits_for_its_first_attempt_is_no_fault_but_each_failure_is() -> (
    None
):
    lacking = {"category": None, "reason": None}
    queued = listed(1, status=Status.QUEUED, **lacking)
    cancelled = listed(3, status=Status.CANCELLED)
    (found,) = faults(grouped([queued, cancelled, listed(2, **lacking)], BY))
    assert (found.dead, found.waiting, found.category) == (1, 0, None)


@pytest.mark.parametrize(
    ("category", "side"),
    [
        (Category.INTERNAL_ERROR, Side.OURS),
        (Category.BLOCKED_TARGET, Side.SETTING),
        (Category.ENDPOINT_DISABLED, Side.SETTING),
        (Category.SERVER_ERROR, Side.THEIRS),
        (None, Side.THEIRS),
    ],
)
def test_it_is_said_whose_fault_it_is(category: Category | None, side: Side) -> None:
    (found,) = faults(grouped([listed(1, category=category)], BY))
    assert found.side is side


def test_a_fault_goes_back_to_when_its_endpoint_began_to_fail() -> None:
    failing = replace(SHOP, failing_since="2026-01-01T09:00:00.000Z")
    (found,) = faults(grouped([listed(1)], BY))
    assert found.since == found.first_at
    assert found.at({("crm", "shop"): failing}).since == failing.failing_since
    recovered = replace(SHOP, failing_since=None)
    assert found.at({("crm", "shop"): recovered}).since == found.first_at
    (ours,) = faults(grouped([listed(1, category=Category.INTERNAL_ERROR)], BY))
    assert ours.at({("crm", "shop"): failing}).since == ours.first_at


def test_an_endpoint_that_is_gone_is_known_to_be_deleted() -> None:
    to_shop, to_url = faults(grouped([listed(1), listed(2, endpoint_id=None)], BY))[::-1]
    assert to_shop.latest.endpoint_id == "shop"
    assert to_shop.at({}).is_deleted
    assert not to_shop.at({("crm", "shop"): SHOP}).is_deleted
    assert not to_url.at({}).is_deleted

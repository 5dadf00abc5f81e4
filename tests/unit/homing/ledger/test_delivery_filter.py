"""The filter for lists of deliveries, and which deliveries of any set it selects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from homing.ledger.delivery_filter import DeliveryFilter, Listed
from homing.retry.classification import Category, Status

NOW = 1_769_000_000
ONE = Listed(
    pk="order-1841#shop",
    sk="2025-12-28T12:00:00.000Z#https://example.com/hooks",
    message_id="order-1841",
    sender_id="shop",
    target_url="https://example.com/hooks",
    created_at="2025-12-28T12:00:00.000Z",
    status=Status.FAILED,
    attempts=3,
    at="2025-12-28T12:00:09.000Z",
    last_updated_at="2025-12-28T12:00:09.000Z",
    endpoint_id="crm",
    event_type="order.paid",
    category=Category.SERVER_ERROR,
    reason="HTTP 503",
    expires_at=NOW,
)


@pytest.mark.parametrize(
    ("wanted", "other"),
    [
        ({"statuses": (Status.FAILED,)}, {"statuses": (Status.CANCELLED,)}),
        ({"message_id": "184"}, {"message_id": "841x"}),
        ({"sender_id": "shop"}, {"sender_id": "crm"}),
        ({"endpoint_id": "crm"}, {"endpoint_id": "cr"}),
        ({"target_url": "https://example.com/"}, {"target_url": "example.com"}),
        ({"event_type": "order.paid"}, {"event_type": "order"}),
        ({"event_type": "order.*"}, {"event_type": "invoice.*"}),
        ({"category": Category.SERVER_ERROR}, {"category": Category.GONE}),
        ({"since": ONE.last_updated_at}, {"since": "2025-12-28T12:00:09.001Z"}),
        ({"before": "2025-12-28T12:00:09.001Z"}, {"before": ONE.last_updated_at}),
        ({"reason": "http 5"}, {"reason": "timed out"}),
    ],
    ids=", ".join,
)
def test_each_field_of_a_filter_matches_what_it_names_and_nothing_else(
    wanted: dict[str, Any], other: dict[str, Any]
) -> None:
    assert DeliveryFilter(**wanted).matches(ONE, NOW)
    assert not DeliveryFilter(**other).matches(ONE, NOW)


def test_a_delivery_that_lacks_what_a_field_names_does_not_match_it() -> None:
    plain = replace(ONE, endpoint_id=None, event_type=None, category=None, reason=None)
    assert DeliveryFilter().matches(plain, NOW)
    for fields in ({"endpoint_id": "crm"}, {"event_type": "o*"}, {"reason": "HTTP"}):
        assert not DeliveryFilter(**fields).matches(plain, NOW)  # type: ignore[arg-type]


def test_a_record_that_has_expired_is_not_listed_though_dynamodb_still_has_it() -> None:
    assert not DeliveryFilter().matches(ONE, NOW + 1)

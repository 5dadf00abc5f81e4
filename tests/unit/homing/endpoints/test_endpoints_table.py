"""Reads of the endpoints table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from homing.credentials.confidential import Confidential
from homing.endpoints.concurrency import ConcurrencySlots
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.endpoints_table import EndpointsTable
from homing.endpoints.store import EndpointStore

NOON = "2025-12-28T12:00:00.000Z"
START = datetime(2025, 12, 28, 12, tzinfo=UTC)
ORDERS = Endpoint("shop", "orders", "https://example.com/hooks", NOON, NOON, rate_per_second=4)


def test_all_endpoints_are_those_of_every_sender_without_their_slots(registry: Any) -> None:
    store = EndpointStore("endpoints", "secrets", registry)
    other = replace(ORDERS, sender_id="crm")
    for endpoint in (ORDERS, other):
        assert store.save(endpoint, Confidential(), has_new_rate=True)
    assert ConcurrencySlots("endpoints", registry, timedelta()).take(ORDERS, 2, "a", START)
    found = EndpointsTable("endpoints", registry).all()
    assert sorted(found, key=lambda each: each.sender_id) == [other, ORDERS]

"""What a place in a line contains of its delivery."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from homing.delivery import document_text
from homing.ordering.line import Place

if TYPE_CHECKING:
    from homing.delivery import Delivery

AT = "2025-12-28T12:00:00.000Z"
ITEMS = ("Blue mug", "Notebook A5 dotted", "Desk lamp, brass", "Wool socks 40-43")
ORDER: dict[str, Any] = {
    "type": "order.paid",
    "data": {
        "id": "1841",
        "total": 110.5,
        "currency": "EUR",
        "customer": {
            "id": "c-9931",
            "name": "Maria Lindqvist",
            "email": "maria@example.com",
            "address": {"street": "Storgatan 12", "city": "Lund", "zip": "22350", "country": "SE"},
        },
        "items": [
            {"sku": f"SKU-{number * 7919}", "title": title, "quantity": number, "price": 9.9}
            for number, title in enumerate(ITEMS, start=1)
        ],
        "payment": {"method": "card", "last4": "4242", "authorizedAt": AT},
    },
}


@pytest.fixture
def ordered(delivery: Delivery) -> Delivery:
    reference = replace(delivery.reference, ordering_key="order-1841", sequence=7)
    request = replace(delivery.request, payload=json.dumps(ORDER))
    return replace(delivery, reference=reference, request=request)


def test_a_place_has_the_whole_delivery(ordered: Delivery) -> None:
    place = Place("line", 7, ordered, AT)
    assert Place.from_item(place.to_item()) == place


def test_the_document_of_an_ordinary_event_takes_about_half_of_its_size(ordered: Delivery) -> None:
    """As docs/ordering.md says."""
    whole = len(document_text(ordered.to_document()).encode())
    assert whole > 1400
    assert len(Place("line", 7, ordered, AT).to_item()["delivery"]) < 0.55 * whole

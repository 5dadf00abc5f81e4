"""Which dead letters the filter of a redrive selects."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from homing_cli.client.queues.dead_letters import DeadLetter
from homing_cli.client.queues.held_dead_letters import Filter

if TYPE_CHECKING:
    from homing.delivery import Delivery

FAILED_AT = datetime(2025, 12, 28, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def dead_letter(delivery: Delivery) -> DeadLetter:
    """Return the dead letter of a delivery to the endpoint `orders`, failed with 410 at noon."""
    delivery = replace(delivery, reference=replace(delivery.reference, endpoint_id="orders"))
    verdict = {"category": "GONE", "reason": "HTTP 410", "status": "FAILED"}
    outcome = {"timestamp": "2025-12-28T12:00:00.000Z"}
    document: dict[str, Any] = {**delivery.to_document(), "verdict": verdict, "outcome": outcome}
    dead_letter = DeadLetter.from_body(json.dumps(document))
    assert dead_letter is not None
    return dead_letter


@pytest.mark.parametrize(
    ("given", "is_meant"),
    [
        ({}, True),
        ({"category": "GONE"}, True),
        ({"category": "SERVER_ERROR"}, False),
        ({"message_id": "another"}, False),
        ({"sender_id": "another"}, False),
        ({"target": "https://nobody.invalid/"}, False),
        ({"target": "http"}, True),
        ({"target": "orders"}, False),
        ({"endpoint_id": "orders"}, True),
        ({"endpoint_id": "order"}, False),
        ({"endpoint_id": "orders", "sender_id": "another"}, False),
        ({"after": FAILED_AT}, True),
        ({"after": FAILED_AT + MOMENT}, False),
        ({"before": FAILED_AT}, False),
        ({"before": FAILED_AT + MOMENT}, True),
        ({"category": "GONE", "before": FAILED_AT}, False),
    ],
)
def test_a_dead_letter_is_selected_if_every_filter_matches(
    dead_letter: DeadLetter, given: dict[str, Any], is_meant: bool
) -> None:
    assert Filter(**given).matches(dead_letter) is is_meant


def test_a_dead_letter_of_a_plain_url_has_no_endpoint(delivery: Delivery) -> None:
    verdict = {"category": "GONE", "reason": "HTTP 410", "status": "FAILED"}
    plain = DeadLetter.from_body(json.dumps({**delivery.to_document(), "verdict": verdict}))
    assert plain
    assert Filter().matches(plain)
    assert not Filter(endpoint_id="orders").matches(plain)


def test_a_dead_letter_is_found_by_its_message_and_its_sender(dead_letter: DeadLetter) -> None:
    reference = dead_letter.reference
    assert Filter(message_id=reference.message_id, sender_id=reference.sender_id).matches(
        dead_letter
    )

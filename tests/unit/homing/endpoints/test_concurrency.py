"""Concurrency slots of an endpoint, counted in DynamoDB (moto)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from homing.endpoints.concurrency import ConcurrencySlots
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import DependencyError

NOON = "2025-12-28T12:00:00.000Z"
START = datetime(2025, 12, 28, 12, tzinfo=UTC)
LAPSE = timedelta(seconds=75)
ENDPOINT = Endpoint("shop", "orders", "https://example.com/hooks", NOON, NOON)
OTHER = Endpoint("shop", "returns", "https://example.com/hooks", NOON, NOON)


@pytest.fixture
def slots(registry: Any) -> ConcurrencySlots:
    return ConcurrencySlots("endpoints", registry, LAPSE)


def take(
    slots: ConcurrencySlots, limit: int = 2, after: float = 0, endpoint: Endpoint = ENDPOINT
) -> Any:
    return slots.take(endpoint, limit, "a-delivery", START + timedelta(seconds=after))


def test_there_are_as_many_slots_as_the_endpoint_allows_attempts_at_once(
    slots: ConcurrencySlots,
) -> None:
    assert [take(slots, after=n / 1000) is not None for n in range(4)] == [True, True, False, False]


def test_endpoints_do_not_share_their_slots(slots: ConcurrencySlots) -> None:
    assert take(slots, limit=1)
    assert take(slots, limit=1, endpoint=OTHER)
    assert take(slots, limit=1, after=0.001) is None  # a later attempt, whose slot has another name


def test_a_slot_that_is_given_back_can_be_taken_again(slots: ConcurrencySlots) -> None:
    slot = take(slots, limit=1)
    slots.give_back(ENDPOINT, slot)
    assert take(slots, limit=1) == slot


def test_what_a_broken_function_has_kept_lapses(slots: ConcurrencySlots) -> None:
    take(slots)
    take(slots, after=10)
    assert take(slots, after=74.9) is None
    assert take(slots, after=75)
    assert take(slots, after=76) is None


def test_a_lower_limit_holds_for_those_who_come_after_it(slots: ConcurrencySlots) -> None:
    slots_taken = [take(slots, limit=3, after=n) for n in range(3)]
    for slot in slots_taken[:2]:
        slots.give_back(ENDPOINT, slot)
    assert take(slots, limit=1) is None


def test_to_give_back_what_has_been_cleared_does_no_harm(slots: ConcurrencySlots) -> None:
    slots.give_back(ENDPOINT, "a-delivery@1")
    assert take(slots)


def test_slots_are_no_endpoint_of_anybody(slots: ConcurrencySlots, registry: Any) -> None:
    take(slots)
    assert EndpointsTable("endpoints", registry).page("shop", after=None, limit=10) == ([], None)


class Away:
    """A DynamoDB client whose calls do not reach DynamoDB."""

    class exceptions:  # noqa: N801  # as boto3 spells it
        class ConditionalCheckFailedException(Exception):  # noqa: N818
            pass

    def update_item(self, **_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")


def test_slots_that_cannot_be_counted_raise_an_error_of_their_own() -> None:
    slots = ConcurrencySlots("endpoints", Away(), LAPSE)  # type: ignore[arg-type]
    with pytest.raises(DependencyError, match="no slot taken: EndpointConnectionError"):
        take(slots)
    with pytest.raises(DependencyError, match="slot not released: EndpointConnectionError"):
        slots.give_back(ENDPOINT, "a-delivery@1")


def test_a_slot_whose_answer_was_lost_is_found_by_the_retry(
    slots: ConcurrencySlots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 repeats a call that gets no response."""
    client = slots._dynamodb
    once = client.update_item

    def twice(**arguments: Any) -> Any:
        once(**arguments)
        return once(**arguments)

    monkeypatch.setattr(client, "update_item", twice)
    assert slots.take(ENDPOINT, 1, "a-delivery", START) is not None


def test_the_slots_in_use_are_those_that_have_not_lapsed(slots: ConcurrencySlots) -> None:
    take(slots)
    take(slots, after=10)
    assert slots.in_use(ENDPOINT, START + timedelta(seconds=11)) == 2
    assert slots.in_use(ENDPOINT, START + timedelta(seconds=76)) == 1
    assert slots.in_use(OTHER, START) == 0

"""Rate slots of an endpoint, taken in DynamoDB (moto)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from homing.credentials.confidential import Confidential
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.endpoints_table import EndpointsTable
from homing.endpoints.rate import LONGEST, Pace, RateSlot
from homing.endpoints.rate_slots import RateSlots
from homing.endpoints.store import EndpointStore
from homing.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = "2025-12-28T12:00:00.000Z"
START = datetime(2025, 12, 28, 12, tzinfo=UTC)
RATED = Endpoint("shop", "orders", "https://example.com/hooks", NOON, NOON, rate_per_second=4)


class Counting:
    """A DynamoDB client that counts the updates made through it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.updates = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **arguments: Any) -> Any:
        self.updates += 1
        return self._client.update_item(**arguments)


@pytest.fixture
def store(registry: Any) -> EndpointStore:
    made = EndpointStore("endpoints", "secrets", registry)
    assert made.save(RATED, Confidential(), has_new_rate=True)
    return made


@pytest.fixture
def dynamodb(registry: Any) -> Counting:
    return Counting(registry)


@pytest.fixture
def slots(store: EndpointStore, dynamodb: Counting) -> RateSlots:
    del store
    return RateSlots("endpoints", dynamodb)  # type: ignore[arg-type]  # a client that counts


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def taken(slots: RateSlots, seconds: float, endpoint: Endpoint = RATED) -> float:
    """Take a slot at a time, and return the slot's time; both in seconds after the start."""
    slot = slots.take(endpoint, after(seconds))
    assert slot is not None
    return (slot.at - START).total_seconds()


@pytest.mark.parametrize(
    "moments",
    [(0, 0, 0, 0), (0, 0.1, 0.3, 0.9), (0, 0.25, 0.5, 9, 9), (0, -0.2, 0, 5, 4.9)],
    ids=str,
)
def test_the_table_gives_the_slots_that_the_rule_gives(
    slots: RateSlots, moments: tuple[float, ...]
) -> None:
    pace = Pace(START - timedelta(days=1), timedelta(seconds=0.25))
    for moment in moments:
        expected, pace = pace.taken(after(moment))
        assert taken(slots, moment) == (expected - START).total_seconds()


def test_a_slot_is_one_update_while_slots_are_waited_for_or_are_not(
    slots: RateSlots, dynamodb: Counting
) -> None:
    taken(slots, 0)
    for _ in range(5):
        taken(slots, 0)
    assert dynamodb.updates == 6
    for seconds in (10, 20, 30):
        taken(slots, seconds)
    assert dynamodb.updates == 9


def test_a_container_that_does_not_know_whether_slots_are_waited_for_asks_twice(
    slots: RateSlots, dynamodb: Counting
) -> None:
    taken(slots, 0)
    other = RateSlots("endpoints", dynamodb)  # type: ignore[arg-type]  # as above
    assert taken(other, 0) == 0.25
    assert dynamodb.updates == 1 + 2


def test_slots_are_those_of_one_endpoint(slots: RateSlots, store: EndpointStore) -> None:
    other = replace(RATED, endpoint_id="returns")
    store.save(other, Confidential(), has_new_rate=True)
    assert [taken(slots, 0), taken(slots, 0, other), taken(slots, 0)] == [0, 0, 0.25]


def test_a_new_rate_counts_at_once_and_what_waits_for_a_slot_of_the_old_takes_another(
    slots: RateSlots, store: EndpointStore
) -> None:
    """Whatever rate a container remembers, the rate in the table applies."""
    for _ in range(3):
        slot = slots.take(RATED, START)
    assert slot is not None
    assert slots.holds(RATED, slot)
    assert store.save(replace(RATED, rate_per_second=2, version=2), has_new_rate=True)
    assert not slots.holds(RATED, slot)
    assert [taken(slots, 0) for _ in range(3)] == [0, 0.5, 1]


def test_a_rate_that_was_removed_limits_nothing(slots: RateSlots, store: EndpointStore) -> None:
    """A container may remember the old rate for a minute."""
    store.save(replace(RATED, rate_per_second=0, version=2), has_new_rate=True)
    assert [taken(slots, 0) for _ in range(3)] == [0, 0, 0]


def test_a_pause_gives_no_slot_before_its_end_nor_to_what_has_one(slots: RateSlots) -> None:
    waiting = [slots.take(RATED, START) for _ in range(3)]
    assert slots.pause(RATED, after(30))
    assert not any(slots.holds(RATED, slot) for slot in waiting if slot is not None)
    assert [taken(slots, 0), taken(slots, 0)] == [30, 30.25]


def test_of_many_answers_that_ask_for_a_pause_only_a_later_end_moves_it(slots: RateSlots) -> None:
    assert slots.pause(RATED, after(30))
    slot = slots.take(RATED, START)
    assert slot is not None
    assert not slots.pause(RATED, after(30))
    assert not slots.pause(RATED, after(20))
    assert slots.holds(RATED, slot)
    assert slots.pause(RATED, after(60))
    assert not slots.holds(RATED, slot)


def test_a_pause_outlasts_a_change_of_the_rate(slots: RateSlots, store: EndpointStore) -> None:
    slots.pause(RATED, after(30))
    store.save(replace(RATED, rate_per_second=2, version=2), has_new_rate=True)
    assert [taken(slots, 0), taken(slots, 0)] == [30, 30.5]


def test_an_endpoint_whose_rate_was_removed_is_not_paused(
    slots: RateSlots, store: EndpointStore
) -> None:
    store.save(replace(RATED, rate_per_second=0, version=2), has_new_rate=True)
    assert not slots.pause(RATED, after(30))


def test_no_slot_is_given_that_no_execution_lives_to_see(slots: RateSlots) -> None:
    slots.pause(RATED, START + LONGEST)
    assert taken(slots, 0) == LONGEST.total_seconds()
    assert slots.take(RATED, START) is None
    assert taken(slots, 1) == LONGEST.total_seconds() + 0.25


def test_slots_are_no_endpoint_of_anybody(slots: RateSlots, registry: Any) -> None:
    taken(slots, 0)
    table = EndpointsTable("endpoints", registry)
    assert [each.endpoint_id for each in table.of_sender("shop")] == ["orders"]


def test_a_slot_is_the_same_in_its_document_to_the_microsecond() -> None:
    slot = RateSlot(START + timedelta(microseconds=123_457), "a series")
    assert slot.to_document() == {"at": "2025-12-28T12:00:00.123457Z", "series": "a series"}
    assert RateSlot.from_document(slot.to_document()) == slot


class Away:
    """A DynamoDB client whose calls do not reach DynamoDB."""

    class exceptions:  # noqa: N801  # as boto3 spells it
        class ConditionalCheckFailedException(Exception):  # noqa: N818
            pass

    def update_item(self, **_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    get_item = update_item


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda slots: slots.take(RATED, START), "no rate slot taken"),
        (lambda slots: slots.holds(RATED, RateSlot(START, "")), "no rate slot looked up"),
        (lambda slots: slots.pause(RATED, START), "not paused"),
    ],
)
def test_slots_that_cannot_be_counted_raise_an_error_of_their_own(
    use: Callable[[RateSlots], object], message: str
) -> None:
    with pytest.raises(DependencyError, match=f"{message}: EndpointConnectionError"):
        use(RateSlots("endpoints", Away()))  # type: ignore[arg-type]


def test_the_next_free_slot_can_be_read_without_taking_it(slots: RateSlots) -> None:
    slots.take(RATED, START)
    free = START + timedelta(seconds=0.25)
    assert [slots.free_at(RATED), slots.free_at(RATED)] == [free, free]
    assert slots.free_at(replace(RATED, endpoint_id="unrated")) is None

"""Turns of an endpoint, counted in DynamoDB (moto)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from homing.endpoints.concurrency import Turns
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import InquiryError

NOON = "2025-12-28T12:00:00.000Z"
START = datetime(2025, 12, 28, 12, tzinfo=UTC)
LAPSE = timedelta(seconds=75)
ENDPOINT = Endpoint("shop", "orders", "https://example.com/hooks", NOON, NOON)
OTHER = Endpoint("shop", "returns", "https://example.com/hooks", NOON, NOON)


@pytest.fixture
def turns(registry: Any) -> Turns:
    return Turns("endpoints", registry, LAPSE)


def take(turns: Turns, limit: int = 2, after: float = 0, endpoint: Endpoint = ENDPOINT) -> Any:
    return turns.take(endpoint, limit, "a-delivery", START + timedelta(seconds=after))


def test_there_are_as_many_turns_as_the_endpoint_allows_attempts_at_once(turns: Turns) -> None:
    assert [take(turns, after=n / 1000) is not None for n in range(4)] == [True, True, False, False]


def test_endpoints_do_not_share_their_turns(turns: Turns) -> None:
    assert take(turns, limit=1)
    assert take(turns, limit=1, endpoint=OTHER)
    assert take(turns, limit=1, after=0.001) is None  # another attempt: its turn has another name


def test_a_turn_that_is_given_back_can_be_taken_again(turns: Turns) -> None:
    turn = take(turns, limit=1)
    turns.give_back(ENDPOINT, turn)
    assert take(turns, limit=1) == turn


def test_what_a_broken_function_has_kept_lapses(turns: Turns) -> None:
    take(turns)
    take(turns, after=10)
    assert take(turns, after=74.9) is None
    assert take(turns, after=75)
    assert take(turns, after=76) is None


def test_a_lower_limit_holds_for_those_who_come_after_it(turns: Turns) -> None:
    turns_taken = [take(turns, limit=3, after=n) for n in range(3)]
    for turn in turns_taken[:2]:
        turns.give_back(ENDPOINT, turn)
    assert take(turns, limit=1) is None


def test_to_give_back_what_has_been_cleared_does_no_harm(turns: Turns) -> None:
    turns.give_back(ENDPOINT, "a-delivery@1")
    assert take(turns)


def test_turns_are_no_endpoint_of_anybody(turns: Turns, registry: Any) -> None:
    take(turns)
    assert EndpointsTable("endpoints", registry).page("shop", after=None, limit=10) == ([], None)


class Away:
    """A DynamoDB that cannot be reached."""

    class exceptions:  # noqa: N801  # as boto3 spells it
        class ConditionalCheckFailedException(Exception):  # noqa: N818
            pass

    def update_item(self, **_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")


def test_turns_that_cannot_be_counted_are_told_as_such() -> None:
    turns = Turns("endpoints", Away(), LAPSE)  # type: ignore[arg-type]
    with pytest.raises(InquiryError, match="no turn taken: EndpointConnectionError"):
        take(turns)
    with pytest.raises(InquiryError, match="no turn given back: EndpointConnectionError"):
        turns.give_back(ENDPOINT, "a-delivery@1")


def test_a_turn_whose_answer_was_lost_is_the_one_that_the_repeat_finds(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 repeats a call whose answer does not come."""
    client = turns._dynamodb
    once = client.update_item

    def twice(**arguments: Any) -> Any:
        once(**arguments)
        return once(**arguments)

    monkeypatch.setattr(client, "update_item", twice)
    assert turns.take(ENDPOINT, 1, "a-delivery", START) is not None

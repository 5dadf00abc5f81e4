"""The rate of a sender, which DynamoDB (moto) counts for all containers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from homing.errors import DependencyError, RateExceededError
from homing.reception.sender_rate import Allowance, SenderRate

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = datetime(2025, 12, 28, 12, tzinfo=UTC)
TEN = Allowance(per_second=10, backlog=20)
SECOND = 1_000_000


class Counting:
    """A DynamoDB client that counts the updates made through it, one after the other.

    DynamoDB checks a condition and writes in one step. In moto another thread can come between.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = Lock()
        self.updates = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **arguments: Any) -> Any:
        with self._lock:
            self.updates += 1
            return self._client.update_item(**arguments)


@pytest.fixture
def dynamodb(messages_table: Any) -> Counting:
    return Counting(messages_table.client)


@pytest.fixture
def rate(messages_table: Any, dynamodb: Counting) -> SenderRate:
    return SenderRate(TEN, messages_table.name, dynamodb)  # type: ignore[arg-type]  # it counts


def accepted(
    rate: SenderRate, deliveries: Sequence[int], at: float = 0, sender: str = "shop"
) -> int:
    """Return how many of the given messages may be accepted; these are the first ones."""
    found = rate.exceeded(sender, deliveries, NOON + timedelta(seconds=at))
    fitting = found.count(None)
    assert found[:fitting] == [None] * fitting
    assert len(found) == len(deliveries)
    return fitting


def seconds(rate: SenderRate, deliveries: int = 1, at: float = 0) -> float:
    """Return after how many seconds a message that exceeds the rate may be sent again."""
    (found,) = rate.exceeded("shop", [deliveries], NOON + timedelta(seconds=at))
    assert isinstance(found, RateExceededError)
    return found.seconds


def test_a_sender_may_send_its_backlog_at_once_and_then_its_rate(rate: SenderRate) -> None:
    assert accepted(rate, [1] * 30) == 20
    assert accepted(rate, [1]) == 0
    assert accepted(rate, [1] * 30, at=1) == 10
    assert accepted(rate, [1] * 30, at=100) == 20


def test_who_exceeds_the_rate_is_told_when_there_is_room_again_and_there_is(
    rate: SenderRate,
) -> None:
    assert accepted(rate, [20]) == 1
    assert seconds(rate, 5) == 0.5
    assert seconds(rate, 5, at=0.25) == 0.25
    assert accepted(rate, [5], at=0.5) == 1


def test_a_message_with_more_deliveries_than_the_backlog_is_accepted_of_who_has_none(
    rate: SenderRate,
) -> None:
    assert accepted(rate, [100]) == 1
    assert seconds(rate, 100) == 10
    assert accepted(rate, [100], at=9.9) == 0
    assert accepted(rate, [100], at=10) == 1


def test_of_several_messages_those_are_accepted_that_fit_and_none_overtakes_one_that_does_not(
    rate: SenderRate,
) -> None:
    assert accepted(rate, [15, 10, 1]) == 1
    assert accepted(rate, [5]) == 1


def test_a_message_to_nobody_counts_nothing(rate: SenderRate) -> None:
    assert accepted(rate, [0] * 50) == 50
    assert accepted(rate, [20]) == 1


def test_senders_do_not_count_for_each_other(rate: SenderRate) -> None:
    assert accepted(rate, [20]) == 1
    assert accepted(rate, [20], sender="other") == 1


def test_a_request_is_one_update_and_one_that_cannot_be_accepted_is_none(
    rate: SenderRate, dynamodb: Counting
) -> None:
    for deliveries in ([1] * 5, [3], [12]):
        before = dynamodb.updates
        assert accepted(rate, deliveries) == len(deliveries)
        assert dynamodb.updates == before + 1
    before = dynamodb.updates
    assert accepted(rate, [1]) == 0
    assert dynamodb.updates == before


def test_containers_share_the_rate_and_none_is_accepted_beyond_it(
    messages_table: Any, dynamodb: Any
) -> None:
    containers = [SenderRate(TEN, messages_table.name, dynamodb) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda rate: accepted(rate, [1] * 5), containers * 2))
    assert sum(found) == 20


def test_an_item_is_forgotten_a_day_after_its_last_message(
    rate: SenderRate, messages_table: Any
) -> None:
    accepted(rate, [1])
    (item,) = messages_table.client.scan(TableName=messages_table.name)["Items"]
    assert int(item["ttl"]["N"]) == int(NOON.timestamp()) + 86_400


def test_a_table_that_cannot_be_written_is_reported() -> None:
    class Down:
        class exceptions:  # noqa: N801 -- boto3's name
            class ConditionalCheckFailedException(Exception):  # noqa: N818 -- likewise
                pass

        def update_item(self, **_: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="https://dynamodb")

    down: Any = Down()
    with pytest.raises(DependencyError, match="EndpointConnectionError"):
        SenderRate(TEN, "messages", down).exceeded("shop", [1], NOON)


@given(
    st.floats(0.01, 1000),
    st.integers(1, 1000),
    st.lists(st.tuples(st.integers(0, 5 * SECOND), st.integers(0, 30)), max_size=60),
)
def test_in_no_span_of_time_is_more_accepted_than_rate_and_backlog_allow(
    per_second: float, backlog: int, sent: list[tuple[int, int]]
) -> None:
    """The exception: one message with more deliveries than the backlog, if nothing waits."""
    allowance = Allowance(per_second, backlog)
    now, free_at = 0, 0
    taken: list[tuple[int, int]] = []
    for pause, deliveries in sent:
        now += pause
        if allowance.fitting(free_at, now, [deliveries]):
            free_at = max(free_at, now) + allowance.takes(deliveries)
            taken.append((now, deliveries))
        else:
            wait = allowance.seconds_until(free_at, now, deliveries)
            later = now + round(wait * SECOND) + 1
            assert wait > 0
            assert allowance.fitting(free_at, later, [deliveries])
    for start, (began, _) in enumerate(taken):
        span = taken[start:]
        most = max([backlog, *(deliveries for _, deliveries in span)])
        allowed = most + (span[-1][0] - began) / SECOND * per_second
        assert sum(deliveries for _, deliveries in span) <= allowed + 0.1  # rounded to microseconds

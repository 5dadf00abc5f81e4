"""Which endpoints get an event, and how often subscriptions are read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from homing.endpoints.endpoint import Endpoint
from homing.endpoints.endpoints_table import EndpointsTable
from homing.items import to_dynamodb
from homing.routing.operators import PatternError
from homing.routing.subscriptions import (
    FRESH_SECONDS,
    MAX_KEPT,
    Event,
    Subscription,
    Subscriptions,
    check_subscribed,
    compile_filter,
    covers,
)

NOON = "2025-12-28T12:00:00.000Z"
PAID = Event("order.paid", "shop", NOON, '{"total": 250.0, "items": [1, 2]}')


def endpoint(name: str = "a", *types: str, pattern: str = "") -> Endpoint:
    url = f"https://{name}.example/"
    return Endpoint("shop", name, url, NOON, NOON, event_types=types, filter=pattern)


@pytest.mark.parametrize(
    ("subscribed", "event_type", "expected"),
    [
        ("order.paid", "order.paid", True),
        ("order.paid", "order.paid.late", False),
        ("order.*", "order.paid", True),
        ("order.*", "order.paid.late", True),
        ("order.*", "order", False),
        ("order.*", "order.", False),
        ("order.*", "orders.paid", False),
        ("*", "order.paid", True),
        ("*", "anything at all", True),
    ],
)
def test_a_type_is_subscribed_to_by_its_name_or_a_star_as_last_segment(
    subscribed: str, event_type: str, expected: bool
) -> None:
    assert check_subscribed(subscribed) == subscribed
    assert covers(subscribed, event_type) is expected


@pytest.mark.parametrize("text", ["or*", "*.paid", "order.*.late", "**", "order.**"])
def test_a_star_elsewhere_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"order\.\*"):
        check_subscribed(text)


@pytest.mark.parametrize(
    ("pattern", "payload", "expected"),
    [
        ('{"payload": {"total": [{"numeric": [">", 100]}]}}', '{"total": 250}', []),
        ('{"payload": {"total": [250]}}', '{"total": 250.0}', ["filter.payload.total"]),
        ('{"payload": {"total": [250.0]}}', '{"total": 250.0}', []),
        ('{"senderId": ["shop"], "timestamp": [{"prefix": "2025"}]}', None, []),
        ('{"eventType": [{"suffix": ".paid"}]}', None, []),
        ('{"senderId": ["other"]}', None, ["filter.senderId"]),
        ('{"payload": {"x": [{"exists": false}]}}', None, ["filter.payload"]),
        ('{"payload": {"x": [{"exists": false}]}}', "5", []),
        ('{"payload": [5]}', "5", []),
        ('{"$or": [{"senderId": ["shop"]}, {"payload": [1]}]}', None, ["filter.payload"]),
    ],
)
def test_a_filter_sees_type_sender_time_and_a_json_payload(
    pattern: str, payload: str | None, expected: list[str]
) -> None:
    subscription = Subscription.of(endpoint("a", "order.*", pattern=pattern))
    happened = replace(PAID, payload=payload)
    assert subscription.matches(happened) is not bool(expected)
    assert [each.place for each in subscription.mismatches(happened)] == expected


def test_an_endpoint_without_event_types_gets_no_event_and_says_so() -> None:
    for types in ((), ("order.shipped", "cart.*")):
        subscription = Subscription.of(endpoint("a", *types))
        assert not subscription.matches(PAID)
        (mismatch,) = subscription.mismatches(PAID)
        assert mismatch.place == "eventTypes"


def test_a_payload_is_not_parsed_unless_a_filter_needs_it() -> None:
    event = replace(PAID, payload="this is no JSON")
    assert Subscription.of(endpoint("a", "*", pattern='{"senderId": ["shop"]}')).matches(event)
    assert Subscription.of(endpoint("a", "*")).matches(event)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"detail": {"x": [1]}}', "payload"),
        ('{"detail-type": ["x"]}', "eventType"),
        ('{"$or": [{"source": ["x"]}, {"payload": [1]}]}', "eventType"),
        ('{"total": [1]}', "payload"),
    ],
)
def test_a_filter_for_a_field_that_no_event_has_is_refused(text: str, word: str) -> None:
    with pytest.raises(PatternError, match=word):
        compile_filter(text)


class Table(EndpointsTable):
    """A table that counts how often the endpoints of a sender are read."""

    def __init__(self, client: Any) -> None:
        super().__init__("endpoints", client)
        self.reads: list[str] = []

    def of_sender(self, sender_id: str) -> list[Endpoint]:
        self.reads.append(sender_id)
        return super().of_sender(sender_id)


def put(client: Any, *endpoints: Endpoint) -> None:
    for each in endpoints:
        item = {name: to_dynamodb(value) for name, value in each.to_item().items()}
        client.put_item(TableName="endpoints", Item=item)


def test_subscriptions_are_read_once_in_thirty_seconds_for_each_sender(registry: Any) -> None:
    now = [0.0]
    table = Table(registry)
    subscriptions = Subscriptions(table, lambda: now[0])
    put(registry, endpoint("b", "*"), endpoint("a", "order.*"), endpoint("mute"))
    ids = [each.endpoint.endpoint_id for each in subscriptions.of_sender("shop")]
    assert ids == ["a", "b"]
    put(registry, endpoint("c", "*"))
    now[0] = FRESH_SECONDS - 0.1
    assert len(subscriptions.of_sender("shop")) == 2
    assert subscriptions.of_sender("other") == ()
    now[0] = FRESH_SECONDS
    assert len(subscriptions.of_sender("shop")) == 3
    assert table.reads == ["shop", "other", "shop"]


def test_a_filter_is_compiled_once_for_each_change(registry: Any) -> None:
    now = [0.0]
    subscriptions = Subscriptions(Table(registry), lambda: now[0])
    before = endpoint("a", "*", pattern='{"payload": [1]}')
    put(registry, before)
    (first,) = subscriptions.of_sender("shop")
    now[0] += FRESH_SECONDS
    put(registry, replace(before, event_types=("order.*",)))
    (second,) = subscriptions.of_sender("shop")
    assert second.pattern is first.pattern
    assert second.endpoint.event_types == ("order.*",)
    now[0] += FRESH_SECONDS
    put(registry, replace(before, filter='{"payload": [2]}'))
    (third,) = subscriptions.of_sender("shop")
    assert third.matches(replace(PAID, payload="2"))


class Many:
    """A table in which every sender has the same number of endpoints."""

    def __init__(self, count: int) -> None:
        self.found = [endpoint(f"e{number}", "*") for number in range(count)]
        self.reads = 0

    def of_sender(self, sender_id: str) -> list[Endpoint]:
        self.reads += 1
        return self.found


def test_a_container_keeps_a_bounded_number_of_endpoints_and_forgets_the_oldest() -> None:
    table: Any = Many(MAX_KEPT // 3)
    subscriptions = Subscriptions(table, lambda: 0.0)
    for sender in ("a", "b", "c", "c", "b"):
        subscriptions.of_sender(sender)
    assert table.reads == 3
    subscriptions.of_sender("a")
    assert table.reads == 4

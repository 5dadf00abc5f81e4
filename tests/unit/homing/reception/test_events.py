"""A message with an event type and no recipient goes to the subscribers; this is decided once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Lock
from typing import TYPE_CHECKING, Any

import pytest
from releasing import releasing_on

from homing.api.message_query import MessageQuery
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import DependencyError, InvalidMessageError
from homing.items import to_dynamodb
from homing.ledger.table import Ledger
from homing.ordering.joining import Joining
from homing.ordering.lines_table import Lines
from homing.ordering.places_table import Places
from homing.payloads.store import PayloadStore
from homing.queues.deliveries import DeliveryQueue
from homing.reception.acceptance import Acceptance, Reception
from homing.reception.message import Message, Rules, parse_message
from homing.reception.messages_table import MessagesTable
from homing.reception.recipients import MAX_SUBSCRIBERS
from homing.retry.policy import Policy
from homing.routing.subscriptions import Subscriptions
from homing.targets.address_guard import AddressGuard

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2025, 12, 28, 12, tzinfo=UTC)
AT = "2025-12-28T12:00:00.000Z"


class Queue(DeliveryQueue):
    """A queue that keeps what it is sent, or refuses everything."""

    def __init__(self) -> None:
        super().__init__("url", None)  # type: ignore[arg-type]  # no call of SQS
        self.sent: list[Any] = []
        self.is_down = False

    def send(self, deliveries: Any, bulk: Any = ()) -> dict[str, str]:
        if self.is_down and deliveries:
            raise KeyboardInterrupt  # as if the function were killed
        self.sent += deliveries
        return {}

    def take(self) -> list[tuple[str | None, str]]:
        found = [(each.reference.endpoint_id, each.reference.target_url) for each in self.sent]
        self.sent.clear()
        return found


def endpoint(name: str, *types: str, **more: Any) -> Endpoint:
    settings = {"url": f"https://{name}.example/", "event_types": types} | more
    return Endpoint("shop", name, created_at=AT, updated_at=AT, **settings)


class World:
    """An acceptance and its tables. It reads the subscribers for each message."""

    def __init__(self, registry: Any) -> None:
        self.client = registry
        self.queue = Queue()
        self.reads = 0
        self.acceptance = self._acceptance(registry, lambda: 0.0)

    def _acceptance(self, client: Any, clock: Callable[[], float]) -> Acceptance:
        endpoints = EndpointsTable("endpoints", client)
        return Acceptance(
            MessagesTable("messages", client),
            Ledger("ledger", client),
            self.queue,
            endpoints,
            PayloadStore("payloads"),
            Subscriptions(endpoints, clock),
            joining=Joining(releasing_on(client, self.queue)),
        )

    def in_another_container(self, client: Any = None) -> Acceptance:
        return self._acceptance(client or self.client, lambda: 0.0)

    def put(self, *endpoints: Endpoint) -> None:
        for each in endpoints:
            item = {name: to_dynamodb(value) for name, value in each.to_item().items()}
            self.client.put_item(TableName="endpoints", Item=item)
        self.acceptance = self.in_another_container()

    def delete(self, name: str) -> None:
        key = {"pk": {"S": "shop"}, "sk": {"S": name}}
        self.client.delete_item(TableName="endpoints", Key=key)
        self.acceptance = self.in_another_container()

    def parse(self, acceptance: Acceptance | None = None, **fields: Any) -> Message:
        body = {"senderId": "shop", "messageId": "m", "eventType": "order.paid", "payload": {}}
        acceptance = acceptance or self.acceptance
        return parse_message(
            json.dumps(body | fields),
            now=NOON,
            rules=Rules(Policy(), timedelta(days=30), AddressGuard(), lambda: "msg_new"),
            find_subscribers=acceptance.find_subscribers,
            find_endpoints=acceptance.find_endpoints,
        )

    def post(self, **fields: Any) -> Reception:
        return self.acceptance.accept(self.parse(**fields), now=NOON)


@pytest.fixture
def world(messages_table: Any, ledger_table: Any, registry: Any) -> World:
    return World(registry)


def ids(reception: Reception) -> tuple[str, ...]:
    return reception.idempotency.endpoint_ids


def test_an_event_goes_to_the_endpoints_that_subscribe_and_no_others(world: World) -> None:
    world.put(
        endpoint("exact", "order.paid"),
        endpoint("all", "*"),
        endpoint("orders", "order.*", filter='{"payload": {"total": [{"numeric": [">", 100]}]}}'),
        endpoint("small", "order.*", filter='{"payload": {"total": [{"numeric": ["<", 100]}]}}'),
        endpoint("other", "cart.*"),
        endpoint("mute"),
        endpoint("disabled", "*", enabled=False),
    )
    reception = world.post(payload={"total": 250})
    assert ids(reception) == ("all", "disabled", "exact", "orders")
    assert [name for name, _ in world.queue.take()] == ["all", "disabled", "exact", "orders"]
    assert {each.event_type for each in reception.idempotency.references()} == {"order.paid"}


def test_an_event_that_nobody_subscribes_to_is_accepted_and_stays_unmatched(world: World) -> None:
    assert ids(world.post()) == ()
    world.put(endpoint("late", "*"))
    duplicate = world.post()
    assert (duplicate.is_duplicate, ids(duplicate), world.queue.take()) == (True, (), [])
    query = MessageQuery(
        MessagesTable("messages", world.client),
        Ledger("ledger", world.client),
        Lines("lines", world.client),
        Places("places", world.client),
    )
    assert query.find("m", "shop", now=NOON) == {
        "messageId": "m",
        "senderId": "shop",
        "eventType": "order.paid",
        "deliveries": [],
    }


def test_beside_named_recipients_an_event_type_is_only_carried_along(world: World) -> None:
    world.put(endpoint("all", "*"), endpoint("named"))
    for number, way in enumerate([{"targetUrl": "https://x.example/"}, {"endpointId": "named"}]):
        reception = world.post(messageId=f"m{number}", **way)
        (reference,) = reception.idempotency.references()
        assert reference.to_document()["eventType"] == "order.paid"
        assert reference.ids()["eventType"] == "order.paid"
    assert {name for name, _ in world.queue.take()} == {None, "named"}


def test_a_crash_before_the_queue_and_a_change_of_subscriptions_leave_the_list_as_it_was(
    world: World,
) -> None:
    world.put(
        endpoint("a", "order.*", policy={"maxAttempts": 7}),
        endpoint("b", "order.*"),
        endpoint("c", "order.*", policy={"maxAttempts": 8}),
    )
    world.queue.is_down = True
    with pytest.raises(KeyboardInterrupt):
        world.post()
    world.put(
        endpoint("a", "cart.*", policy={"maxAttempts": 9}, url="https://moved.example/"),
        endpoint("d", "order.*"),
    )
    world.delete("b")
    world.queue.is_down = False
    duplicate = world.post()
    attempts = [each.policy.max_attempts for each in world.queue.sent]
    assert world.queue.take() == [(name, f"https://{name}.example/") for name in "abc"]
    assert attempts == [9, Policy().max_attempts, 8]
    assert (duplicate.is_duplicate, ids(duplicate)) == (True, ("a", "b", "c"))


def test_an_event_under_a_used_message_id_is_refused_unless_type_and_payload_are_the_same(
    world: World,
) -> None:
    world.put(endpoint("a", "*"))
    world.post()
    for fields in ({"eventType": "order.sent"}, {"payload": [1]}, {"endpointId": "a"}):
        with pytest.raises(InvalidMessageError) as refused:
            world.post(**fields)
        assert refused.value.status == 409


def test_of_two_endpoints_with_one_url_the_first_gets_the_event(world: World) -> None:
    world.put(endpoint("b", "*", url="https://a.example/"), endpoint("a", "*"))
    assert ids(world.post()) == ("a",)


def test_an_event_for_too_many_endpoints_is_refused_and_says_what_to_do(world: World) -> None:
    world.put(*(endpoint(f"e{number:03}", "*") for number in range(MAX_SUBSCRIBERS + 1)))
    with pytest.raises(InvalidMessageError, match="narrow their eventTypes") as refused:
        world.post()
    assert refused.value.errors[0].field == "eventType"
    world.delete("e000")
    assert len(ids(world.post())) == len(world.queue.take()) == MAX_SUBSCRIBERS


def test_without_subscriptions_to_read_nothing_is_accepted(world: World) -> None:
    world.client.delete_table(TableName="endpoints")
    with pytest.raises(DependencyError):
        world.post()


class AtomicClient:
    """A DynamoDB client whose puts are atomic. Those of moto are not, if threads race."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **arguments: Any) -> Any:
        with self._lock:
            return self._client.put_item(**arguments)


def test_fifty_equal_events_at_once_while_an_endpoint_is_added_give_one_list(world: World) -> None:
    world.put(endpoint("a", "*"), endpoint("b", "order.*"))
    client = AtomicClient(world.client)
    start = Barrier(51)

    def submit(_: int) -> Reception:
        acceptance = world.in_another_container(client)
        start.wait(timeout=30)
        return acceptance.accept(world.parse(acceptance), now=NOON)

    def add() -> None:
        start.wait(timeout=30)
        for name in "cdef":
            world.put(endpoint(name, "*"))

    with ThreadPoolExecutor(51) as pool:
        adding = pool.submit(add)
        receptions = list(pool.map(submit, range(50)))
        adding.result()
    lists = {ids(reception) for reception in receptions}
    assert len(lists) == 1
    assert sum(not reception.is_duplicate for reception in receptions) == 1
    assert {name for name, _ in world.queue.take()} == set(*lists)


def test_an_event_costs_one_read_in_thirty_seconds_and_a_named_target_none(world: World) -> None:
    world.put(endpoint("a", "*"))
    calls: list[str] = []
    client = world.client
    client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    for number in range(3):
        world.post(messageId=f"m{number}")
    assert calls == ["Query", "PutItem", "PutItem", "PutItem"]
    calls.clear()
    world.acceptance = world.in_another_container()
    world.post(messageId="named", targetUrl="https://x.example/")
    assert calls == ["PutItem"]


def test_a_large_payload_of_a_duplicate_goes_by_reference_to_who_was_matched_first(
    world: World,
) -> None:
    world.put(endpoint("a", "order.*"))
    payload = "x" * 300_000
    first = world.parse(payload=payload)
    assert first.claim is not None
    world.put(endpoint("a", "cart.*"))
    later = world.parse(payload=payload)
    assert later.readdress is not None
    assert (later.claim and later.claim.key) == first.claim.key

"""Accepting messages: none is lost, and none is duplicated by Homing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Lock
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError
from releasing import releasing_on

from homing.delivery import Request
from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import AcceptanceError, InvalidMessageError
from homing.ledger.table import Ledger
from homing.ordering.joining import Joining
from homing.payloads.store import PayloadStore
from homing.queues.bursts import BURST, Bursts
from homing.queues.deliveries import MAX_BATCH_BYTES, DeliveryQueue, batches
from homing.reception.acceptance import Acceptance, Reception
from homing.reception.idempotency import IdempotencyRecord
from homing.reception.message import Message, fingerprint
from homing.reception.messages_table import MessagesTable
from homing.retry.policy import Policy
from homing.routing.subscriptions import Subscriptions

if TYPE_CHECKING:
    from homing.delivery import Delivery

NOON = datetime(2025, 12, 28, 12, 0, 0, 250_000, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
A, B = "https://a.example/", "https://b.example/"


def message(
    *,
    at: datetime = NOON,
    targets: tuple[str, ...] = (A, B),
    payload: str = '{"total": 1.10}',
    deliver_at: str | None = None,
    timestamp: str | None = None,
) -> Message:
    request = Request(payload, "application/json", {"x-tenant": "acme"})
    created_at = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    idempotency = IdempotencyRecord(
        message_id="order-1841",
        sender_id="shop",
        timestamp=timestamp or created_at,
        correlation_id=f"trace-{created_at}",
        created_at=created_at,
        targets=targets,
        deliver_at=deliver_at,
        fingerprint=fingerprint(targets, request),
        expires_at=int((at + timedelta(days=30)).timestamp()),
    )
    return Message(idempotency, request, Policy())


@dataclass
class Sqs:
    """A queue that answers batches with the given responses, and then accepts everything."""

    script: list[Any] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    def send_message_batch(self, **call: Any) -> dict[str, Any]:
        entries = call["Entries"]
        self.urls.append(call["QueueUrl"])
        self.calls.append([entry["Id"] for entry in entries])
        refused = self.script.pop(0) if self.script else 0
        if isinstance(refused, BaseException):
            raise refused
        self.taken += [json.loads(entry["MessageBody"]) for entry in entries[refused:]]
        failed = [{"Id": e["Id"], "Code": "InternalError"} for e in entries[:refused]]
        return {"Successful": [], "Failed": failed} if failed else {"Successful": []}


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


@pytest.fixture
def acceptance(messages_table: Any, ledger_table: Any, sqs: Sqs) -> Acceptance:
    client = messages_table.client
    return Acceptance(
        MessagesTable("messages", client),
        Ledger("ledger", client),
        DeliveryQueue("url", sqs, "bulk"),
        EndpointsTable("endpoints", client),
        PayloadStore("payloads"),
        Subscriptions(EndpointsTable("endpoints", client)),
        joining=Joining(releasing_on(client, DeliveryQueue("url", sqs, "bulk"))),
        bursts=Bursts(lambda: 0),
    )


def record(ledger_table: Any, delivery: Delivery) -> None:
    ledger_table.client.put_item(
        TableName="ledger",
        Item={
            "pk": {"S": delivery.reference.pk},
            "sk": {"S": delivery.reference.sk},
            "createdAt": {"S": delivery.reference.created_at},
        },
    )


def targets(documents: list[dict[str, Any]]) -> list[str]:
    return [document["reference"]["targetUrl"] for document in documents]


def test_a_message_leaves_a_guard_and_one_delivery_per_target_on_the_queue(
    acceptance: Acceptance, messages_table: Any, sqs: Sqs
) -> None:
    first = message()
    reception = acceptance.accept(first, now=NOON)
    assert reception.idempotency == first.idempotency
    assert not reception.is_duplicate
    assert sqs.taken == [delivery.to_document() for delivery in first.deliveries()]
    (item,) = messages_table.items()
    assert item.pop("claimToken")["S"]  # of chance
    assert item == {
        "pk": {"S": "order-1841#shop"},
        "messageId": {"S": "order-1841"},
        "senderId": {"S": "shop"},
        "timestamp": {"S": "2025-12-28T12:00:00.250Z"},
        "correlationId": {"S": "trace-2025-12-28T12:00:00.250Z"},
        "createdAt": {"S": "2025-12-28T12:00:00.250Z"},
        "targets": {"L": [{"S": A}, {"S": B}]},
        "contentFingerprint": {"S": first.idempotency.fingerprint},
        "ttl": {"N": str(first.idempotency.expires_at)},
    }


def test_a_duplicate_gets_the_idempotency_record_of_the_first_and_enqueues_only_what_is_missing(
    acceptance: Acceptance, ledger_table: Any, sqs: Sqs
) -> None:
    first = message()
    acceptance.accept(first, now=NOON)
    sqs.taken.clear()
    record(ledger_table, first.deliveries()[0])
    repeat = message(at=LATER, targets=(B, A))  # the order of targets does not matter
    reception = acceptance.accept(repeat, now=LATER)
    assert reception.idempotency == first.idempotency
    assert reception.is_duplicate
    assert sqs.taken == [first.deliveries()[1].to_document()]


def test_a_duplicate_of_a_fully_recorded_message_enqueues_nothing(
    acceptance: Acceptance, ledger_table: Any, sqs: Sqs
) -> None:
    first = message()
    acceptance.accept(first, now=NOON)
    for delivery in first.deliveries():
        record(ledger_table, delivery)
    assert acceptance.accept(message(at=LATER), now=LATER).idempotency == first.idempotency
    assert len(sqs.calls) == 1


class KilledError(BaseException):
    """Raised in place of a crash, after which the function does nothing more."""


def test_after_a_crash_between_idempotency_record_and_queue_a_duplicate_enqueues_the_deliveries(
    acceptance: Acceptance, sqs: Sqs
) -> None:
    sqs.script = [KilledError()]
    first = message()
    with pytest.raises(KilledError):
        acceptance.accept(first, now=NOON)
    reception = acceptance.accept(message(at=LATER), now=LATER)
    assert reception.idempotency == first.idempotency
    assert sqs.taken == [delivery.to_document() for delivery in first.deliveries()]


def test_when_the_queue_fails_the_message_is_not_accepted_and_a_duplicate_is(
    acceptance: Acceptance, sqs: Sqs
) -> None:
    sqs.script = [EndpointConnectionError(endpoint_url="https://sqs")]
    with pytest.raises(AcceptanceError, match="EndpointConnectionError"):
        acceptance.accept(message(), now=NOON)
    assert sqs.taken == []
    acceptance.accept(message(at=LATER), now=LATER)
    assert targets(sqs.taken) == [A, B]


@pytest.mark.parametrize("broken", ["messages", "ledger"])
def test_a_table_that_fails_promises_nothing(
    acceptance: Acceptance, messages_table: Any, ledger_table: Any, broken: str
) -> None:
    acceptance.accept(message(), now=NOON)
    messages_table.client.delete_table(TableName=broken)
    with pytest.raises(AcceptanceError, match="ResourceNotFoundException"):
        acceptance.accept(message(), now=NOON)


@pytest.mark.parametrize("other", [{"payload": '{"total": 1.1}'}, {"targets": (A,)}])
def test_the_same_id_with_other_content_is_refused_with_409(
    acceptance: Acceptance, messages_table: Any, sqs: Sqs, other: dict[str, Any]
) -> None:
    acceptance.accept(message(), now=NOON)
    before = messages_table.items()
    with pytest.raises(InvalidMessageError, match="messageId") as caught:
        acceptance.accept(message(at=LATER, **other), now=LATER)
    assert caught.value.status == 409
    assert messages_table.items() == before
    assert len(sqs.calls) == 1


def test_a_guard_that_has_expired_counts_as_gone_though_it_is_still_there(
    acceptance: Acceptance, messages_table: Any, sqs: Sqs
) -> None:
    first = message()
    acceptance.accept(first, now=NOON)
    last = datetime.fromtimestamp(first.idempotency.expires_at, UTC)
    assert acceptance.accept(message(at=last), now=last).is_duplicate
    after = last + timedelta(seconds=1)
    anew = message(at=after, payload="2")
    assert not acceptance.accept(anew, now=after).is_duplicate
    (item,) = messages_table.items()
    assert item["createdAt"]["S"] == anew.idempotency.created_at


def test_a_message_for_the_past_is_refused_and_leaves_no_guard(
    acceptance: Acceptance, messages_table: Any
) -> None:
    with pytest.raises(InvalidMessageError, match="deliverAt: is in the past") as caught:
        acceptance.accept(message(deliver_at="2025-12-28T11:00:00.000Z"), now=NOON)
    assert caught.value.status == 400
    assert messages_table.items() == []


def test_a_duplicate_of_a_scheduled_message_after_its_time_gets_the_first_answer(
    acceptance: Acceptance, sqs: Sqs
) -> None:
    first = message(deliver_at="2025-12-28T12:01:00.000Z")
    acceptance.accept(first, now=NOON)
    sqs.taken.clear()
    reception = acceptance.accept(
        message(at=LATER, deliver_at="2025-12-28T12:01:00.000Z"), now=LATER
    )
    assert reception.idempotency == first.idempotency
    assert {document["dueAt"] for document in sqs.taken} == {"2025-12-28T12:01:00Z"}


def test_a_duplicate_without_deliver_at_does_not_send_the_scheduled_message_early(
    acceptance: Acceptance, sqs: Sqs
) -> None:
    acceptance.accept(message(deliver_at="2025-12-29T12:00:00.000Z"), now=NOON)
    sqs.taken.clear()
    acceptance.accept(message(at=LATER), now=LATER)
    assert {document["dueAt"] for document in sqs.taken} == {"2025-12-29T12:00:00Z"}


def test_an_overdue_duplicate_is_refused_once_the_idempotency_record_has_expired(
    acceptance: Acceptance,
) -> None:
    first = message(deliver_at="2025-12-28T12:01:00.000Z")
    acceptance.accept(first, now=NOON)
    after = datetime.fromtimestamp(first.idempotency.expires_at + 1, UTC)
    with pytest.raises(InvalidMessageError, match="is in the past"):
        acceptance.accept(message(at=after, deliver_at="2025-12-28T12:01:00.000Z"), now=after)


class AtomicClient:
    """A DynamoDB client whose conditional writes are atomic, as in DynamoDB but not in moto."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = Lock()
        self.exceptions = client.exceptions
        self.get_paginator = client.get_paginator

    def put_item(self, **arguments: Any) -> Any:
        with self._lock:
            return self._client.put_item(**arguments)


def test_fifty_at_once_come_to_one_guard_and_the_same_answer(
    messages_table: Any, ledger_table: Any, delivery_queue: Any
) -> None:
    client: Any = AtomicClient(messages_table.client)
    acceptance = Acceptance(
        MessagesTable("messages", client),
        Ledger("ledger", client),
        DeliveryQueue(delivery_queue.url, delivery_queue.client),
        EndpointsTable("endpoints", client),
        PayloadStore("payloads"),
        Subscriptions(EndpointsTable("endpoints", client)),
        joining=Joining(releasing_on(client, None)),
    )
    start = Barrier(50)

    def submit(number: int) -> Any:
        at = NOON + timedelta(milliseconds=number)
        start.wait(timeout=30)
        return acceptance.accept(message(at=at), now=at)

    with ThreadPoolExecutor(50) as pool:
        receptions = list(pool.map(submit, range(50)))
    (item,) = messages_table.items()
    assert {reception.idempotency.created_at for reception in receptions} == {
        item["createdAt"]["S"]
    }
    assert [reception.is_duplicate for reception in receptions].count(False) == 1
    ids = {document["reference"]["deliveryId"] for document in delivery_queue.take()}
    assert ids == {reference.delivery_id for reference in receptions[0].idempotency.references()}


def test_what_a_batch_leaves_over_is_sent_again(acceptance: Acceptance, sqs: Sqs) -> None:
    sqs.script = [1, 1, 0]
    first = message()
    assert not acceptance.accept(first, now=NOON).is_duplicate
    a, b = (reference.delivery_id for reference in first.idempotency.references())
    assert sqs.calls == [[a, b], [a], [a]]
    assert sorted(targets(sqs.taken)) == [A, B]


def test_a_delivery_that_the_queue_refuses_again_and_again_is_an_error(
    acceptance: Acceptance, sqs: Sqs
) -> None:
    sqs.script = [1, 1, 1]
    with pytest.raises(AcceptanceError, match="refused 1 deliveries: InternalError"):
        acceptance.accept(message(), now=NOON)
    assert len(sqs.calls) == 3


def test_batches_keep_to_ten_entries_and_to_the_size_that_the_queue_takes() -> None:
    urls = tuple(f"https://example.com/{number}" for number in range(25))
    for size in (1, 20_000, 100_000, 200_000):
        deliveries = message(targets=urls, payload="a" * size).deliveries()
        packed = list(batches(deliveries))
        assert [entry["Id"] for batch in packed for entry in batch] == [
            delivery.reference.delivery_id for delivery in deliveries
        ]
        for batch, following in zip(packed, [*packed[1:], None], strict=True):
            total = sum(len(entry["MessageBody"].encode()) for entry in batch)
            assert len(batch) <= 10
            assert total <= MAX_BATCH_BYTES
            if following and len(batch) < 10:  # no more batches than needed
                assert total + len(following[0]["MessageBody"].encode()) > MAX_BATCH_BYTES


def test_a_batch_is_measured_in_bytes_not_characters() -> None:
    two = message(payload="é" * 80_000).deliveries()
    assert len(list(batches(two))) == 2


def test_a_guard_is_read_back_as_it_was_written() -> None:
    for idempotency in (
        message().idempotency,
        message(deliver_at="2025-12-29T12:00:00.000Z").idempotency,
    ):
        assert IdempotencyRecord.from_item(idempotency.to_item()) == idempotency


def test_nothing_to_send_makes_no_call() -> None:
    sqs = Sqs()
    DeliveryQueue("url", sqs).send([])  # type: ignore[arg-type]
    assert sqs.calls == []


def test_a_record_of_a_previous_acceptance_keeps_no_delivery_from_the_queue(
    acceptance: Acceptance, ledger_table: Any, sqs: Sqs
) -> None:
    """Ledger records outlive idempotency records by the waits of retries (decision 0022)."""
    first = message(timestamp="2025-12-28T12:00:00.000Z", targets=(A,))
    acceptance.accept(first, now=NOON)
    record(ledger_table, first.deliveries()[0])
    later = NOON + timedelta(days=30, seconds=5)
    sqs.taken.clear()
    sqs.script = [EndpointConnectionError(endpoint_url="queue")]
    again = message(timestamp="2025-12-28T12:00:00.000Z", targets=(A,), at=later)
    with pytest.raises(AcceptanceError):
        acceptance.accept(again, now=later)
    acceptance.accept(again, now=later + timedelta(seconds=5))
    assert targets(sqs.taken) == [A]


def some(number: int, **fields: Any) -> Message:
    """Return one of several messages with different ids."""
    one = message(targets=(f"https://{number}.example/",), **fields)
    return replace(one, idempotency=replace(one.idempotency, message_id=f"m-{number}"))


def kinds(results: list[Any]) -> list[str]:
    return [
        ("duplicate" if each.is_duplicate else "new")
        if isinstance(each, Reception)
        else type(each).__name__
        for each in results
    ]


def test_a_hundred_messages_are_queued_in_their_order_by_ten_calls(
    acceptance: Acceptance, messages_table: Any, sqs: Sqs
) -> None:
    messages = [some(number) for number in range(100)]
    results = acceptance.accept_all(messages, now=NOON)
    assert kinds(results) == ["new"] * 100
    assert [each["reference"]["messageId"] for each in sqs.taken] == [
        f"m-{number}" for number in range(100)
    ]
    assert [len(call) for call in sqs.calls] == [10] * 10
    assert len(messages_table.items()) == 100


def test_a_batch_sent_again_gives_the_same_records_and_queues_only_what_is_missing(
    acceptance: Acceptance, ledger_table: Any, sqs: Sqs
) -> None:
    messages = [some(number) for number in range(20)]
    first = acceptance.accept_all(messages, now=NOON)
    for each in messages[:15]:
        record(ledger_table, each.deliveries()[0])
    sqs.taken.clear()
    again = acceptance.accept_all([some(number, at=LATER) for number in range(20)], now=LATER)
    assert kinds(again) == ["duplicate"] * 20
    assert [each.idempotency for each in again] == [each.idempotency for each in first]
    assert [each["reference"]["messageId"] for each in sqs.taken] == [
        f"m-{number}" for number in range(15, 20)
    ]


def test_what_exceeds_the_burst_of_its_sender_goes_to_the_bulk_queue(
    acceptance: Acceptance, sqs: Sqs
) -> None:
    acceptance.accept_all([some(number) for number in range(BURST + 1)], now=NOON)
    queued = dict.fromkeys(sqs.urls, 0)
    for url, ids in zip(sqs.urls, sqs.calls, strict=True):
        queued[url] += len(ids)
    assert queued == {"url": BURST, "bulk": 1}
    assert sqs.taken[-1]["reference"]["messageId"] == f"m-{BURST}"


@pytest.mark.parametrize("queue", ["url", "bulk"])
def test_a_duplicate_goes_to_the_queue_of_its_first_acceptance(
    acceptance: Acceptance, sqs: Sqs, queue: str
) -> None:
    """If it were on two queues at once, two dispatchers could make the same first attempt."""
    others = [some(number) for number in range(1, BURST + 1)]
    if queue == "bulk":
        acceptance.accept_all(others, now=NOON)
    acceptance.accept(some(0), now=NOON)
    if queue == "url":
        acceptance.accept_all(others, now=NOON)
    assert acceptance.accept(some(0), now=NOON).is_duplicate
    of_first = [
        url for url, ids in zip(sqs.urls, sqs.calls, strict=True) if ids == sqs.calls[-1][:1]
    ]
    assert of_first == [queue, queue]


def test_one_message_spoils_no_other(acceptance: Acceptance, sqs: Sqs) -> None:
    acceptance.accept(some(1), now=NOON)
    sqs.script = [1]  # the queue refuses the first entry, in each try
    sqs.script += [1, 1]
    results = acceptance.accept_all(
        [
            some(0),
            some(1, payload="other"),
            some(2, deliver_at="2025-12-28T11:00:00.000Z"),
            some(3),
        ],
        now=NOON,
    )
    assert kinds(results) == [
        "AcceptanceError",
        "InvalidMessageError",
        "InvalidMessageError",
        "new",
    ]


def test_a_call_of_the_queue_that_fails_fails_only_its_ten(
    acceptance: Acceptance, sqs: Sqs
) -> None:
    sqs.script = [0, EndpointConnectionError(endpoint_url="https://sqs")]
    messages = [some(number) for number in range(25)]
    results = acceptance.accept_all(messages, now=NOON)
    assert kinds(results) == ["new"] * 10 + ["AcceptanceError"] * 10 + ["new"] * 5
    again = acceptance.accept_all(messages, now=LATER)
    assert kinds(again) == ["duplicate"] * 25
    assert {each["reference"]["messageId"] for each in sqs.taken} == {
        f"m-{number}" for number in range(25)
    }


def test_a_duplicate_within_a_batch_is_one_and_waits_for_the_message_that_it_repeats(
    acceptance: Acceptance, sqs: Sqs
) -> None:
    messages = [some(0), some(1), some(0), some(0, payload="other"), some(2)]
    results = acceptance.accept_all(messages, now=NOON)
    assert kinds(results) == ["new", "new", "duplicate", "InvalidMessageError", "new"]
    assert len({one for call in sqs.calls for one in call}) == 3
    # Otherwise SQS refuses all of them.
    assert all(len(set(call)) == len(call) for call in sqs.calls)


def test_a_table_that_fails_fails_each_message_of_a_batch(
    acceptance: Acceptance, messages_table: Any, sqs: Sqs
) -> None:
    messages_table.client.delete_table(TableName="messages")
    results = acceptance.accept_all([some(0), some(1)], now=NOON)
    assert kinds(results) == ["AcceptanceError"] * 2
    assert sqs.calls == []

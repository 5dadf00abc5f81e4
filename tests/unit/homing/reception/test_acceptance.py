"""Taking messages in: never lost, and by us never doubled."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Barrier, Lock
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from homing.delivery import Request
from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import IntakeError, InvalidMessageError
from homing.ledger.records import Records
from homing.payloads.store import PayloadStore
from homing.queues.deliveries import MAX_BATCH_BYTES, DeliveryQueue, batches
from homing.queues.duplicates import is_repeat
from homing.reception.acceptance import Intake
from homing.reception.idempotency import Guard
from homing.reception.message import Message, fingerprint
from homing.reception.messages_table import MessagesTable
from homing.retry.policy import Policy

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
    guard = Guard(
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
    return Message(guard, request, Policy())


@dataclass
class Sqs:
    """A queue that answers each batch as it is told, and then takes everything."""

    script: list[Any] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    repeats: list[bool] = field(default_factory=list)

    def send_message_batch(self, **call: Any) -> dict[str, Any]:
        entries = call["Entries"]
        self.calls.append([entry["Id"] for entry in entries])
        refused = self.script.pop(0) if self.script else 0
        if isinstance(refused, BaseException):
            raise refused
        self.taken += [json.loads(entry["MessageBody"]) for entry in entries[refused:]]
        self.repeats += [is_repeat(entry.get("MessageAttributes", {})) for entry in entries]
        failed = [{"Id": e["Id"], "Code": "InternalError"} for e in entries[:refused]]
        return {"Successful": [], "Failed": failed} if failed else {"Successful": []}


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


@pytest.fixture
def intake(messages_table: Any, ledger_table: Any, sqs: Sqs) -> Intake:
    client = messages_table.client
    return Intake(
        MessagesTable("messages", client),
        Records("ledger", client),
        DeliveryQueue("url", sqs),
        EndpointsTable("endpoints", client),
        PayloadStore("payloads"),
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
    intake: Intake, messages_table: Any, sqs: Sqs
) -> None:
    first = message()
    reception = intake.accept(first, now=NOON)
    assert reception.guard == first.guard
    assert not reception.is_repeat
    assert sqs.taken == [delivery.to_document() for delivery in first.deliveries()]
    assert sqs.repeats == [False, False]
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
        "contentFingerprint": {"S": first.guard.fingerprint},
        "ttl": {"N": str(first.guard.expires_at)},
    }


def test_a_repeat_gets_the_guard_of_the_first_and_fills_only_gaps(
    intake: Intake, ledger_table: Any, sqs: Sqs
) -> None:
    first = message()
    intake.accept(first, now=NOON)
    sqs.taken.clear()
    record(ledger_table, first.deliveries()[0])
    repeat = message(at=LATER, targets=(B, A))  # the order of targets does not matter
    reception = intake.accept(repeat, now=LATER)
    assert reception.guard == first.guard
    assert reception.is_repeat
    assert sqs.taken == [first.deliveries()[1].to_document()]
    assert sqs.repeats == [False, False, True]


def test_a_repeat_of_what_is_wholly_on_record_puts_nothing_on_the_queue(
    intake: Intake, ledger_table: Any, sqs: Sqs
) -> None:
    first = message()
    intake.accept(first, now=NOON)
    for delivery in first.deliveries():
        record(ledger_table, delivery)
    assert intake.accept(message(at=LATER), now=LATER).guard == first.guard
    assert len(sqs.calls) == 1


class KilledError(BaseException):
    """The function is gone, and nobody is left to tidy up."""


def test_a_crash_between_guard_and_queue_heals_when_the_sender_repeats(
    intake: Intake, sqs: Sqs
) -> None:
    sqs.script = [KilledError()]
    first = message()
    with pytest.raises(KilledError):
        intake.accept(first, now=NOON)
    reception = intake.accept(message(at=LATER), now=LATER)
    assert reception.guard == first.guard
    assert sqs.taken == [delivery.to_document() for delivery in first.deliveries()]


def test_a_queue_that_fails_promises_nothing_and_a_repeat_is_accepted(
    intake: Intake, sqs: Sqs
) -> None:
    sqs.script = [EndpointConnectionError(endpoint_url="https://sqs")]
    with pytest.raises(IntakeError, match="EndpointConnectionError"):
        intake.accept(message(), now=NOON)
    assert sqs.taken == []
    intake.accept(message(at=LATER), now=LATER)
    assert targets(sqs.taken) == [A, B]


@pytest.mark.parametrize("broken", ["messages", "ledger"])
def test_a_table_that_fails_promises_nothing(
    intake: Intake, messages_table: Any, ledger_table: Any, broken: str
) -> None:
    intake.accept(message(), now=NOON)
    messages_table.client.delete_table(TableName=broken)
    with pytest.raises(IntakeError, match="ResourceNotFoundException"):
        intake.accept(message(), now=NOON)


@pytest.mark.parametrize("other", [{"payload": '{"total": 1.1}'}, {"targets": (A,)}])
def test_the_same_id_with_other_content_is_refused_with_409(
    intake: Intake, messages_table: Any, sqs: Sqs, other: dict[str, Any]
) -> None:
    intake.accept(message(), now=NOON)
    before = messages_table.items()
    with pytest.raises(InvalidMessageError, match="messageId") as caught:
        intake.accept(message(at=LATER, **other), now=LATER)
    assert caught.value.status == 409
    assert messages_table.items() == before
    assert len(sqs.calls) == 1


def test_a_guard_that_has_expired_counts_as_gone_though_it_is_still_there(
    intake: Intake, messages_table: Any, sqs: Sqs
) -> None:
    first = message()
    intake.accept(first, now=NOON)
    last = datetime.fromtimestamp(first.guard.expires_at, UTC)
    assert intake.accept(message(at=last), now=last).is_repeat
    after = last + timedelta(seconds=1)
    anew = message(at=after, payload="2")
    assert not intake.accept(anew, now=after).is_repeat
    (item,) = messages_table.items()
    assert item["createdAt"]["S"] == anew.guard.created_at


def test_a_message_for_the_past_is_refused_and_leaves_no_guard(
    intake: Intake, messages_table: Any
) -> None:
    with pytest.raises(InvalidMessageError, match="deliverAt: lies in the past") as caught:
        intake.accept(message(deliver_at="2025-12-28T11:00:00.000Z"), now=NOON)
    assert caught.value.status == 400
    assert messages_table.items() == []


def test_a_scheduled_message_repeated_after_its_time_gets_the_first_answer(
    intake: Intake, sqs: Sqs
) -> None:
    first = message(deliver_at="2025-12-28T12:01:00.000Z")
    intake.accept(first, now=NOON)
    sqs.taken.clear()
    reception = intake.accept(message(at=LATER, deliver_at="2025-12-28T12:01:00.000Z"), now=LATER)
    assert reception.guard == first.guard
    assert {document["dueAt"] for document in sqs.taken} == {"2025-12-28T12:01:00Z"}


def test_a_repeat_without_its_time_does_not_send_the_scheduled_message_early(
    intake: Intake, sqs: Sqs
) -> None:
    intake.accept(message(deliver_at="2025-12-29T12:00:00.000Z"), now=NOON)
    sqs.taken.clear()
    intake.accept(message(at=LATER), now=LATER)
    assert {document["dueAt"] for document in sqs.taken} == {"2025-12-29T12:00:00Z"}


def test_an_overdue_repeat_after_the_guard_has_expired_is_refused(intake: Intake) -> None:
    first = message(deliver_at="2025-12-28T12:01:00.000Z")
    intake.accept(first, now=NOON)
    after = datetime.fromtimestamp(first.guard.expires_at + 1, UTC)
    with pytest.raises(InvalidMessageError, match="lies in the past"):
        intake.accept(message(at=after, deliver_at="2025-12-28T12:01:00.000Z"), now=after)


class AtomicClient:
    """A DynamoDB client whose conditional writes are atomic, as DynamoDB's are and moto's not."""

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
    intake = Intake(
        MessagesTable("messages", client),
        Records("ledger", client),
        DeliveryQueue(delivery_queue.url, delivery_queue.client),
        EndpointsTable("endpoints", client),
        PayloadStore("payloads"),
    )
    start = Barrier(50)

    def submit(number: int) -> Any:
        at = NOON + timedelta(milliseconds=number)
        start.wait(timeout=30)
        return intake.accept(message(at=at), now=at)

    with ThreadPoolExecutor(50) as pool:
        receptions = list(pool.map(submit, range(50)))
    (item,) = messages_table.items()
    assert {reception.guard.created_at for reception in receptions} == {item["createdAt"]["S"]}
    assert [reception.is_repeat for reception in receptions].count(False) == 1
    ids = {document["reference"]["deliveryId"] for document in delivery_queue.take()}
    assert ids == {reference.delivery_id for reference in receptions[0].guard.references()}


def test_what_a_batch_leaves_over_is_sent_again(intake: Intake, sqs: Sqs) -> None:
    sqs.script = [1, 1, 0]
    first = message()
    assert not intake.accept(first, now=NOON).is_repeat
    a, b = (reference.delivery_id for reference in first.guard.references())
    assert sqs.calls == [[a, b], [a], [a]]
    assert sorted(targets(sqs.taken)) == [A, B]


def test_a_delivery_that_the_queue_refuses_again_and_again_is_an_error(
    intake: Intake, sqs: Sqs
) -> None:
    sqs.script = [1, 1, 1]
    with pytest.raises(IntakeError, match="refused 1 deliveries: InternalError"):
        intake.accept(message(), now=NOON)
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
            if following and len(batch) < 10:  # no batch more than is needed
                assert total + len(following[0]["MessageBody"].encode()) > MAX_BATCH_BYTES


def test_a_batch_is_measured_in_bytes_not_characters() -> None:
    two = message(payload="é" * 80_000).deliveries()
    assert len(list(batches(two))) == 2


def test_a_guard_is_read_back_as_it_was_written() -> None:
    for guard in (message().guard, message(deliver_at="2025-12-29T12:00:00.000Z").guard):
        assert Guard.from_item(guard.to_item()) == guard


def test_nothing_to_send_makes_no_call() -> None:
    sqs = Sqs()
    DeliveryQueue("url", sqs).send([])  # type: ignore[arg-type]
    assert sqs.calls == []


def test_a_record_of_a_former_life_keeps_no_delivery_from_the_queue(
    intake: Intake, ledger_table: Any, sqs: Sqs
) -> None:
    """A record outlives its guard by the waits of its retries (docs/decisions/0007)."""
    first = message(timestamp="2025-12-28T12:00:00.000Z", targets=(A,))
    intake.accept(first, now=NOON)
    record(ledger_table, first.deliveries()[0])
    later = NOON + timedelta(days=30, seconds=5)
    sqs.taken.clear()
    sqs.script = [EndpointConnectionError(endpoint_url="queue")]
    again = message(timestamp="2025-12-28T12:00:00.000Z", targets=(A,), at=later)
    with pytest.raises(IntakeError):
        intake.accept(again, now=later)
    intake.accept(again, now=later + timedelta(seconds=5))
    assert targets(sqs.taken) == [A]

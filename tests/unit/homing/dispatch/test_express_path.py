"""How one queue message is settled: with the express path on and off, and when redelivered."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError
from execution_input import LARGE_PAYLOADS, MAX_BYTES, read_input

from homing.delivery import Delivery, document_text
from homing.dispatch.bulkhead import Recipient
from homing.dispatch.executions import FirstAttempt
from homing.dispatch.express_path import ExpressPath, Settled, dead_letter_of
from homing.errors import DetachedError, MalformedDeliveryError, UnsettledError
from homing.ledger.generation import resumed
from homing.ledger.record import Record
from homing.ledger.updates import owned_item

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.delivery import Reference

NOON = "2025-12-28T12:00:00.000Z"
ATTRIBUTES: dict[str, Any] = {
    "createdAt": NOON,
    "lastUpdatedAt": NOON,
    "status": "RETRY_SCHEDULED",
    "attempts": 1,
    "nextRetryAt": "2025-12-28T12:00:01.250Z",
    "ttl": 1_769_515_201,
    "retryHistory": [
        {
            "errorCategory": "SERVER_ERROR",
            "errorDetails": {"message": "HTTP 500"},
            "exponentialDelay": 1,
            "jitterApplied": 0.25,
        }
    ],
}


def on_record(**attributes: Any) -> Record:
    return Record.from_attributes(ATTRIBUTES | attributes)


RETRY_ON_RECORD = on_record()
DELIVERED_ON_RECORD = on_record(status="DELIVERED")


def failure_on_record(status: str, attempts: int = 1) -> Record:
    return on_record(status=status, attempts=attempts)


def owned(reference: Reference, document: Any) -> Record:
    return Record.from_attributes(owned_item(reference, document))


@dataclass
class FakeCloud:
    """Fakes of both workflows, the ledger and the dead-letter queue."""

    end: str = "DELIVERED"
    record: Record | None = None
    record_after_run: Record | None = None
    unseen: Record | None = None
    following: dict[str, Any] = field(default_factory=dict)
    owned: list[dict[str, Any]] = field(default_factory=list)
    started: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    dead: list[Any] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def start(self, delivery_id: str, document: str) -> bool:
        read_input(document)
        is_new = delivery_id not in self.started
        self.started.setdefault(delivery_id, document)
        return is_new

    def run(self, delivery_id: str, document: str) -> FirstAttempt:
        read_input(document)
        self.ran.append(document)
        self.record = self.record_after_run
        if self.end == "BROKEN":
            raise UnsettledError("broken")
        return FirstAttempt(self.end, 12, self.following)

    def read(self, reference: Reference) -> Record | None:
        return self.record

    def own(self, reference: Reference, document: Any) -> Record | None:
        """Record the owner of the delivery, unless there is a record (maybe hidden from reads)."""
        if self.unseen is not None or self.record is not None:
            return self.unseen or self.record
        self.owned.append(dict(document))
        self.record = owned(reference, document)
        return None

    def keep_dead_letter(self, reference: Reference, dead_letter: str) -> None:
        self.kept.append(dead_letter)

    def send(self, document: Any) -> None:
        self.dead.append(document)


def express_path(cloud: FakeCloud, *, express: bool = True) -> ExpressPath:
    return ExpressPath(cloud, cloud if express else None, cloud, cloud)


@pytest.fixture
def body(delivery: Delivery) -> str:
    return json.dumps(delivery.to_document())


@pytest.mark.parametrize("end", ["DELIVERED", "HANDED_OFF", "DEAD_LETTERED"])
def test_a_first_attempt_runs_in_the_express_path_and_its_end_settles_the_message(
    body: str, end: str
) -> None:
    cloud = FakeCloud(end=end)
    assert express_path(cloud).settle(body)[1] == Settled(end)
    assert (cloud.ran, cloud.started) == ([body], {})
    assert cloud.kept == ([body] if end == "DEAD_LETTERED" else [])


def test_with_the_express_path_off_every_delivery_starts_in_the_standard_workflow(
    body: str, reference: Reference
) -> None:
    cloud = FakeCloud()
    assert express_path(cloud, express=False).settle(body) == (reference, Settled.STARTED)
    assert express_path(cloud, express=False).settle(body) == (reference, Settled.ALREADY_STARTED)
    assert cloud.ran == []
    assert json.loads(cloud.started[reference.delivery_id]) == json.loads(body)


def test_a_delivery_scheduled_for_later_goes_straight_to_the_standard_workflow(
    delivery: Delivery,
) -> None:
    cloud = FakeCloud()
    later = json.dumps(replace(delivery, due_at="2025-12-28T12:00:03Z").to_document())
    assert express_path(cloud).settle(later)[1] is Settled.STARTED
    assert cloud.ran == []


def test_an_execution_that_broke_leaves_the_message_unsettled(body: str) -> None:
    with pytest.raises(UnsettledError):
        express_path(FakeCloud(end="BROKEN")).settle(body)


def test_a_message_whose_retry_is_on_record_goes_on_where_it_was_without_a_second_request(
    body: str, delivery: Delivery
) -> None:
    cloud = FakeCloud(record=RETRY_ON_RECORD)
    assert express_path(cloud).settle(body)[1] is Settled.STARTED
    assert cloud.ran == []
    assert Delivery.from_document(
        json.loads(cloud.started[delivery.reference.delivery_id])
    ) == replace(
        delivery,
        attempt_number=1,
        due_at="2025-12-28T12:00:02Z",
        expires_at=1_769_515_201,
        previous_delay_seconds=1.25,
    )


def test_a_message_that_was_delivered_is_done(body: str) -> None:
    cloud = FakeCloud(record=DELIVERED_ON_RECORD)
    assert express_path(cloud).settle(body)[1] is Settled.ALREADY_SETTLED
    assert (cloud.ran, cloud.started, cloud.dead) == ([], {}, [])


@pytest.mark.parametrize("status", ["FAILED", "MAX_RETRIES_EXCEEDED"])
def test_a_failure_on_record_is_dead_lettered_again_since_its_dead_letter_may_be_missing(
    body: str, status: str
) -> None:
    cloud = FakeCloud(record=failure_on_record(status))
    assert express_path(cloud).settle(body)[1] is Settled.DEAD_LETTERED
    (dead,) = cloud.dead
    assert dead["verdict"]["status"] == status
    assert cloud.ran == []


MUST_WAIT = {
    "no concurrency slot": {"dueAt": "2025-12-28T12:00:05Z"},
    "no function": {},
    "a retry that could not be recorded": {"attemptNumber": 1, "attempts": 2},
}


@pytest.mark.parametrize("why", MUST_WAIT)
def test_a_delivery_that_must_wait_is_given_to_its_execution_before_that_is_started(
    body: str, reference: Reference, why: str
) -> None:
    cloud = FakeCloud(end="POSTPONED", following=MUST_WAIT[why])
    assert express_path(cloud).settle(body)[1] is Settled.HANDED_OFF
    waiting = json.loads(body) | MUST_WAIT[why]
    # Kept for the same time after it is due.
    waiting["expiresAt"] += 5 if "dueAt" in MUST_WAIT[why] else 0
    assert cloud.owned == [waiting]
    assert json.loads(cloud.started[reference.delivery_id]) == waiting


def test_what_cannot_be_put_on_record_is_not_started_and_goes_back_to_the_queue(body: str) -> None:
    class Unavailable(FakeCloud):
        def own(self, reference: Reference, document: Any) -> Record | None:
            raise EndpointConnectionError(endpoint_url="https://ledger")

    cloud = Unavailable(end="POSTPONED")
    with pytest.raises(EndpointConnectionError):
        express_path(cloud).settle(body)
    assert cloud.started == {}


def test_what_another_worker_has_recorded_meanwhile_is_not_owned_but_settled_from_that(
    body: str, reference: Reference
) -> None:
    cloud = FakeCloud(end="POSTPONED", unseen=RETRY_ON_RECORD)
    assert express_path(cloud).settle(body)[1] is Settled.STARTED
    assert json.loads(cloud.started[reference.delivery_id])["attemptNumber"] == 1


def test_a_delivery_whose_execution_was_not_started_is_taken_up_where_it_waits(
    body: str, delivery: Delivery
) -> None:
    """`dispatch` may crash between the record and the start."""
    reference, document = delivery.reference, delivery.to_document()
    cloud = FakeCloud(record=owned(reference, {**document, "dueAt": "2025-12-28T12:00:05Z"}))
    assert express_path(cloud).settle(body)[1] is Settled.STARTED
    assert cloud.ran == []
    started = json.loads(cloud.started[reference.delivery_id])
    assert started == {**document, "dueAt": "2025-12-28T12:00:05Z"}


def test_a_message_without_a_record_runs_its_first_attempt_however_often_it_was_received(
    body: str,
) -> None:
    cloud = FakeCloud()
    for _ in range(2):
        assert express_path(cloud).settle(body)[1] is Settled.DELIVERED
    assert cloud.ran == [body, body]


def test_whoever_was_superseded_sees_to_it_that_the_winners_retry_is_under_way(
    body: str, reference: Reference
) -> None:
    cloud = FakeCloud(end="SUPERSEDED", record_after_run=RETRY_ON_RECORD)
    assert express_path(cloud).settle(body)[1] is Settled.STARTED
    assert reference.delivery_id in cloud.started


def test_what_was_delivered_but_is_not_so_on_record_goes_on_as_the_record_says(
    body: str, reference: Reference
) -> None:
    """See docs/decisions/0057: the run that recorded the retry may have failed to hand it off."""
    cloud = FakeCloud(end="DELIVERED_SUPERSEDED", record_after_run=RETRY_ON_RECORD)
    assert express_path(cloud).settle(body)[1] is Settled.STARTED
    assert reference.delivery_id in cloud.started


@pytest.mark.parametrize(
    ("record", "settled"),
    [(DELIVERED_ON_RECORD, Settled.ALREADY_SETTLED), (None, Settled.DELIVERED)],
)
def test_what_was_delivered_is_done_if_the_record_says_so_or_is_not_its_own(
    body: str, record: Record | None, settled: Settled
) -> None:
    cloud = FakeCloud(end="DELIVERED_SUPERSEDED", record_after_run=record)
    assert express_path(cloud).settle(body)[1] is settled
    assert cloud.started == {}


def test_what_the_record_of_a_previous_acceptance_superseded_is_given_to_its_execution(
    body: str, reference: Reference
) -> None:
    """See docs/decisions/0022: reads do not return that record, and a new one replaces it."""
    cloud = FakeCloud(end="SUPERSEDED")
    assert express_path(cloud).settle(body)[1] is Settled.HANDED_OFF
    assert cloud.owned == [json.loads(body)]
    assert reference.delivery_id in cloud.started


@pytest.mark.parametrize("poison", ["", "{", "[]", '{"reference": {}}'])
def test_what_is_no_delivery_document_is_refused_before_anything_is_called(poison: str) -> None:
    cloud = FakeCloud()
    with pytest.raises(MalformedDeliveryError):
        express_path(cloud).settle(poison)
    assert (cloud.ran, cloud.started) == ([], {})


def test_a_retry_after_on_record_is_the_previous_delay(delivery: Delivery) -> None:
    (entry,) = ATTRIBUTES["retryHistory"]
    record = on_record(retryHistory=[{**entry, "retryAfterSeconds": 3}])
    assert resumed(delivery.to_document(), record)["previousDelaySeconds"] == 3


@pytest.mark.parametrize(
    ("status", "verdict"), [("FAILED", "GIVE_UP"), ("MAX_RETRIES_EXCEEDED", "RETRY")]
)
def test_a_dead_letter_from_the_record_has_the_reason_like_any_other(
    delivery: Delivery, status: str, verdict: str
) -> None:
    dead = dead_letter_of(delivery.to_document(), failure_on_record(status, attempts=3))
    assert (dead["attemptNumber"], dead["attempts"]) == (2, 3)
    assert dead["verdict"] == {
        "decision": verdict,
        "category": "SERVER_ERROR",
        "reason": "HTTP 500",
        "status": status,
    }
    assert dead["request"] == delivery.to_document()["request"]


@dataclass
class FakeAdmission:
    """An admission that makes attempts, defers them until a given time, or detaches them."""

    due: datetime | None = None
    leaves: bool = False
    asked: list[Recipient] = field(default_factory=list)

    def admit(
        self, recipient: Recipient, attempt: Callable[[], FirstAttempt]
    ) -> FirstAttempt | datetime:
        self.asked.append(recipient)
        if self.due is not None:
            return self.due
        ended = attempt()
        if self.leaves:
            raise DetachedError
        return ended


def test_a_delivery_that_is_deferred_waits_in_the_standard_workflow_and_no_attempt_is_used_up(
    body: str, delivery: Delivery
) -> None:
    cloud, until = FakeCloud(), datetime(2025, 12, 28, 12, 0, 4, 500_000, tzinfo=UTC)
    settle = ExpressPath(cloud, cloud, cloud, cloud, FakeAdmission(until)).settle
    assert settle(body)[1] is Settled.DEFERRED
    assert settle(body)[1] is Settled.ALREADY_STARTED
    started = json.loads(cloud.started[delivery.reference.delivery_id])
    later = {"dueAt": "2025-12-28T12:00:05Z", "expiresAt": delivery.expires_at + 5}
    assert started == {**json.loads(body), **later}
    assert cloud.ran == []


@pytest.fixture(params=LARGE_PAYLOADS)
def large(request: pytest.FixtureRequest, delivery: Delivery) -> str:
    """The body of a delivery with the largest payload that is sent inline, not in ASCII."""
    payload = LARGE_PAYLOADS[request.param]
    return document_text(
        replace(delivery, request=replace(delivery.request, payload=payload)).to_document()
    )


def test_a_retry_on_record_is_started_however_much_text_the_payload_has(
    large: str, reference: Reference
) -> None:
    cloud = FakeCloud(record=RETRY_ON_RECORD)
    assert express_path(cloud).settle(large)[1] is Settled.STARTED
    started = read_input(cloud.started[reference.delivery_id])
    assert started["request"] == json.loads(large)["request"]


def test_a_delivery_is_deferred_however_much_text_the_payload_has(large: str) -> None:
    cloud, until = FakeCloud(), datetime(2025, 12, 28, 12, 0, 4, tzinfo=UTC)
    settle = ExpressPath(cloud, cloud, cloud, cloud, FakeAdmission(until)).settle
    assert settle(large)[1] is Settled.DEFERRED


def test_a_dead_letter_is_kept_as_it_came_however_much_text_the_payload_has(large: str) -> None:
    cloud = FakeCloud(record=failure_on_record("FAILED"))
    assert express_path(cloud).settle(large)[1] is Settled.DEAD_LETTERED
    assert cloud.kept == [large]
    assert len(document_text(cloud.dead[0]).encode()) <= MAX_BYTES


def test_an_attempt_that_is_let_in_is_made_for_its_recipient_and_settles_as_it_ends(
    body: str, reference: Reference
) -> None:
    cloud, admission = FakeCloud(end="HANDED_OFF"), FakeAdmission()
    settled = ExpressPath(cloud, cloud, cloud, cloud, admission).settle(body)
    assert settled == (reference, Settled.HANDED_OFF)
    assert (cloud.ran, admission.asked) == ([body], [Recipient("default", reference.target_url)])


@pytest.mark.parametrize(
    ("end", "record", "settled"),
    [
        ("DELIVERED", DELIVERED_ON_RECORD, Settled.ALREADY_SETTLED),
        ("HANDED_OFF", RETRY_ON_RECORD, Settled.ALREADY_STARTED),
        (
            "DEAD_LETTERED",
            on_record(status="FAILED", deadLetter="{}"),
            Settled.ALREADY_SETTLED,
        ),
    ],
)
def test_a_message_whose_attempt_was_detached_is_settled_from_the_ledger_when_it_is_redelivered(
    body: str, reference: Reference, end: str, record: Record, settled: Settled
) -> None:
    handed_off = {reference.delivery_id: body} if end == "HANDED_OFF" else {}
    cloud = FakeCloud(end=end, record_after_run=record, started=handed_off)
    settle = ExpressPath(cloud, cloud, cloud, cloud, FakeAdmission(leaves=True)).settle
    with pytest.raises(DetachedError):
        settle(body)
    assert settle(body)[1] is settled
    assert (cloud.ran, cloud.dead) == ([body], [])
    assert cloud.kept == ([body] if end == "DEAD_LETTERED" else [])


@pytest.mark.parametrize(
    "record",
    [
        on_record(status="MAX_RETRIES_EXCEEDED", attempts=3, executionName="the-execution"),
        on_record(status="FAILED", attempts=1, executionName="a-deferred-first-attempt"),
        on_record(status="FAILED", generation=1, executionName="the-execution-1"),
    ],
    ids=str,
)
def test_a_failure_in_the_standard_workflow_is_dead_lettered_there_and_not_again(
    body: str, record: Record
) -> None:
    cloud = FakeCloud(record=record)
    assert express_path(cloud).settle(body)[1] is Settled.ALREADY_SETTLED
    assert cloud.dead == []

"""How one queue message is settled: with the lane on, with it off, and when it comes again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from homing.delivery import Delivery
from homing.errors import MalformedDeliveryError, UnsettledError
from homing.generation import resumed
from homing.lane import Lane, Settled, parked

if TYPE_CHECKING:
    from homing.delivery import Reference

RETRY_ON_RECORD = {
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


def failure_on_record(status: str) -> dict[str, Any]:
    return {**RETRY_ON_RECORD, "status": status, "attempts": 3}


@dataclass
class FakeCloud:
    """The Standard workflow, the Express one, the ledger and the dead-letter queue."""

    end: str = "DELIVERED"
    record: dict[str, Any] | None = None
    record_after_run: dict[str, Any] | None = None
    started: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    dead: list[Any] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def start(self, delivery_id: str, document: str) -> bool:
        is_new = delivery_id not in self.started
        self.started.setdefault(delivery_id, document)
        return is_new

    def is_under_way(self, delivery_id: str) -> bool:
        return delivery_id in self.started

    def run(self, delivery_id: str, document: str) -> str:
        self.ran.append(document)
        self.record = self.record_after_run
        if self.end == "BROKEN":
            raise UnsettledError("broken")
        return self.end

    def read(self, reference: Reference) -> dict[str, Any] | None:
        return self.record

    def keep(self, reference: Reference, letter: str) -> None:
        self.kept.append(letter)

    def park(self, document: Any) -> None:
        self.dead.append(document)


def lane(cloud: FakeCloud, *, express: bool = True) -> Lane:
    return Lane(cloud, cloud if express else None, cloud, cloud)


@pytest.fixture
def body(delivery: Delivery) -> str:
    return json.dumps(delivery.to_document())


@pytest.mark.parametrize("end", ["DELIVERED", "HANDED_OFF", "DEAD_LETTERED"])
def test_a_first_attempt_runs_in_the_lane_and_its_end_settles_the_message(
    body: str, end: str
) -> None:
    cloud = FakeCloud(end=end)
    assert lane(cloud).settle(body)[1] == Settled(end)
    assert (cloud.ran, cloud.started) == ([body], {})
    assert cloud.kept == ([body] if end == "DEAD_LETTERED" else [])


def test_with_the_lane_off_every_delivery_starts_in_the_standard_workflow(
    body: str, reference: Reference
) -> None:
    cloud = FakeCloud(record=RETRY_ON_RECORD)
    assert lane(cloud, express=False).settle(body) == (reference, Settled.STARTED)
    assert lane(cloud, express=False).settle(body) == (reference, Settled.ALREADY_STARTED)
    assert (cloud.ran, cloud.started) == ([], {reference.delivery_id: body})


def test_a_delivery_scheduled_for_later_goes_straight_to_the_standard_workflow(
    delivery: Delivery,
) -> None:
    cloud = FakeCloud()
    later = json.dumps(replace(delivery, due_at="2025-12-28T12:00:03Z").to_document())
    assert lane(cloud).settle(later)[1] is Settled.STARTED
    assert cloud.ran == []


def test_an_execution_that_broke_leaves_the_message_unsettled(body: str) -> None:
    with pytest.raises(UnsettledError):
        lane(FakeCloud(end="BROKEN")).settle(body)


@pytest.mark.parametrize("receive_count", [1, 2])
def test_a_message_whose_retry_is_on_record_goes_on_where_it_was_without_a_second_request(
    body: str, delivery: Delivery, receive_count: int
) -> None:
    cloud = FakeCloud(record=RETRY_ON_RECORD)
    assert lane(cloud).settle(body, receive_count=receive_count)[1] is Settled.STARTED
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
    cloud = FakeCloud(record={"status": "DELIVERED"})
    assert lane(cloud).settle(body, receive_count=2)[1] is Settled.ALREADY_SETTLED
    assert (cloud.ran, cloud.started, cloud.dead) == ([], {}, [])


@pytest.mark.parametrize("receive_count", [1, 2])  # an operator's redrive counts from 1 again
@pytest.mark.parametrize("status", ["FAILED", "MAX_RETRIES_EXCEEDED"])
def test_a_failure_on_record_is_parked_again_since_its_dead_letter_may_be_missing(
    body: str, status: str, receive_count: int
) -> None:
    cloud = FakeCloud(record=failure_on_record(status))
    assert lane(cloud).settle(body, receive_count=receive_count)[1] is Settled.DEAD_LETTERED
    (dead,) = cloud.dead
    assert dead["verdict"]["status"] == status
    assert cloud.ran == []


def test_a_message_that_comes_again_is_done_if_it_was_handed_off_without_a_record(
    body: str, reference: Reference
) -> None:
    cloud = FakeCloud(started={reference.delivery_id: "the attempt that follows"})
    assert lane(cloud).settle(body, receive_count=2)[1] is Settled.ALREADY_STARTED
    assert cloud.ran == []


def test_a_message_that_comes_again_with_nothing_done_runs_its_first_attempt(body: str) -> None:
    cloud = FakeCloud()
    assert lane(cloud).settle(body, receive_count=2)[1] is Settled.DELIVERED
    assert cloud.ran == [body]


def test_whoever_was_overtaken_sees_to_it_that_the_winners_retry_is_under_way(
    body: str, reference: Reference
) -> None:
    cloud = FakeCloud(end="OVERTAKEN", record_after_run=RETRY_ON_RECORD)
    assert lane(cloud).settle(body)[1] is Settled.STARTED
    assert reference.delivery_id in cloud.started


def test_being_overtaken_by_nobody_settles_nothing(body: str) -> None:
    with pytest.raises(UnsettledError, match="nobody"):
        lane(FakeCloud(end="OVERTAKEN")).settle(body)


@pytest.mark.parametrize("poison", ["", "{", "[]", '{"reference": {}}'])
def test_what_is_no_delivery_document_is_refused_before_anything_is_called(poison: str) -> None:
    cloud = FakeCloud()
    with pytest.raises(MalformedDeliveryError):
        lane(cloud).settle(poison)
    assert (cloud.ran, cloud.started) == ([], {})


def test_a_retry_after_on_record_is_the_previous_delay(delivery: Delivery) -> None:
    record = {
        **RETRY_ON_RECORD,
        "retryHistory": [{**RETRY_ON_RECORD["retryHistory"][0], "retryAfterSeconds": 3}],  # type: ignore[index]
    }
    assert resumed(delivery.to_document(), record)["previousDelaySeconds"] == 3


@pytest.mark.parametrize(
    ("status", "verdict"), [("FAILED", "GIVE_UP"), ("MAX_RETRIES_EXCEEDED", "RETRY")]
)
def test_a_dead_letter_from_the_record_says_why_like_any_other(
    delivery: Delivery, status: str, verdict: str
) -> None:
    dead = parked(delivery.to_document(), failure_on_record(status))
    assert (dead["attemptNumber"], dead["attempts"]) == (2, 3)
    assert dead["verdict"] == {
        "verdict": verdict,
        "category": "SERVER_ERROR",
        "reason": "HTTP 500",
        "status": status,
    }
    assert dead["request"] == delivery.to_document()["request"]

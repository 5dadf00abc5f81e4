"""Interventions, repeated, raced and interrupted: none duplicates or loses a delivery."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from execution_input import LARGE_PAYLOADS, read_input

from homing.delivery import Delivery, Reference, document_text
from homing.dispatch.executions import Execution
from homing.items import from_dynamodb, to_dynamodb
from homing.ledger.generation import execution_name, redriven
from homing.ledger.record import Record
from homing.ledger.table import Ledger
from homing.payloads.reference import PayloadReference
from homing.recovery.interventions import Interventions, Result
from homing.timestamps import from_text

NOW = datetime(2025, 12, 29, 12, 0, 0, 500_000, tzinfo=UTC)


class StartFailedError(Exception):
    """Stands for a Step Functions call that failed."""


@dataclass
class FakeWorkflow:
    """A Standard workflow that may fail to start."""

    started: dict[str, dict[str, Any]] = field(default_factory=dict)
    running: dict[str, Execution] = field(default_factory=dict)
    broken: bool = False

    def start(self, name: str, document: str) -> bool:
        if self.broken:
            raise StartFailedError
        given = read_input(document)
        is_new = name not in self.started
        self.started.setdefault(name, given)
        return is_new

    def describe(self, name: str) -> Execution | None:
        return self.running.get(name)


@dataclass
class Bench:
    """The interventions, with a ledger in moto and a fake workflow."""

    table: Any
    reference: Reference
    workflow: FakeWorkflow = field(default_factory=FakeWorkflow)
    payloads: set[PayloadReference] = field(default_factory=set)
    renewed: list[PayloadReference] = field(default_factory=list)

    def renew(self, claim: PayloadReference) -> bool:
        self.renewed.append(claim)
        return claim in self.payloads

    @property
    def interventions(self) -> Interventions:
        table = Ledger(self.table.name, self.table.client)
        workflow: Any = self.workflow
        return Interventions(table, workflow, self.renew)

    def put(self, **attributes: Any) -> None:
        """Write a record of attempt 2, which failed for good, with these attributes replaced."""
        record = {
            "pk": self.reference.pk,
            "sk": self.reference.sk,
            "createdAt": self.reference.created_at,
            "status": "MAX_RETRIES_EXCEEDED",
            "attempts": 3,
            "retryHistory": [{"attemptNumber": number} for number in range(3)],
            "maxRetriesExceeded": True,
            "attention": "MAX_RETRIES_EXCEEDED#0",
            "senderAttention": "default#MAX_RETRIES_EXCEEDED#0",
            "attentionAt": "2025-12-28T13:00:00.000Z",
            "lastUpdatedAt": "2025-12-28T13:00:00.000Z",
            "ttl": 1_769_515_200,
        }
        item = {**record, **attributes}
        self.table.client.put_item(
            TableName=self.table.name,
            Item={name: to_dynamodb(value) for name, value in item.items() if value is not None},
        )

    def record(self) -> dict[str, Any]:
        (item,) = self.table.items()
        return from_dynamodb(item)


@pytest.fixture
def bench(ledger_table: Any, reference: Reference) -> Bench:
    return Bench(ledger_table, reference)


@pytest.fixture
def dead_letter(delivery: Delivery) -> dict[str, Any]:
    """The dead letter of the third attempt."""
    return {**delivery.to_document(), "attemptNumber": 2, "attempts": 3}


def redrive(bench: Bench, dead_letter: dict[str, Any]) -> Result:
    return bench.interventions.redrive_dead_letter(dead_letter, bench.reference, now=NOW)


def test_a_redrive_starts_attempts_anew_and_keeps_what_was(
    bench: Bench, dead_letter: dict[str, Any]
) -> None:
    bench.put()
    assert redrive(bench, dead_letter) is Result.REDRIVEN
    record = bench.record()
    assert (record["status"], record["attempts"], record["generation"]) == ("QUEUED", 0, 1)
    assert len(record["retryHistory"]) == 3
    assert record["redriveHistory"] == [
        {
            "timestamp": "2025-12-29T12:00:00.500Z",
            "status": "MAX_RETRIES_EXCEEDED",
            "attempts": 3,
            "attemptsOnRecord": 3,
        }
    ]
    assert "maxRetriesExceeded" not in record
    assert record["attention"] == f"QUEUED#{bench.reference.delivery_id[0]}"
    assert record["attentionAt"] == record["nextRetryAt"]
    ((name, document),) = bench.workflow.started.items()
    assert name == record["executionName"] == execution_name(bench.reference.delivery_id, 1)
    assert Delivery.from_document(document).attempt_number == 0
    assert document["request"] == dead_letter["request"]
    assert document["dueAt"] == "2025-12-29T12:00:01Z"
    due = from_text(document["dueAt"]).timestamp()
    assert document["expiresAt"] == record["ttl"] == due + 30 * 86_400


CLAIM = PayloadReference("45-days/a/b", 5_000_000, "digest")


def claimed(dead_letter: dict[str, Any]) -> dict[str, Any]:
    request = {key: value for key, value in dead_letter["request"].items() if key != "payload"}
    return {**dead_letter, "request": {**request, "claim": CLAIM.to_document()}}


def test_a_large_payload_is_kept_for_as_long_as_the_new_attempts_may_take(
    bench: Bench, dead_letter: dict[str, Any]
) -> None:
    bench.put()
    bench.payloads.add(CLAIM)
    assert redrive(bench, claimed(dead_letter)) is Result.REDRIVEN
    assert bench.renewed == [CLAIM]
    (document,) = bench.workflow.started.values()
    assert document["request"]["claim"] == CLAIM.to_document()


def test_a_delivery_whose_payload_has_expired_is_not_redriven_and_keeps_its_dead_letter(
    bench: Bench, dead_letter: dict[str, Any]
) -> None:
    bench.put(deadLetter=json.dumps(claimed(dead_letter)))
    before = bench.record()
    assert redrive(bench, claimed(dead_letter)) is Result.DEAD_LETTER_MISSING
    assert bench.interventions.redrive(bench.reference, now=NOW) is Result.DEAD_LETTER_MISSING
    assert (bench.record(), bench.workflow.started) == (before, {})


def test_a_redrive_sums_up_the_oldest_of_a_long_history(
    bench: Bench, dead_letter: dict[str, Any]
) -> None:
    history = [
        {"attemptNumber": number, "timestamp": f"t{number:02}", "errorCategory": "TIMEOUT"}
        for number in range(21)
    ]
    bench.put(retryHistory=history)
    assert redrive(bench, dead_letter) is Result.REDRIVEN
    record = bench.record()
    assert record["retryHistory"] == history[1:]
    assert record["redriveHistory"][0]["attemptsOnRecord"] == 20
    assert record["historySummary"] == {
        "attempts": 1,
        "redrives": 0,
        "byCategory": {"TIMEOUT": 1},
        "firstTimestamp": "t00",
        "lastTimestamp": "t00",
    }


def test_a_redrive_that_broke_off_before_the_start_is_finished_by_the_next_one(
    bench: Bench, dead_letter: dict[str, Any]
) -> None:
    bench.put(deadLetter=json.dumps(dead_letter))
    bench.workflow.broken = True
    with pytest.raises(StartFailedError):
        redrive(bench, dead_letter)
    bench.workflow.broken = False
    assert redrive(bench, dead_letter) is Result.ALREADY_REDRIVEN
    assert bench.interventions.redrive(bench.reference, now=NOW) is Result.ALREADY_REDRIVEN
    ((name, document),) = bench.workflow.started.items()
    assert name == bench.record()["executionName"]
    assert document["generation"] == bench.record()["generation"] == 1


def test_a_dead_letter_that_was_redriven_before_starts_nothing_even_if_the_delivery_failed_again(
    bench: Bench, dead_letter: dict[str, Any]
) -> None:
    bench.put(generation=1, attempts=1, executionName="the-execution", claimedAttempt=0)
    assert redrive(bench, dead_letter) is Result.ALREADY_REDRIVEN
    assert bench.workflow.started == {}


def test_the_dead_letter_of_the_second_failure_starts_the_next_generation(
    bench: Bench, dead_letter: dict[str, Any]
) -> None:
    bench.put(generation=1, executionName="the-execution", claimedAttempt=2)
    assert redrive(bench, {**dead_letter, "generation": 1}) is Result.REDRIVEN
    assert list(bench.workflow.started) == [execution_name(bench.reference.delivery_id, 2)]
    assert "claimedAttempt" not in bench.record()


@pytest.mark.parametrize(
    ("attributes", "result"),
    [
        ({"status": "DELIVERED"}, Result.ENDED),
        ({"status": "CANCELLED"}, Result.ENDED),
        ({"status": "RETRY_SCHEDULED"}, Result.UNDER_WAY),
    ],
)
def test_what_has_arrived_was_cancelled_or_is_under_way_is_not_redriven(
    bench: Bench, dead_letter: dict[str, Any], attributes: dict[str, Any], result: Result
) -> None:
    bench.put(**attributes)
    before = bench.record()
    assert redrive(bench, dead_letter) is result
    assert bench.record() == before
    assert bench.workflow.started == {}


@pytest.mark.parametrize("attributes", [{"status": "RETRY_SCHEDULED", "attempts": 2}, None])
def test_a_failure_that_the_ledger_never_heard_of_is_redriven_all_the_same(
    bench: Bench, dead_letter: dict[str, Any], attributes: dict[str, Any] | None
) -> None:
    """The ledger was down when it failed: its record is older than the dead letter, or missing."""
    if attributes:
        bench.put(**attributes)
    assert redrive(bench, dead_letter) is Result.REDRIVEN
    assert bench.record()["status"] == "QUEUED"
    assert len(bench.workflow.started) == 1


def test_a_surplus_dead_letter_does_not_restart_a_delivery_in_progress(
    bench: Bench, dead_letter: dict[str, Any]
) -> None:
    """An immediate retry was made while Lambda was down, and both executions dead-lettered it."""
    name = execution_name(bench.reference.delivery_id, 2)
    bench.put(status="QUEUED", attempts=0, generation=2, executionName=name)
    bench.workflow.running[name] = Execution(is_running=True, document=dead_letter)
    assert redrive(bench, {**dead_letter, "generation": 2}) is Result.UNDER_WAY
    assert bench.workflow.started == {}


def test_a_redrive_by_id_that_broke_off_before_its_start_is_finished_by_the_next_one(
    bench: Bench, delivery: Delivery
) -> None:
    """See docs/decisions/0054: the old execution keeps the payload until the new one starts."""
    bench.put()
    ended = Execution(is_running=False, document=delivery.to_document())
    bench.workflow.running[bench.reference.delivery_id] = ended
    bench.workflow.broken = True
    with pytest.raises(StartFailedError):
        bench.interventions.redrive(bench.reference, now=NOW)
    bench.workflow.broken = False
    assert bench.interventions.redrive(bench.reference, now=NOW) is Result.ALREADY_REDRIVEN
    (document,) = bench.workflow.started.values()
    assert document["request"] == delivery.to_document()["request"]


class RepeatingTable(Ledger):
    """A ledger whose client repeats an update, since the first response was lost."""

    def redrive(self, *arguments: Any, at: str) -> bool:
        return super().redrive(*arguments, at=at) and super().redrive(*arguments, at=at)


def test_a_redrive_whose_update_boto3_has_retried_is_started(
    bench: Bench, dead_letter: dict[str, Any]
) -> None:
    """See docs/decisions/0054: the second update is refused because of the first."""
    bench.put()
    table = RepeatingTable(bench.table.name, bench.table.client)
    interventions = Interventions(table, bench.workflow, bench.renew)  # type: ignore[arg-type]  # a fake
    result = interventions.redrive_dead_letter(dead_letter, bench.reference, now=NOW)
    assert result is Result.REDRIVEN
    assert list(bench.workflow.started) == [execution_name(bench.reference.delivery_id, 1)]


def test_of_two_redrives_at_once_one_changes_the_record(
    bench: Bench, dead_letter: dict[str, Any]
) -> None:
    bench.put()
    seen = Record.from_attributes(bench.record())
    document = redriven(dead_letter, 1, NOW)
    table = Ledger(bench.table.name, bench.table.client)
    arguments = (bench.reference, seen, document, "name")
    assert table.redrive(*arguments, at="2025-12-29T12:00:00.000Z")
    assert not table.redrive(*arguments, at="2025-12-29T12:00:00.000Z")


def test_without_the_dead_letter_the_payload_comes_from_the_record_or_from_the_execution(
    bench: Bench, dead_letter: dict[str, Any], delivery: Delivery
) -> None:
    bench.put()
    assert bench.interventions.redrive(bench.reference, now=NOW) is Result.DEAD_LETTER_MISSING
    handed_off = Execution(is_running=False, document=delivery.to_document())
    bench.workflow.running[bench.reference.delivery_id] = handed_off
    assert bench.interventions.redrive(bench.reference, now=NOW) is Result.REDRIVEN
    (document,) = bench.workflow.started.values()
    assert document["request"] == dead_letter["request"]


@pytest.mark.parametrize(
    ("attributes", "result"),
    [
        ({"status": "DELIVERED"}, Result.ENDED),
        ({"status": "CANCELLED"}, Result.ENDED),
        ({"status": "RETRY_SCHEDULED"}, Result.UNDER_WAY),
        ({"status": "QUEUED"}, Result.UNDER_WAY),
        (None, Result.UNDER_WAY),
    ],
)
def test_by_its_id_only_a_failed_delivery_is_redriven(
    bench: Bench, attributes: dict[str, Any] | None, result: Result
) -> None:
    if attributes:
        bench.put(**attributes)
    assert bench.interventions.redrive(bench.reference, now=NOW) is result
    assert bench.workflow.started == {}


WAITING = {
    "status": "RETRY_SCHEDULED",
    "attempts": 1,
    "nextRetryAt": "2025-12-30T12:00:00.000Z",
    "retryHistory": [{"attemptNumber": 0, "exponentialDelay": 86_400, "jitterApplied": 0.25}],
}


def sleeping(delivery: Delivery, *, is_running: bool = True) -> Execution:
    return Execution(is_running, delivery.to_document())


def test_a_wait_cut_short_starts_the_attempt_in_the_next_generation_and_writes_nothing(
    bench: Bench, delivery: Delivery
) -> None:
    bench.put(**WAITING)
    before = bench.record()
    bench.workflow.running[bench.reference.delivery_id] = sleeping(delivery)
    for _ in range(2):
        assert bench.interventions.retry_now(bench.reference, now=NOW) is Result.RETRIED_NOW
    assert bench.record() == before
    ((name, document),) = bench.workflow.started.items()
    assert name == f"{bench.reference.delivery_id}-1-1"
    assert (document["attemptNumber"], document["attempts"], document["generation"]) == (1, 2, 1)
    assert document["dueAt"] == "2025-12-29T12:00:01Z"
    assert document["previousDelaySeconds"] == 86_400.25


@pytest.fixture(params=LARGE_PAYLOADS)
def large(request: pytest.FixtureRequest, delivery: Delivery) -> Delivery:
    """A delivery with the largest payload that is sent inline, not in ASCII."""
    payload = LARGE_PAYLOADS[request.param]
    return replace(delivery, request=replace(delivery.request, payload=payload))


def test_a_dead_letter_is_redriven_however_much_text_the_payload_has(
    bench: Bench, large: Delivery
) -> None:
    bench.put()
    dead_letter = {**large.to_document(), "attemptNumber": 2, "attempts": 3}
    assert redrive(bench, dead_letter) is Result.REDRIVEN
    (document,) = bench.workflow.started.values()
    assert document["request"] == dead_letter["request"]


def test_a_redrive_that_broke_off_is_taken_up_however_much_text_the_payload_has(
    bench: Bench, large: Delivery
) -> None:
    bench.put(deadLetter=document_text(large.to_document()))
    bench.workflow.broken = True
    with pytest.raises(StartFailedError):
        bench.interventions.redrive(bench.reference, now=NOW)
    bench.workflow.broken = False
    assert bench.interventions.redrive(bench.reference, now=NOW) is Result.ALREADY_REDRIVEN
    assert len(bench.workflow.started) == 1


def test_a_wait_is_cut_short_however_much_text_the_payload_has(
    bench: Bench, large: Delivery
) -> None:
    bench.put(**WAITING)
    bench.workflow.running[bench.reference.delivery_id] = sleeping(large)
    assert bench.interventions.retry_now(bench.reference, now=NOW) is Result.RETRIED_NOW
    assert len(bench.workflow.started) == 1


def test_a_scheduled_delivery_is_hastened_before_its_first_attempt(
    bench: Bench, delivery: Delivery
) -> None:
    waiting = {**WAITING, "status": "QUEUED", "attempts": 0, "retryHistory": []}
    bench.put(**waiting)
    bench.workflow.running[bench.reference.delivery_id] = sleeping(delivery)
    assert bench.interventions.retry_now(bench.reference, now=NOW) is Result.RETRIED_NOW
    assert list(bench.workflow.started) == [f"{bench.reference.delivery_id}-1-0"]


@pytest.mark.parametrize(
    ("attributes", "is_running", "result"),
    [
        ({**WAITING, "status": "DELIVERED"}, True, Result.ENDED),
        ({**WAITING, "claimedAttempt": 1}, True, Result.UNDER_WAY),
        (WAITING, False, Result.NOT_WAITING),
        (WAITING, None, Result.NOT_WAITING),
    ],
)
def test_a_delivery_that_does_not_wait_is_not_tried_now(
    bench: Bench,
    delivery: Delivery,
    attributes: dict[str, Any],
    is_running: bool | None,
    result: Result,
) -> None:
    bench.put(**attributes)
    if is_running is not None:
        execution = sleeping(delivery, is_running=is_running)
        bench.workflow.running[bench.reference.delivery_id] = execution
    assert bench.interventions.retry_now(bench.reference, now=NOW) is result
    assert bench.workflow.started == {}


def cancel(bench: Bench) -> Result:
    return bench.interventions.cancel(bench.reference, now=NOW, expires_at=4_102_444_800)


@pytest.mark.parametrize("attributes", [WAITING, None])
def test_a_cancelled_delivery_has_an_end_on_record_however_often_it_is_cancelled(
    bench: Bench, attributes: dict[str, Any] | None
) -> None:
    if attributes:
        bench.put(**attributes)
    assert [cancel(bench), cancel(bench)] == [Result.CANCELLED, Result.CANCELLED]
    record = bench.record()
    assert record["status"] == "CANCELLED"
    assert "nextRetryAt" not in record
    assert record["attention"] == f"CANCELLED#{bench.reference.delivery_id[0]}"
    assert record["attentionAt"] == record["lastUpdatedAt"]
    assert record["lastUpdatedAt"] == "2025-12-29T12:00:00.500Z"


@pytest.mark.parametrize("status", ["DELIVERED", "FAILED", "MAX_RETRIES_EXCEEDED"])
def test_what_has_ended_cannot_be_cancelled(bench: Bench, status: str) -> None:
    bench.put(status=status)
    before = bench.record()
    assert cancel(bench) is Result.ENDED
    assert bench.record() == before


def test_a_record_of_an_older_message_under_the_same_key_is_not_changed(
    bench: Bench, dead_letter: dict[str, Any]
) -> None:
    """See docs/decisions/0022."""
    bench.put(createdAt="2025-01-01T00:00:00.000Z")
    before = bench.record()
    assert redrive(bench, dead_letter) is Result.UNDER_WAY
    assert cancel(bench) is Result.ENDED
    assert bench.record() == before


def test_only_a_redriven_dead_letter_may_be_deleted() -> None:
    done = {result for result in Result if result.settles_dead_letter}
    assert done == {Result.REDRIVEN, Result.ALREADY_REDRIVEN, Result.ENDED}

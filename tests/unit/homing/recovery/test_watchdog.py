"""What the watchdog does with an overdue delivery, and that it can be repeated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from execution_input import read_input

from homing.delivery import Delivery, Reference
from homing.dispatch.executions import Execution
from homing.items import from_dynamodb, to_dynamodb
from homing.ledger.table import Ledger
from homing.recovery.watchdog import GRACE, Examined, Finding, Watchdog
from homing.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2025, 12, 29, 12, 0, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=2)
RETRY = {
    "attemptNumber": 0,
    "errorCategory": "SERVER_ERROR",
    "errorDetails": {"message": "HTTP 503"},
    "exponentialDelay": 1,
    "jitterApplied": 0,
}


class RefusedError(ClientError):
    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "ThrottlingException"}}, "DescribeExecution")


@dataclass
class FakeWorkflow:
    """A Standard workflow; None stands for an execution that cannot be described."""

    executions: dict[str, Execution | None] = field(default_factory=dict)
    started: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_broken: bool = False

    def start(self, name: str, document: str) -> bool:
        if self.is_broken:
            raise RefusedError
        is_new = name not in self.executions
        if is_new:
            self.started[name] = read_input(document)
            self.executions[name] = Execution(is_running=True, document=self.started[name])
        return is_new

    def describe(self, name: str) -> Execution | None:
        found = self.executions.get(name)
        if name in self.executions and found is None:
            raise RefusedError
        return found


@dataclass
class Bench:
    """The watchdog, with a ledger in moto, a fake workflow and a fake dead-letter queue."""

    table: Any
    delivery: Delivery
    workflow: FakeWorkflow = field(default_factory=FakeWorkflow)
    dead_letters: list[Mapping[str, Any]] = field(default_factory=list)

    def send(self, document: Mapping[str, Any]) -> None:
        self.dead_letters.append(document)

    @property
    def reference(self) -> Reference:
        return self.delivery.reference

    @property
    def name(self) -> str:
        return self.reference.delivery_id

    def put(self, **attributes: Any) -> None:
        """Write the record of a retry that has been due for two hours, changed by `attributes`."""
        reference = self.reference.to_document()
        item = {
            **{name: reference[name] for name in ("pk", "sk", "messageId", "senderId")},
            **{name: reference[name] for name in ("timestamp", "targetUrl", "correlationId")},
            "createdAt": self.reference.created_at,
            "status": "RETRY_SCHEDULED",
            "attempts": 1,
            "retryHistory": [RETRY],
            "nextRetryAt": to_text(LONG_AGO),
            "generation": 0,
            "executionName": self.name,
            "claimedAttempt": 1,
            "attention": f"RETRY_SCHEDULED#{self.name[0]}",
            "attentionAt": to_text(LONG_AGO),
            "lastUpdatedAt": to_text(LONG_AGO),
            "ttl": 1_769_515_200,
            **attributes,
        }
        self.table.client.put_item(
            TableName=self.table.name,
            Item={name: to_dynamodb(value) for name, value in item.items() if value is not None},
        )

    def execute(self, **about: Any) -> None:
        """Add the execution that has the delivery; by default it was stopped two hours ago."""
        stopped = Execution(
            is_running=False, document=self.delivery.to_document(), stopped_at=LONG_AGO
        )
        self.workflow.executions[self.name] = replace(stopped, **about)

    def run(self, now: datetime = NOW) -> list[Examined]:
        ledger = Ledger(self.table.name, self.table.client)
        workflow: Any = self.workflow
        queue: Any = self
        return list(Watchdog(ledger, workflow, queue).run(now, lambda: True))

    def findings(self, now: datetime = NOW) -> list[Finding]:
        return [each.finding for each in self.run(now)]

    def record(self) -> dict[str, Any]:
        (item,) = self.table.items()
        return from_dynamodb(item)


@pytest.fixture
def bench(ledger_table: Any, delivery: Delivery) -> Bench:
    return Bench(ledger_table, delivery)


RUNNING = {"is_running": True, "stopped_at": None}


@pytest.mark.parametrize(
    ("execution", "finding"),
    [
        pytest.param({}, Finding.TAKEN_UP, id="stopped"),
        pytest.param({"stopped_at": NOW - GRACE}, Finding.TAKEN_UP, id="stopped long enough ago"),
        pytest.param(
            {"stopped_at": NOW - GRACE + timedelta(seconds=1)},
            Finding.UNDER_WAY,
            id="stopped so lately that its function may still send",
        ),
        pytest.param(RUNNING, Finding.UNDER_WAY, id="waiting"),
        pytest.param({"has_delivered": True}, Finding.SETTLED, id="delivered, but not recorded"),
        pytest.param(
            {"has_dead_lettered": True}, Finding.SETTLED, id="dead-lettered, but not recorded"
        ),
    ],
)
def test_the_execution_on_record_decides(
    bench: Bench, execution: dict[str, Any], finding: Finding
) -> None:
    bench.put()
    bench.execute(**execution)
    assert bench.findings() == [finding]
    assert bool(bench.workflow.started) == (finding is Finding.TAKEN_UP)
    assert bench.dead_letters == []


def test_the_next_generation_makes_the_attempt_that_was_due_at_once(bench: Bench) -> None:
    bench.put()
    bench.execute()
    bench.run()
    name = f"{bench.name}-1"
    document = Delivery.from_document(bench.workflow.started[name])
    assert (document.attempt_number, document.generation) == (1, 1)
    assert from_text(document.due_at) == NOW
    assert document.request == bench.delivery.request
    record = bench.record()
    assert (record["executionName"], record["generation"]) == (name, 1)
    assert "claimedAttempt" not in record
    kept_for = timedelta(seconds=record["ttl"] - 1_769_515_200)
    assert kept_for == NOW - LONG_AGO
    assert document.expires_at == record["ttl"]


def test_a_delivery_before_its_first_attempt_is_taken_up_from_the_start(bench: Bench) -> None:
    bench.put(
        status="QUEUED",
        attempts=0,
        retryHistory=[],
        claimedAttempt=None,
        attention=f"QUEUED#{bench.name[0]}",
    )
    bench.execute()
    assert bench.findings() == [Finding.TAKEN_UP]
    assert bench.workflow.started[f"{bench.name}-1"]["attemptNumber"] == 0


def test_what_was_taken_up_is_not_taken_up_again_while_it_runs(bench: Bench) -> None:
    bench.put()
    bench.execute()
    bench.run()
    assert bench.findings(NOW + timedelta(hours=1)) == [Finding.UNDER_WAY]
    assert len(bench.workflow.started) == 1


def test_a_run_that_broke_off_before_the_start_is_made_up_for_by_the_next(bench: Bench) -> None:
    bench.put()
    bench.execute()
    bench.workflow.is_broken = True
    (failed,) = bench.run()
    assert failed.finding is Finding.FAILED
    assert isinstance(failed.error, RefusedError)
    bench.workflow.is_broken = False
    assert bench.findings(NOW + GRACE + timedelta(seconds=1)) == [Finding.STARTED]
    ((name, document),) = bench.workflow.started.items()
    assert (name, document["attemptNumber"], document["generation"]) == (f"{bench.name}-1", 1, 1)


def test_an_execution_that_was_never_started_is_left_to_the_queue(bench: Bench) -> None:
    """`dispatch` records the owner of a delivery before it starts that execution."""
    bench.put(claimedAttempt=None)
    assert bench.findings() == [Finding.QUEUED]
    assert bench.workflow.started == {}


def test_what_neither_an_execution_nor_a_queue_can_have_any_more_is_reported_once(
    bench: Bench,
) -> None:
    bench.put(claimedAttempt=None)
    assert bench.findings(LONG_AGO + timedelta(days=28)) == [Finding.QUEUED]
    assert bench.findings(LONG_AGO + timedelta(days=30)) == [Finding.LOST]
    assert bench.findings(LONG_AGO + timedelta(days=60)) == []


def test_a_delivery_that_runs_is_looked_at_again_once_it_is_twice_as_late(bench: Bench) -> None:
    bench.put()
    bench.execute(**RUNNING)
    bench.run()
    assert bench.findings(NOW + timedelta(hours=2)) == []
    assert bench.findings(NOW + timedelta(hours=2) + 2 * GRACE) == [Finding.UNDER_WAY]


def test_what_is_settled_is_never_looked_at_again(bench: Bench) -> None:
    bench.put()
    bench.execute(has_delivered=True)
    bench.run()
    assert bench.findings(NOW + timedelta(days=9)) == []


FAILED = {"status": "MAX_RETRIES_EXCEEDED", "attempts": 3, "nextRetryAt": None}


@pytest.mark.parametrize(
    ("execution", "finding", "dead_letters"),
    [
        pytest.param({}, Finding.DEAD_LETTERED, 1, id="stopped before its dead letter"),
        pytest.param({"has_dead_lettered": True}, Finding.SETTLED, 0, id="only not listed"),
        pytest.param(RUNNING, Finding.UNDER_WAY, 0, id="at it"),
    ],
)
def test_a_failure_without_a_dead_letter_gets_one_and_is_listed(
    bench: Bench, execution: dict[str, Any], finding: Finding, dead_letters: int
) -> None:
    bench.put(**FAILED)
    bench.execute(**execution)
    assert bench.findings() == [finding]
    assert len(bench.dead_letters) == dead_letters
    for dead_letter in bench.dead_letters:
        assert dead_letter["verdict"]["status"] == "MAX_RETRIES_EXCEEDED"
        assert (dead_letter["attempts"], dead_letter["generation"]) == (3, 0)
    is_listed = bench.record()["attention"].startswith("MAX_RETRIES_EXCEEDED#")
    assert is_listed == (finding is not Finding.UNDER_WAY)
    assert bench.workflow.started == {}


def test_one_delivery_that_aws_does_not_describe_does_not_hold_up_the_others(
    bench: Bench,
) -> None:
    bench.put()
    bench.workflow.executions[bench.name] = None
    other = replace(bench.reference, message_id="order-1842")
    ours, bench.delivery = bench.delivery, replace(bench.delivery, reference=other)
    bench.put()
    bench.execute()
    assert sorted(bench.findings()) == [Finding.FAILED, Finding.TAKEN_UP]
    bench.delivery = ours


def test_a_run_ends_when_its_time_is_up_and_the_rest_is_left_for_the_next(bench: Bench) -> None:
    bench.put()
    bench.execute()
    workflow, queue = bench.workflow, bench
    watchdog = Watchdog(Ledger(bench.table.name, bench.table.client), workflow, queue)  # type: ignore[arg-type]
    assert list(watchdog.run(NOW, lambda: False)) == []
    assert bench.findings() == [Finding.TAKEN_UP]


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(
            {"attentionAt": to_text(NOW - GRACE)}, id="due since no longer than it can be"
        ),
        pytest.param({"attention": "FAILED#0"}, id="a failure that is listed"),
        pytest.param({"attention": None, "attentionAt": None}, id="in no list"),
    ],
)
def test_what_is_not_overdue_is_not_looked_at(bench: Bench, record: dict[str, Any]) -> None:
    bench.put(**record)
    assert bench.run() == []

"""`homing drain` ends executions that wait in the Standard workflow, and loses no delivery."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from typer.testing import CliRunner

from homing.items import from_dynamodb
from homing.ledger.claim import AttemptClaim
from homing.ledger.table import Ledger
from homing.recovery.interventions import Interventions, Result
from homing.retry.not_attempted import Superseded
from homing_cli.app import app
from homing_cli.client.executions.waiting import Drain, Drained
from homing_cli.commands import options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homing.delivery import Delivery, Reference

NOW = datetime(2025, 12, 29, 12, 0, tzinfo=UTC)
MACHINE = "arn:aws:states:us-east-1:0:stateMachine:delivery"


class BrokenOffError(Exception):
    """Raised in place of anything that interrupts the command."""


@dataclass
class FakeStates:
    """A Step Functions client with executions, each of which is in one state."""

    running: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    breaks: bool = False

    def get_paginator(self, name: str) -> Any:
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        yield {"executions": [{"executionArn": arn} for arn in self.running]}

    def get_execution_history(self, *, executionArn: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        state, document = self.running[executionArn]
        kind = "WaitStateEntered" if state == "WaitUntilDue" else "TaskStateEntered"
        details = {"name": state, "input": json.dumps(document)}
        return {"events": [{"type": kind, "stateEnteredEventDetails": details}]}

    def stop_execution(self, *, executionArn: str, **_: Any) -> None:  # noqa: N803
        if self.breaks:
            raise BrokenOffError
        self.stopped.append(executionArn)
        del self.running[executionArn]


@dataclass
class FakeTarget:
    """A target whose tables and queues are in moto, and whose workflow is a fake."""

    states: FakeStates
    outputs: dict[str, str]
    endpoint: str | None = None

    def client(self, service: str) -> Any:
        return self.states if service == "stepfunctions" else boto3.client(service)


@dataclass
class Bench:
    target: FakeTarget
    delivery: Delivery
    ledger: Any

    @property
    def reference(self) -> Reference:
        return self.delivery.reference

    @property
    def arn(self) -> str:
        return f"{MACHINE.replace('stateMachine', 'execution')}:{self.reference.delivery_id}"

    def sleeps(self, state: str = "WaitUntilDue") -> None:
        self.target.states.running[self.arn] = (state, self.delivery.to_document())

    def claims(self) -> Any:
        ledger = Ledger("ledger", self.ledger.client)
        ledger.own(self.reference, self.delivery.to_document())
        claim = AttemptClaim(0, self.reference.delivery_id, 0, self.delivery.due_at, 4_000_000_000)
        return ledger.claim(self.reference, claim)

    def record(self) -> Mapping[str, Any]:
        (item,) = self.ledger.client.scan(TableName="ledger")["Items"]
        return from_dynamodb(item)

    def dead_letters(self) -> list[dict[str, Any]]:
        found = boto3.client("sqs").receive_message(
            QueueUrl=self.target.outputs["DeadLetterQueueUrl"], MaxNumberOfMessages=10
        )
        return [json.loads(each["Body"]) for each in found.get("Messages", [])]

    def drain(self) -> list[Drained]:
        draining = Drain(self.target, lambda: NOW)  # type: ignore[arg-type]
        return [draining.dead_letter(one) for one in draining.waiting()]


@pytest.fixture
def bench(aws: None, ledger_table: Any, delivery: Delivery) -> Bench:
    queue = boto3.client("sqs").create_queue(QueueName="dead-letters")["QueueUrl"]
    outputs = {
        "StateMachineArn": MACHINE,
        "LedgerTable": "ledger",
        "DeadLetterQueueUrl": queue,
        "PayloadBucket": "payloads",
    }
    return Bench(FakeTarget(FakeStates(), outputs), delivery, ledger_table)


@dataclass
class Starts:
    """A Standard workflow that is asked to start executions."""

    started: dict[str, str] = field(default_factory=dict)

    def start(self, name: str, document: str) -> bool:
        self.started[name] = document
        return True

    def describe(self, name: str) -> None:
        return None


def test_what_waits_becomes_a_dead_letter_and_its_execution_is_stopped(bench: Bench) -> None:
    bench.sleeps()
    assert bench.drain() == [Drained.DEAD_LETTERED]
    assert bench.target.states.stopped == [bench.arn]
    (dead_letter,) = bench.dead_letters()
    assert dead_letter["request"] == bench.delivery.to_document()["request"]
    assert (bench.record()["status"], bench.record()["attempts"]) == ("FAILED", 0)


def test_its_dead_letter_can_be_redriven(bench: Bench) -> None:
    bench.sleeps()
    bench.drain()
    table, starts = Ledger("ledger", boto3.client("dynamodb")), Starts()
    acting = Interventions(table, starts, lambda _: True)  # type: ignore[arg-type]
    (dead_letter,) = bench.dead_letters()
    assert acting.redrive_dead_letter(dead_letter, bench.reference, now=NOW) is Result.REDRIVEN
    assert len(starts.started) == 1


def test_an_execution_that_wakes_up_after_all_sends_nothing(bench: Bench) -> None:
    bench.sleeps()
    bench.drain()
    assert bench.claims() == Superseded()


def test_a_run_that_broke_off_before_the_stop_is_finished_by_the_next(bench: Bench) -> None:
    bench.sleeps()
    bench.target.states.breaks = True
    with pytest.raises(BrokenOffError):
        bench.drain()
    bench.target.states.breaks = False
    assert bench.drain() == [Drained.DEAD_LETTERED]
    assert bench.target.states.running == {}
    assert bench.dead_letters()  # once or twice, but never not at all


@pytest.mark.parametrize("state", ["Deliver", "Classify", "RecordRetry"])
def test_an_attempt_in_progress_is_not_stopped(bench: Bench, state: str) -> None:
    bench.sleeps(state)
    assert bench.drain() == [Drained.UNDER_WAY]
    assert bench.target.states.running
    assert bench.dead_letters() == []


def test_a_superseded_wait_is_not_dead_lettered(bench: Bench) -> None:
    bench.claims()  # with the delivery's own name
    bench.sleeps()
    bench.target.states.running = {f"{bench.arn}-1": bench.target.states.running.pop(bench.arn)}
    assert bench.drain() == [Drained.UNDER_WAY]
    assert bench.dead_letters() == []


def test_what_was_cancelled_before_is_only_stopped(bench: Bench) -> None:
    table = Ledger("ledger", boto3.client("dynamodb"))
    assert table.cancel(bench.reference, at="2025-12-29T12:00:00.000Z", expires_at=4_000_000_000)
    bench.sleeps()
    assert bench.drain() == [Drained.STOPPED]
    assert bench.dead_letters() == []
    assert bench.record()["status"] == "CANCELLED"


def test_the_command_lists_first_and_ends_what_waits_on_request(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "find_target", lambda *_: bench.target)
    bench.sleeps()
    listed = CliRunner().invoke(app, ["drain"])
    assert listed.exit_code == 1
    assert bench.reference.message_id in listed.stdout
    assert "1 in the Standard workflow" in listed.stdout
    ended = CliRunner().invoke(app, ["drain", "--cancel"])
    assert (ended.exit_code, ended.stdout) == (0, "1 cancelled\n")
    again = CliRunner().invoke(app, ["drain"])
    assert (again.exit_code, again.stdout) == (0, "0 in the Standard workflow\n")


def test_one_way_to_end_what_waits_is_enough() -> None:
    assert CliRunner().invoke(app, ["drain", "--cancel", "--dead-letter"]).exit_code == 2

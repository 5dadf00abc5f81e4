"""`homing dead-letters redrive`, broken off and repeated, over a queue in moto."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from homing.recovery.interventions import Result
from homing_cli import app
from homing_cli.client.queues.dead_letters import count
from homing_cli.client.recovery import Done
from homing_cli.commands import recovery

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import typer.testing

    from homing.delivery import Delivery
    from homing_cli.client.queues.held_dead_letters import HeldDeadLetter

DEAD_LETTERS = 12  # more than a queue hands out at once
VERDICT = {"status": "FAILED", "category": "GONE", "reason": "HTTP 410"}


def without_waiting(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Moto waits in real time for messages that do not come."""
    return {**params, "WaitTimeSeconds": 0}


class QueueTarget:
    """A target that has nothing but a dead-letter queue."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs", region_name="us-east-1")
        self.sqs.meta.events.register("provide-client-params.sqs.ReceiveMessage", without_waiting)
        self.outputs = {"DeadLetterQueueUrl": self.sqs.create_queue(QueueName="dead")["QueueUrl"]}

    def client(self, service: str) -> Any:
        assert service == "sqs"
        return self.sqs


class Redrives:
    """Stands for `Actions`: starts nothing, and deletes each dead letter as it should."""

    def __init__(self, _target: object) -> None:
        pass

    def redrive_dead_letters(self, dead_letters: Iterable[HeldDeadLetter]) -> Iterator[Done]:
        for held in dead_letters:
            held.delete()
            yield Done(held.dead_letter.reference, Result.REDRIVEN)


@pytest.fixture
def target(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueTarget]:
    """The dead letters `m-0` to `m-11`."""
    with mock_aws():
        made = QueueTarget()
        for number in range(DEAD_LETTERS):
            reference = replace(delivery.reference, message_id=f"m-{number}")
            document = replace(delivery, reference=reference).to_document() | {"verdict": VERDICT}
            made.sqs.send_message(
                QueueUrl=made.outputs["DeadLetterQueueUrl"], MessageBody=json.dumps(document)
            )
        monkeypatch.setattr("homing_cli.commands.options.find_target", lambda *_: made)
        monkeypatch.setattr(recovery, "Actions", Redrives)
        monkeypatch.setattr(recovery, "sleep", lambda _: None)
        yield made


def redrive(*options: str) -> typer.testing.Result:
    return CliRunner().invoke(app.app, ["dead-letters", "redrive", *options])


def interrupt_after(dead_letters: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Ctrl-C pressed in the pause after so many dead letters."""
    pauses = iter(range(1, DEAD_LETTERS + 1))

    def sleep(_: float) -> None:
        if next(pauses) == dead_letters:
            raise KeyboardInterrupt

    monkeypatch.setattr(recovery, "sleep", sleep)


def test_interrupted_and_run_again_at_once_it_brings_all_back(
    target: QueueTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as pressed:
        interrupt_after(3, pressed)
        first = redrive("--all", "--rate", "1")
    assert first.exit_code == 130
    assert first.stdout.splitlines()[-1] == "3 redriven"
    second = redrive("--all")
    assert (second.exit_code, second.stdout.splitlines()[-1]) == (0, "9 redriven")
    assert count(target) == 0  # type: ignore[arg-type]


@pytest.mark.usefixtures("target")
def test_interrupted_with_json_it_tells_what_has_been_brought_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupt_after(2, monkeypatch)
    done = redrive("--all", "--json")
    assert done.exit_code == 130
    assert len(json.loads(done.stdout)["deliveries"]) == 2


@pytest.mark.parametrize(("options", "exit_code"), [(("--all",), 1), (("m-11",), 0)])
def test_messages_held_by_another_command_are_reported(
    target: QueueTarget, options: tuple[str, ...], exit_code: int
) -> None:
    target.sqs.receive_message(
        QueueUrl=target.outputs["DeadLetterQueueUrl"], MaxNumberOfMessages=5, VisibilityTimeout=60
    )
    done = redrive(*options)
    assert done.exit_code == exit_code
    assert "read 7 of about 12 dead letters" in done.stderr


@pytest.mark.usefixtures("target")
def test_a_dry_run_shows_all_and_leaves_them_in_the_queue() -> None:
    for _ in range(2):
        done = redrive("--all", "--dry-run")
        assert (done.exit_code, done.stdout) == (0, f"{DEAD_LETTERS} would be redriven\n")

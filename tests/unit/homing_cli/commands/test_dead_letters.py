"""`homing dead-letters show`: whose dead letter it shows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from homing_cli import app
from homing_cli.client.queues.dead_letters import DeadLetter, Look
from homing_cli.commands import reading

if TYPE_CHECKING:
    from homing.delivery import Delivery

VERDICT = {"status": "FAILED", "category": "GONE", "reason": "HTTP 410"}


@pytest.fixture(autouse=True)
def two_senders(monkeypatch: pytest.MonkeyPatch, delivery: Delivery) -> None:
    """Two senders whose messages have the same id, both of them dead-lettered."""
    found = []
    for sender in ("default", "shop"):
        own = replace(delivery, reference=replace(delivery.reference, sender_id=sender))
        found.append(DeadLetter.from_body(json.dumps(own.to_document() | {"verdict": VERDICT})))
    dead_letters = tuple(one for one in found if one)
    monkeypatch.setattr("homing_cli.commands.options.find_target", lambda *_: None)
    monkeypatch.setattr(reading.dead_letters, "look", lambda *_: Look(2, dead_letters, ()))
    monkeypatch.delenv("HOMING_STACK", raising=False)


@pytest.mark.parametrize(
    ("options", "senders"), [([], ["default", "shop"]), (["--sender", "shop"], ["shop"])]
)
def test_dead_letters_of_an_id_used_by_two_senders_can_be_shown_for_one_sender(
    options: list[str], senders: list[str]
) -> None:
    command = ["dead-letters", "show", "order-1841", "--json", *options]
    shown = json.loads(CliRunner().invoke(app.app, command).stdout)
    assert [one["reference"]["senderId"] for one in shown] == senders


def test_a_sender_without_such_a_dead_letter_gets_a_message_that_says_so() -> None:
    done = CliRunner().invoke(app.app, ["dead-letters", "show", "order-1841", "--sender", "x"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "homing: no dead letter of message order-1841 of sender x (2 dead letters)\n"
    )


@pytest.fixture
def to_endpoints(monkeypatch: pytest.MonkeyPatch, delivery: Delivery) -> None:
    """Three dead letters: to the endpoints `orders` and `stock`, and to a plain URL."""
    dead_letters = []
    for number, endpoint_id in enumerate(("orders", "stock", None)):
        changed = {"message_id": f"m-{number}", "endpoint_id": endpoint_id}
        own = replace(delivery, reference=replace(delivery.reference, **changed))  # type: ignore[arg-type]
        dead_letters.append(
            DeadLetter.from_body(json.dumps(own.to_document() | {"verdict": VERDICT}))
        )
    found = tuple(one for one in dead_letters if one)
    lines = [json.dumps(one.document) for one in found]
    monkeypatch.setattr(reading.dead_letters, "look", lambda *_: Look(3, found, ()))
    monkeypatch.setattr(reading.dead_letters, "count", lambda *_: 3)
    monkeypatch.setattr(reading.dead_letters, "copies", lambda *_: [*lines, '{"unreadable": ""}'])


@pytest.mark.usefixtures("to_endpoints")
@pytest.mark.parametrize("command", [(), ("list",)])
def test_the_dead_letters_to_one_endpoint_can_be_listed(command: tuple[str, ...]) -> None:
    arguments = ["dead-letters", *command, "--endpoint", "orders"]
    document = json.loads(CliRunner().invoke(app.app, [*arguments, "--json"]).stdout)
    assert [one["messageId"] for one in document["deadLetters"]] == ["m-0"]
    assert document["total"] == 3
    told = CliRunner().invoke(app.app, arguments).stdout
    assert "m-1" not in told
    assert told.splitlines()[-1] == "3 dead letters, 2 to others"


@pytest.mark.usefixtures("to_endpoints")
def test_the_dead_letters_to_one_endpoint_can_be_copied() -> None:
    done = CliRunner().invoke(app.app, ["dead-letters", "list", "--whole", "--endpoint", "stock"])
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["reference"]["messageId"] == "m-1"
    assert done.exit_code == 0

"""`homing deliveries` and `homing dead-letters`: what they list, count and show."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from homing.ledger.delivery_filter import Listed
from homing.retry.classification import Category, Status
from homing_cli import app
from homing_cli.client import many
from homing_cli.client.queues.dead_letters import DeadLetter, Look
from homing_cli.commands import reading

if TYPE_CHECKING:
    from homing.delivery import Delivery

NOON = "2025-12-28T12:00:00.000Z"
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
    monkeypatch.setattr(reading.dead_letters, "count", lambda *_: 3)
    monkeypatch.setattr(reading.dead_letters, "copies", lambda *_: [*lines, '{"unreadable": ""}'])


def listed(number: int, endpoint_id: str | None) -> Listed:
    return Listed(
        pk=f"m-{number}#default",
        sk=f"{NOON}#https://example.com/",
        message_id=f"m-{number}",
        sender_id="default",
        target_url="https://example.com/",
        created_at=NOON,
        status=Status.FAILED,
        attempts=1,
        at=NOON,
        last_updated_at=NOON,
        endpoint_id=endpoint_id,
        category=Category.GONE,
        reason="HTTP 410",
        expires_at=4_102_444_800,
    )


@pytest.fixture
def in_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three failed deliveries in the ledger's index."""
    found = [listed(number, each) for number, each in enumerate(("orders", "orders", None))]
    fake = SimpleNamespace(
        all=lambda wanted, now: [one for one in found if wanted.matches(one, int(now.timestamp()))]
    )
    monkeypatch.setattr(many, "index_of", lambda _: fake)


@pytest.mark.usefixtures("in_index")
@pytest.mark.parametrize("command", [("dead-letters",), ("dead-letters", "list"), ("deliveries",)])
def test_what_matches_is_listed_and_counted_whatever_the_limit_shows(
    command: tuple[str, ...],
) -> None:
    arguments = [*command, "--endpoint", "orders", "--limit", "1"]
    document = json.loads(CliRunner().invoke(app.app, [*arguments, "--json"]).stdout)
    (shown,) = document.get("deadLetters") or document["deliveries"]
    assert (shown["endpointId"], document["total"]) == ("orders", 2)
    assert CliRunner().invoke(app.app, arguments).stdout.splitlines()[-1] == "2 match, 1 shown"


@pytest.mark.usefixtures("in_index")
def test_dead_letters_are_counted_by_what_they_have_in_common() -> None:
    arguments = ["dead-letters", "--group-by", "endpoint", "--group-by", "category"]
    document = json.loads(CliRunner().invoke(app.app, [*arguments, "--json"]).stdout)
    counts = {(each["endpoint"], each["category"]): each["count"] for each in document["groups"]}
    assert counts == {("orders", "GONE"): 2, ("https://example.com/", "GONE"): 1}
    assert CliRunner().invoke(app.app, arguments).stdout.splitlines()[-1] == "3 match"
    wrong = CliRunner().invoke(app.app, ["dead-letters", "--group-by", "colour"])
    assert (wrong.exit_code, "is unknown" in wrong.stderr) == (2, True)


@pytest.mark.usefixtures("to_endpoints")
def test_the_dead_letters_to_one_endpoint_can_be_copied() -> None:
    done = CliRunner().invoke(app.app, ["dead-letters", "list", "--whole", "--endpoint", "stock"])
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["reference"]["messageId"] == "m-1"
    assert done.exit_code == 0

"""Untrusted text cannot affect a terminal, or a program that reads line by line."""

from __future__ import annotations

import io
import json
import unicodedata
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from homing.ledger.delivery_filter import Listed
from homing.retry.classification import Category, Status
from homing_cli import app
from homing_cli.client.deliveries import DeliveryView
from homing_cli.client.queues.dead_letters import DeadLetter, Look
from homing_cli.client.queues.undispatched import UndispatchedMessage
from homing_cli.client.recovery import Done
from homing_cli.commands import options, reading, recovery, watch
from homing_cli.escaping import json_text, say, shown
from homing_cli.terminal import live, render
from homing_cli.traces.execution_history import Attempt, Visit
from homing_cli.traces.story import tell
from homing_cli.traces.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.delivery import Delivery

NOON = datetime(2025, 12, 28, 12, tzinfo=UTC)
HOSTILE = "".join(
    map(
        chr,
        [*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xD800],
    )
)


def is_safe(text: str) -> bool:
    kinds = {"Cc", "Cs", "Zl", "Zp"}
    turns = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    return not any(
        unicodedata.category(each) in kinds or unicodedata.bidirectional(each) in turns
        for each in text
    )


@given(st.text(alphabet=st.characters(codec=None)))
def test_what_is_shown_is_one_line_without_controls(text: str) -> None:
    assert is_safe(shown(text))
    assert len(shown(text).splitlines()) <= 1


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_any_other_text_is_shown_as_it_is(text: str) -> None:
    assert shown(text) == text


def test_each_hostile_character_is_shown_escaped_as_json_escapes_it() -> None:
    assert json.loads(f'"{shown(HOSTILE)}"') == HOSTILE


@given(st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_json_is_printable_ascii_and_says_the_same(document: Any) -> None:
    text = json_text(document)
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == document


def test_what_is_said_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    say(HOSTILE, err=True)
    for told in capsys.readouterr():
        assert told.endswith("\n")
        assert is_safe(told[:-1])


def view(words: str) -> DeliveryView:
    entry = {
        "attemptNumber": 0,
        "timestamp": "2025-12-28T12:00:00.000Z",
        "errorCategory": "TLS_ERROR",
        "errorDetails": {"message": words},
        "responseTime": 12,
        "httpStatus": None,
    }
    return DeliveryView.from_document(
        {
            "messageId": "m-1",
            "senderId": "default",
            "timestamp": "2025-12-28T12:00:00.000Z",
            "targetUrl": f"https://example.com/{words}",
            "correlationId": "m-1",
            "createdAt": "2025-12-28T12:00:00.000Z",
            "status": f"FAILED{words}",
            "attempts": 1,
            "retryHistory": [entry],
        }
    )


def answered(words: str, delivery: Delivery) -> str:
    """Return what `status` says about a response that is in the ledger with the dead letter."""
    kept = delivery.to_document() | {
        "outcome": {"timestamp": "2025-12-28T12:00:00.000Z", "responseBody": words}
    }
    (line,) = render.response_bodies(
        tell({**view("").document, "deadLetter": json.dumps(kept)}, ())
    )
    return line


def dead_letter(words: str, delivery: Delivery) -> DeadLetter:
    verdict = {"status": f"FAILED{words}", "category": "GONE", "reason": words}
    found = DeadLetter.from_body(json.dumps(delivery.to_document() | {"verdict": verdict}))
    assert found
    return found


def listed(words: str) -> Listed:
    return Listed(
        pk="m-1#default",
        sk="a",
        message_id="m-1",
        sender_id="default",
        target_url="https://example.com/",
        created_at="2025-12-28T12:00:00.000Z",
        status=Status.FAILED,
        attempts=1,
        at="2025-12-28T12:00:00.000Z",
        last_updated_at="2025-12-28T12:00:00.000Z",
        next_retry_at=None,
        endpoint_id=None,
        event_type=words,
        category=Category.GONE,
        reason=words,
        expires_at=1_769_515_200,
    )


def trace(words: str) -> Trace:
    outcome = {
        "kind": "ATTEMPTED",
        "httpStatus": 429,
        "responseTime": 7,
        "retryAfter": words,
        "error": None,
    }
    verdict = {"decision": "GIVE_UP", "category": "GONE", "status": "FAILED", "reason": words}
    visits = (
        Visit("Deliver", NOON, NOON, {"attemptNumber": 0}, {"outcome": outcome}, (words,)),
        Visit("Classify", NOON, NOON, {}, {"verdict": verdict}, ()),
    )
    return Trace(view(words), None, (Attempt(0, visits),))


def attempted(words: str) -> Any:
    fields = {"messageId": words, "targetUrl": words, "reason": words}
    numbers = {"attempt": 1, "maxAttempts": 3, "durationMs": 7, "nextDelaySeconds": 1}
    return SimpleNamespace(at=NOON, status="DELIVERED", document=fields | numbers)


SHOWN: dict[str, Callable[[str, Delivery], Any]] = {
    "status": lambda words, _: render.deliveries([view(words)]),
    "attempts": lambda words, _: render.attempts(tell(view(words).document, ())),
    "response body": answered,
    "dead letters": lambda words, delivery: render.dead_letters([dead_letter(words, delivery)]),
    "undispatched messages": lambda words, _: render.undispatched(
        [UndispatchedMessage.from_body(words)]
    ),
    "trace": lambda words, _: render.trace(trace(words)),
    "ending": lambda words, _: live.ending(view(words)),
    "watch": lambda words, _: watch.line(attempted(words)),
    "watch on a terminal": lambda words, _: watch._table([attempted(words)]),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", SHOWN)
def test_a_stranger_neither_forges_a_line_nor_reaches_the_terminal(
    what: str, delivery: Delivery
) -> None:
    def printed(words: str) -> list[str]:
        stream = io.StringIO()
        render.console(stream).print(SHOWN[what](words, delivery))
        return stream.getvalue().split("\n")

    lines = printed(f"before{HOSTILE}after")
    assert any(shown(HOSTILE)[:20] in line for line in lines)
    assert all(map(is_safe, lines))
    assert len(lines) == len(printed("before and after"))


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, delivery: Delivery) -> None:
    """A dead-letter queue with a message that somebody else has written."""
    seen = Look(2, (dead_letter(HOSTILE, delivery),), (HOSTILE,))
    monkeypatch.setattr(options, "find_target", lambda *_: None)
    monkeypatch.setattr(reading.dead_letters, "look", lambda *_: seen)
    monkeypatch.setattr(reading.many, "listed", lambda *_: [listed(HOSTILE)])


@pytest.mark.usefixtures("played")
@pytest.mark.parametrize(
    "command",
    [("list",), ("list", "--json"), ("show", "order-1841"), ("show", "order-1841", "--json")],
)
def test_dead_letters_are_shown_harmless_in_every_form(command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app.app, ["dead-letters", *command])
    assert done.exit_code == 0
    assert all(map(is_safe, done.output.split("\n")))
    if "--json" in command:
        told = json.loads(done.stdout)
        one = told["deadLetters"][0] if isinstance(told, dict) else told[0]["verdict"]
        assert one["reason"] == HOSTILE


def test_what_a_dry_run_says_of_a_dead_letter_is_one_line(
    delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    held = SimpleNamespace(dead_letter=dead_letter(HOSTILE, delivery))
    assert isinstance(recovery._shown(held), Done)  # type: ignore[arg-type]
    assert is_safe(capsys.readouterr().err.removesuffix("\n"))

"""`homing send` with a fake API: what it reports about lines, and about a time-out."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from homing.client import Accepted, CallError
from homing.client.errors import response_error
from homing_cli import app
from homing_cli.client.messages import Line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

IDENTITY = {
    "timestamp": "2025-12-28T12:00:00.000Z",
    "targetUrl": "https://example.com/hooks",
    "correlationId": "m",
    "createdAt": "2025-12-28T12:00:00.000Z",
}


def accepted(message_id: str, sender_id: str, *, duplicate: bool = False) -> Accepted:
    noon = IDENTITY["timestamp"]
    return Accepted(message_id, sender_id, noon, message_id, (), duplicate=duplicate)


class FakeApi:
    """Accepts messages with a messageId, and delivers only the message `done`."""

    def __init__(self, target: object) -> None:
        self.seen: set[str] = set()

    def submit(self, body: bytes) -> Accepted:
        message_id = json.loads(body).get("messageId")
        if message_id is None:
            errors = [{"field": "targetUrl", "message": "must be absolute"}]
            raise response_error(400, {"title": "Invalid message", "errors": errors})
        sender_id = json.loads(body).get("senderId") or "default"
        return accepted(message_id, sender_id, duplicate=message_id == "known")

    def submit_all(self, bodies: list[bytes]) -> list[Any]:
        return [self._result(each) for each in bodies]

    def _result(self, body: bytes) -> Any:
        try:
            return self.submit(body)
        except CallError as error:
            return error

    def message(self, message_id: str, sender_id: str | None = None) -> dict[str, Any]:
        status = "DELIVERED" if message_id == "done" else "QUEUED"
        identity = {**IDENTITY, "messageId": message_id, "senderId": sender_id}
        if message_id == "unmatched":
            return {"deliveries": []}
        return {"deliveries": [{**identity, "status": status}]}


@pytest.fixture(autouse=True)
def api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "ApiClient", FakeApi)
    monkeypatch.setattr("homing_cli.commands.options.find_target", lambda *_: None)
    monkeypatch.delenv("HOMING_STACK", raising=False)


def send(*arguments: str) -> Result:
    return CliRunner().invoke(app.app, ["send", *arguments])


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "messages.jsonl"
    path.write_text('{"messageId": "new"}\n{"n": 1}\n\n{"messageId": "known"}\n{"n": 2}\n')
    return str(path)


def test_every_line_of_a_file_is_reported_with_its_number_in_the_order_of_the_file(
    file: str,
) -> None:
    done = send("--file", file)
    assert done.output.splitlines() == [
        "line 1: accepted: new",
        "line 2: refused: targetUrl: must be absolute",
        "line 4: accepted before: known",
        "line 5: refused: targetUrl: must be absolute",
        "2 accepted; 1 accepted before; 2 refused",
    ]
    assert "accepted" not in done.stderr
    assert done.exit_code == 1


def test_with_json_the_lines_stand_in_the_document_alone(file: str) -> None:
    document = json.loads(send("--file", file, "--json").stdout)
    assert [one["line"] for one in document["accepted"]] == [1, 4]
    assert [one["line"] for one in document["refused"]] == [2, 5]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "`homing status m-1`"),
        (("--sender", "shop"), "`homing status m-1 --sender shop`"),
        (("--stack", "Homing"), "`homing status m-1 --stack Homing`"),
    ],
)
@pytest.mark.parametrize("timeout", ["0", "0.2"])
def test_a_time_out_is_reported_with_what_to_run_next(
    timeout: str, options: tuple[str, ...], told: str
) -> None:
    message = ("--target", "https://example.com/", "--payload", "1", "--message-id", "m-1")
    done = send(*message, "--wait", "--timeout", timeout, *options)
    assert done.exit_code == 1
    assert done.stderr == (
        f"homing: waited for {timeout} s, and 1 message has not ended; "
        f"Homing continues. See {told}\n"
    )


def test_without_a_time_out_none_is_reported() -> None:
    message = ("--target", "https://example.com/", "--payload", "1", "--message-id", "done")
    done = send(*message, "--wait", "--timeout", "30")
    assert (done.exit_code, done.stderr) == (0, "")


def test_of_several_messages_the_time_out_counts_the_open_ones(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_text("".join(f'{{"messageId": "{one}"}}\n' for one in ("a", "done", "b")))
    done = send("--file", str(path), "--wait", "--timeout", "0.2")
    assert "2 messages have not ended" in done.stderr
    assert "`homing status a`, and so on for the others" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--deliver-at", "yesterday", "is not a valid ISO-8601 date-time"),
        ("--deliver-at", "2026-12-24", "is a date without a time and a time zone"),
        ("--message-id", "a.b", "must have 1 to 128 characters"),
        ("--sender", "a#b", "must have 1 to 128 characters"),
        ("--correlation-id", "é", "must have 1 to 128 characters"),
        ("--content-type", "nonsense", ""),
        ("--target", "example.com", "must be an absolute URL"),
    ],
)
def test_what_the_api_would_refuse_of_an_option_is_a_mistake_in_usage(
    option: str, value: str, complaint: str
) -> None:
    message = ("--target", "https://example.com/", "--payload", "1", option, value)
    done = CliRunner().invoke(app.app, ["send", *message], env={"COLUMNS": "300"})
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{option} {complaint}" in done.stderr


def test_every_line_is_reported_and_no_bad_line_stops_the_others(tmp_path: Path) -> None:
    good = b'{"messageId": "m"}\n'
    path = tmp_path / "messages.jsonl"
    path.write_bytes(good * 3 + b'{"n": "\xff"}\n' + good * 36)
    done = send("--file", str(path))
    assert done.exit_code == 1
    assert done.stderr == "line 4: refused: is not UTF-8 (byte 8 of the line)\n"
    assert [line for line in done.stdout.splitlines() if line.startswith("line ")] == [
        f"line {number}: accepted: m" for number in range(1, 41) if number != 4
    ]


def interrupt(monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Simulate Ctrl-C after this many lines have been read and at least one has been sent."""
    begun, submit = threading.Event(), FakeApi.submit

    def noted(api: FakeApi, body: bytes) -> Accepted:
        begun.set()
        return submit(api, body)

    def lines(_: object) -> Iterator[Line]:
        for number in range(1, after + 1):
            yield Line(number, json.dumps({"messageId": f"m-{number}"}).encode())
        assert begun.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(app.messages, "TOGETHER", 2)
    monkeypatch.setattr(FakeApi, "submit", noted)
    monkeypatch.setattr(app.messages, "read_lines", lines)


def linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make each cancellation slow, so that threads begin requests that are not yet cancelled."""
    cancel = Future.cancel

    def cancel_slowly(future: Future[Any]) -> bool:
        cancelled = cancel(future)
        time.sleep(0.01)
        return cancelled

    monkeypatch.setattr(Future, "cancel", cancel_slowly)


@pytest.mark.parametrize("after", [2, 3, 40])
def test_interrupted_it_tells_what_was_accepted_so_far(
    file: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(monkeypatch, after=after)
    linger(monkeypatch)
    done = send("--file", file, "--json")
    accepted = [one["messageId"] for one in json.loads(done.stdout)["accepted"]]
    assert accepted == [f"m-{number}" for number in range(1, len(accepted) + 1)]
    assert done.exit_code == 130
    last = json.loads(done.stdout)["accepted"][-1]["line"]
    assert f"the lines after line {last} were not sent" in done.stderr


def test_interrupted_without_json_each_accepted_line_is_reported_once(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(monkeypatch, after=3)
    done = send("--file", file)
    told = [line for line in done.stdout.splitlines() if "accepted:" in line]
    assert told
    assert told == [f"line {number}: accepted: m-{number}" for number in range(1, len(told) + 1)]
    assert done.exit_code == 130


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_interrupted_while_it_waits_it_tells_the_id(
    options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeApi, "message", press)
    message = ("--target", "https://example.com/", "--payload", "1", "--message-id", "m-1")
    done = send(*message, "--wait", *options)
    assert done.exit_code == 130
    assert "m-1" in done.stdout
    assert "interrupted" in done.stderr
    if options:
        assert json.loads(done.stdout)["accepted"][0]["messageId"] == "m-1"


def test_what_the_api_takes_of_a_message_has_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = []

    def submit(_: FakeApi, body: bytes) -> Accepted:
        bodies.append(json.loads(body))
        return accepted("m", "default")

    monkeypatch.setattr(FakeApi, "submit", submit)
    options = ["--policy", '{"maxAttempts": 5}', "--header", "X-A: 1", "--header", "X-B: a: b"]
    assert send("--endpoint", "orders", "--payload", "1", *options).exit_code == 0
    assert bodies == [
        {
            "endpointId": "orders",
            "policy": {"maxAttempts": 5},
            "headers": {"X-A": "1", "X-B": "a: b"},
            "payload": 1,
        }
    ]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            ("--endpoint", "orders", "--target", "https://example.com/"),
            "--target, --endpoint or --event-type",
        ),
        ((), "--target, --endpoint or --event-type"),
        (("--endpoint", "a/b"), "--endpoint"),
        (("--endpoint", "orders", "--policy", "null"), "--policy"),
        (("--endpoint", "orders", "--policy", '{"maxAttempts": 0}'), "--policy"),
        (("--endpoint", "orders", "--header", "nonsense"), "--header"),
        (("--endpoint", "orders", "--header", "Host: x"), "--header"),
        (("--endpoint", "orders", "--header", "A: 1", "--header", "a: 2"), "--header"),
    ],
)
def test_a_mistake_in_an_option_is_a_mistake_in_usage(
    options: tuple[str, ...], complaint: str
) -> None:
    done = send("--payload", "1", *options)
    assert done.exit_code == 2
    assert complaint in done.stderr


def test_an_event_that_no_endpoint_subscribes_to_has_ended_at_once() -> None:
    event = ("--event-type", "order.paid", "--payload", "1", "--message-id", "unmatched")
    done = send(*event, "--wait")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "1 accepted: unmatched; deliveries: none" in done.stdout

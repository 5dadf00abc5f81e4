"""What is shown on a terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from homing_cli.client.deliveries import DeliveryView
from homing_cli.client.messages import Handed, Line, MessageRef
from homing_cli.commands.send import Report
from homing_cli.terminal import live, render
from homing_cli.traces.execution_history import Attempt, Visit, recorded
from homing_cli.traces.trace import Trace

NOON = datetime(2025, 12, 28, 12, tzinfo=UTC)
DNS_ERROR = {"kind": "ATTEMPTED", "error": {"kind": "DNS", "message": "unknown host"}}
OUTCOME = {
    "kind": "ATTEMPTED",
    "httpStatus": 429,
    "responseTime": 7,
    "retryAfter": "3",
    "error": None,
}
BACKOFF = {
    "exponentialDelay": 1,
    "jitterApplied": 0.25,
    "retryAfterSeconds": 3,
    "nextRetryAt": "2025-12-28T12:00:03.000Z",
}


def view(status: str, attempts: int = 1, message_id: str = "m-1") -> DeliveryView:
    entry = {"errorCategory": "GONE", "errorDetails": {"message": "HTTP 410"}, "attemptNumber": 0}
    return DeliveryView.from_document(
        {
            "messageId": message_id,
            "senderId": "default",
            "timestamp": "2025-12-28T12:00:00.000Z",
            "targetUrl": "https://example.com/[hooks]",
            "correlationId": message_id,
            "createdAt": "2025-12-28T12:00:00.000Z",
            "status": status,
            "attempts": attempts,
            "retryHistory": [entry],
        }
    )


def visit(name: str, output: Any = None, **more: Any) -> Visit:
    came = {"attemptNumber": 0, "dueAt": "2025-12-28T12:00:02Z"}
    left = None if output is None else NOON
    return Visit(name, NOON, left, came, output, **{"faults": (), **more})


def shown(*what: Any) -> str:
    stream = io.StringIO()
    render.console(stream).print(*what)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("visited", "words"),
    [
        (visit("WaitUntilDue"), "until 2025-12-28T12:00:02Z"),
        (visit("Deliver", {"outcome": OUTCOME}), "HTTP 429 in 7 ms, Retry-After: 3"),
        (
            visit("Deliver", {"outcome": DNS_ERROR}),
            "DNS: unknown host",
        ),
        (
            visit(
                "Classify",
                {"verdict": {"decision": "GIVE_UP", "category": "GONE", "status": "FAILED"}},
            ),
            "GIVE_UP GONE -> FAILED",
        ),
        (
            visit("ComputeBackoff", {"backoff": BACKOFF}),
            "1 s + 0.25 s jitter, at least 3 s -> 2025-12-28T12:00:03.000Z",
        ),
        (visit("RecordRetry", {"record": {"result": "RECORDED"}}), "RECORDED"),
        (visit("RecordDelivered", {}), ""),
        (visit("Deliver"), ""),
        (
            visit("ComputeBackoff", {"verdict": {}}, faults=("States.Timeout",)),
            "  [States.Timeout]",
        ),
    ],
)
def test_a_visit_is_rendered_in_a_few_words(visited: Visit, words: str) -> None:
    assert render.describe(visited) == words


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ({"kind": "SUPERSEDED"}, "not sent: another execution has this attempt"),
        (
            {"kind": "POSTPONED", "next": {"dueAt": "2025-12-28T12:00:05Z"}},
            (
                "not sent: the endpoint had no free slot for this attempt; "
                "waits until 2025-12-28T12:00:05Z"
            ),
        ),
    ],
)
def test_an_attempt_that_was_not_made_says_why(outcome: dict[str, Any], words: str) -> None:
    assert render.describe(visit("Deliver", {"outcome": outcome})) == words
    assert render.describe(visit("Classify", {"verdict": {"status": "POSTPONED"}})) == "POSTPONED"


def test_a_trace_is_a_tree_of_attempts_and_states() -> None:
    attempt = Attempt(0, (visit("WaitUntilDue", {}), visit("Deliver", {"outcome": OUTCOME})))
    text = shown(render.trace(Trace(view("DELIVERED"), {"status": "SUCCEEDED"}, (attempt,))))
    lines = text.splitlines()
    assert lines[0] == "m-1 -> https://example.com/[hooks]  DELIVERED  execution SUCCEEDED"
    assert len(lines) == 4
    for word, line in zip(("attempt 1", "WaitUntilDue", "HTTP 429"), lines[1:], strict=True):
        assert word in line


def test_an_attempt_that_only_the_ledger_knows_is_rendered_from_its_entry() -> None:
    entry = {
        "attemptNumber": 0,
        "timestamp": "2025-12-28T12:00:00.000Z",
        "errorCategory": "SERVER_ERROR",
        "errorDetails": {"message": "HTTP 500"},
        "responseTime": 12,
        "httpStatus": 500,
        "exponentialDelay": 1,
        "jitterApplied": 0.25,
        "nextRetryTimestamp": "2025-12-28T12:00:01.250Z",
    }
    lines = shown(render.trace(Trace(view("RETRY_SCHEDULED"), None, (recorded(entry),)))).split(
        "\n"
    )
    assert "attempt 1  HTTP 500" in lines[1]
    assert "12:00:00.000 in the ledger: SERVER_ERROR in 12 ms, 1 s + 0.25 s jitter" in lines[2]


def test_a_delivery_without_an_attempt_says_so() -> None:
    assert "no attempt" in shown(render.trace(Trace(view("QUEUED"), None, ())))


def test_an_event_shows_its_type_in_tables_and_traces() -> None:
    event = DeliveryView.from_document({**view("FAILED").document, "eventType": "order.paid"})
    assert "m-1 (order.paid)  " in shown(render.deliveries([event]))
    assert shown(render.trace(Trace(event, None, ()))).startswith("m-1 (order.paid) -> https:")


def test_nothing_is_folded_cut_or_coloured_where_another_program_reads() -> None:
    long = view("DELIVERED", message_id="m" * 300)
    text = shown(render.deliveries([long]))
    assert "m" * 300 in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("status", "attempts", "told"), [("QUEUED", 0, True), ("CANCELLED", 0, False)]
)
def test_a_scheduled_message_shows_when_its_first_attempt_is_due(
    status: str, attempts: int, *, told: bool
) -> None:
    due = "2025-12-28T18:00:00.000Z"
    document = {**view(status, attempts).document, "retryHistory": [], "deliverAt": due}
    text = shown(render.deliveries([DeliveryView.from_document(document)]))
    assert (due in text) == told


def test_without_a_terminal_each_end_is_printed_once() -> None:
    stream = io.StringIO()
    open_, ended = view("QUEUED", 0, "a"), view("FAILED", 1, "b")
    with live.board(render.console(stream), 2) as show:
        show([open_])
        show([open_, ended])
        show([replace(open_, status="DELIVERED", attempts=2), ended])
    assert stream.getvalue().splitlines() == [
        "b -> https://example.com/[hooks]: FAILED after 1 attempt (GONE: HTTP 410)",
        "a -> https://example.com/[hooks]: DELIVERED after 2 attempts (GONE: HTTP 410)",
    ]


def test_the_report_sums_up_and_succeeds_only_if_all_were_delivered() -> None:
    report = Report()
    message = MessageRef("m-1", "default")
    report.add(Handed(Line(1, b"{}"), message))
    assert (report.succeeded, report.summary) == (True, "1 accepted: m-1")
    report.add(Handed(Line(2, b"{}"), message, duplicate=True))
    report.deliveries = (view("DELIVERED"), view("FAILED"))
    assert not report.succeeded
    assert report.summary == (
        "1 accepted: m-1; 1 accepted before; deliveries: 1 DELIVERED, 1 FAILED"
    )


def test_an_accepted_message_stands_with_the_line_that_it_came_with_first() -> None:
    report = Report()
    message = MessageRef("m-1", "default")
    for number in (3, 5):
        report.add(Handed(Line(number, b"{}"), message, duplicate=number == 5))
    assert report.to_document()["accepted"] == [
        {"line": 3, "messageId": "m-1", "senderId": "default"}
    ]


def test_what_has_not_ended_is_no_success() -> None:
    report = Report()
    message = MessageRef("m-1", "default")
    report.add(Handed(Line(1, b"{}"), message))
    report.deliveries, report.unended = (), (message,)
    assert not report.succeeded


def test_a_refused_line_is_no_success() -> None:
    report = Report()
    report.add(Handed(Line(7, b"x"), problems=("body: not JSON",)))
    assert (report.succeeded, report.summary) == (False, "0 accepted; 1 refused")
    assert report.to_document()["refused"] == [{"line": 7, "problems": ["body: not JSON"]}]

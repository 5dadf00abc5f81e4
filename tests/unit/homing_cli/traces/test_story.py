"""The history of a delivery: its attempts in the ledger, with details from executions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from homing_cli.traces.execution_history import Visit, attempts
from homing_cli.traces.executions import names
from homing_cli.traces.story import Execution, tell

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
IDENTITY = {
    "messageId": "order-1841",
    "senderId": "default",
    "timestamp": "2026-01-01T12:00:00.000Z",
    "targetUrl": "https://example.com/hooks",
    "correlationId": "order-1841",
    "createdAt": "2026-01-01T12:00:00.000Z",
    "lastUpdatedAt": "2026-01-01T12:00:10.000Z",
}
DOCUMENT = {"request": {"payload": "1", "contentType": "text/plain", "headers": {}}}


def at(second: int) -> str:
    return f"2026-01-01T12:00:{second:02}.000Z"


def entry(number: int, second: int, category: str, following: int | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "attemptNumber": number,
        "timestamp": at(second),
        "errorCategory": category,
        "errorDetails": {"message": "HTTP 200" if category == "SUCCESS" else "HTTP 503"},
        "responseTime": 12,
    }
    if following is not None:
        made |= {"nextRetryTimestamp": at(following), "exponentialDelay": 1, "jitterApplied": 0.5}
    return made


def record(status: str, *history: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        **IDENTITY,
        "status": status,
        "attempts": len(history),
        "retryHistory": list(history),
    } | more


def visit(name: str, second: int, number: int, output: Any = None, *, left: bool = True) -> Visit:
    entered = START + timedelta(seconds=second)
    return Visit(name, entered, entered if left else None, {"attemptNumber": number}, output, ())


def sent(number: int, second: int, status: int) -> list[Visit]:
    """Return the visits of one attempt, up to its verdict."""
    outcome = {"outcome": {"timestamp": at(second), "responseBody": "said", "responseTime": 12}}
    category = "SUCCESS" if status == 200 else "SERVER_ERROR"
    verdict = outcome | {"verdict": {"category": category, "reason": f"HTTP {status}"}}
    return [
        visit("WaitUntilDue", second - 1, number, {}),
        visit("Deliver", second, number, outcome),
        visit("Classify", second, number, verdict),
        visit("WhatNext", second, number, verdict),
    ]


def execution(status: str, *visits: Visit) -> Execution:
    return Execution("arn", status, tuple(visits), attempts(visits), DOCUMENT)


def test_a_first_attempt_that_only_the_ledger_knows_has_the_way_that_its_record_can_have_come() -> (
    None
):
    story = tell(record("DELIVERED", entry(0, 1, "SUCCESS")), [])
    assert story.way == ("Deliver", "Classify", "WhatNext", "RecordDelivered")
    assert (story.now, story.ended, story.request) == ("RecordDelivered", True, {})
    (chapter,) = story.chapters
    assert (chapter.is_delivered, chapter.response_body, chapter.response_time) == (True, None, 12)


def test_ledger_and_execution_make_one_story() -> None:
    """The first attempt was in the express path. The execution has the second one."""
    visits = [*sent(1, 3, 200), visit("RecordDelivered", 3, 1, {})]
    found = record("DELIVERED", entry(0, 1, "SERVER_ERROR", 2), entry(1, 3, "SUCCESS"))
    story = tell(found, [execution("SUCCEEDED", *visits)])
    assert [chapter.number for chapter in story.chapters] == [1, 2]
    assert [chapter.response_body for chapter in story.chapters] == [None, "said"]
    assert story.way[:6] == (
        "Deliver",
        "Classify",
        "WhatNext",
        "ComputeBackoff",
        "RecordRetry",
        "WaitUntilDue",
    )
    assert ("RecordRetry", "WaitUntilDue") in story.arrows
    assert story.way.count("WaitUntilDue") == 1
    assert story.request["payload"] == "1"


def test_what_goes_on_right_now_is_the_last_chapter() -> None:
    waiting = execution("RUNNING", visit("WaitUntilDue", 2, 1, left=False))
    found = record("RETRY_SCHEDULED", entry(0, 1, "SERVER_ERROR", 9), nextRetryAt=at(9))
    story = tell(found, [waiting])
    assert (story.now, story.next_at, story.ended) == ("WaitUntilDue", at(9), False)
    assert [chapter.at for chapter in story.chapters] == [at(1), None]
    assert not story.chapters[-1].is_sent


def test_an_attempt_missing_from_the_ledger_is_shown_and_marked_as_missing() -> None:
    story = tell(record("DELIVERED"), [execution("SUCCEEDED", *sent(0, 3, 200))])
    assert [chapter.recorded for chapter in story.chapters] == [False]


def test_an_execution_that_was_superseded_tells_no_attempt() -> None:
    superseded = execution(
        "SUCCEEDED",
        visit("WaitUntilDue", 2, 1, {}),
        visit("Deliver", 3, 1, {"outcome": {"kind": "SUPERSEDED"}}),
        visit("Classify", 3, 1, {"verdict": {"status": "SUPERSEDED"}}),
        visit("WhatNext", 3, 1, {"end": "SUPERSEDED"}),
        visit("Superseded", 3, 1, {}),
    )
    story = tell(record("CANCELLED", entry(0, 1, "SERVER_ERROR", 9)), [superseded])
    assert len(story.chapters) == 1
    assert story.ended


def test_a_failed_delivery_that_is_being_sent_again_has_not_ended() -> None:
    running = execution("RUNNING", visit("WaitUntilDue", 12, 0, left=False))
    assert not tell(record("FAILED", entry(0, 1, "GONE")), [running]).ended


def test_runs_are_listed_in_order_with_the_interventions_between_them() -> None:
    redrive = {"timestamp": at(5), "status": "FAILED", "attempts": 1, "attemptsOnRecord": 1}
    found = record(
        "DELIVERED", entry(0, 1, "GONE"), entry(0, 7, "SUCCESS"), redriveHistory=[redrive]
    )
    story = tell(found, [execution("SUCCEEDED", *sent(0, 7, 200))])
    assert [kind for kind, _ in story.events] == ["attempt", "redrive", "attempt"]
    assert [chapter.number for chapter in story.chapters] == [1, 1]


def test_a_queued_delivery_has_no_story_yet() -> None:
    story = tell(record("QUEUED", deliverAt=at(30)), [])
    assert (story.chapters, story.now, story.next_at) == ((), "", at(30))


def test_executions_are_asked_for_by_every_name_that_interventions_give() -> None:
    plain, *others = names(record("DELIVERED"))
    assert others == []
    found = names(
        record("DELIVERED", entry(0, 1, "GONE"), generation=2, executionName=f"{plain}-2-1")
    )
    assert found[0] == plain
    assert {f"{plain}-1", f"{plain}-2", f"{plain}-2-1"} <= set(found)


def test_a_failed_first_attempt_has_payload_and_response_from_the_kept_dead_letter() -> None:
    dead_letter = {**DOCUMENT, "outcome": {"timestamp": at(1), "responseBody": "no such shop"}}
    story = tell(record("FAILED", entry(0, 1, "GONE"), deadLetter=json.dumps(dead_letter)), [])
    assert story.request["payload"] == "1"
    assert story.chapters[0].response_body == "no such shop"


def test_a_postponed_attempt_is_shown_as_waiting() -> None:
    running = execution(
        "RUNNING",
        visit("WaitUntilDue", 2, 1, {}),
        visit("Deliver", 3, 1, {"outcome": {"kind": "POSTPONED", "next": {"dueAt": at(9)}}}),
        visit("Classify", 3, 1, {"verdict": {"status": "POSTPONED"}}),
        visit("WhatNext", 3, 1, {}),
        visit("WaitUntilDue", 4, 0, left=False),
    )
    story = tell(record("QUEUED"), [running])
    assert {chapter.outcome for chapter in story.chapters} == {None}
    assert story.now == "WaitUntilDue"
    assert not story.ended


def test_an_attempt_tells_where_it_went_if_its_endpoint_had_moved() -> None:
    moved = entry(1, 3, "SUCCESS") | {"targetUrl": "https://new.example/hooks"}
    story = tell(record("DELIVERED", entry(0, 1, "SERVER_ERROR", 2), moved), [])
    assert [chapter.target_url for chapter in story.chapters] == [None, "https://new.example/hooks"]

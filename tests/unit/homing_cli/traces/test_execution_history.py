"""Reading an execution's history."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from homing_cli.traces.execution_history import attempts, recorded, visits

START = datetime(2025, 12, 28, 12, tzinfo=UTC)
OUTCOME = {"httpStatus": 503, "responseTime": 7, "retryAfter": None, "error": None}
VERDICT = {"decision": "RETRY", "category": "SERVER_ERROR", "reason": "HTTP 503"}


class History:
    """A history of events as written by Step Functions, a second apart."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def add(self, kind: str, **details: Any) -> History:
        at = START + timedelta(seconds=len(self.events))
        self.events.append({"type": kind, "timestamp": at, **details})
        return self

    def enter(self, kind: str, name: str, document: Any) -> History:
        details = {"name": name, "input": json.dumps(document)}
        return self.add(f"{kind}StateEntered", stateEnteredEventDetails=details)

    def leave(self, kind: str, name: str, document: Any) -> History:
        details = {"name": name, "output": json.dumps(document)}
        return self.add(f"{kind}StateExited", stateExitedEventDetails=details)

    def visit(self, kind: str, name: str, came: Any, went: Any) -> History:
        return self.enter(kind, name, came).leave(kind, name, went)


def one_attempt(number: int, **carried: Any) -> History:
    document = {"attemptNumber": number, "dueAt": "2025-12-28T12:00:00Z", **carried}
    sent = {**document, "outcome": OUTCOME}
    judged = {**sent, "verdict": VERDICT}
    return (
        History()
        .visit("Wait", "WaitUntilDue", document, document)
        .visit("Task", "Deliver", document, sent)
        .visit("Task", "Classify", sent, judged)
    )


def test_a_visit_has_the_times_of_entry_and_exit_and_the_output() -> None:
    (visit,) = visits(History().visit("Task", "Deliver", {"a": 1}, {"a": 2}).events)
    assert (visit.name, visit.input, visit.output) == ("Deliver", {"a": 1}, {"a": 2})
    assert (visit.entered, visit.left) == (START, START + timedelta(seconds=1))
    assert visit.milliseconds == 1000


def test_a_state_that_is_still_running_has_no_end() -> None:
    (visit,) = visits(History().enter("Wait", "WaitUntilDue", {}).events)
    assert (visit.left, visit.output, visit.milliseconds) == (None, None, None)


def test_faults_of_a_task_are_listed_with_its_state() -> None:
    failed = {"error": "Lambda.TooManyRequestsException", "cause": "slow down"}
    history = (
        History()
        .enter("Task", "Deliver", {})
        .add("TaskFailed", taskFailedEventDetails=failed)
        .add("TaskTimedOut", taskTimedOutEventDetails={"error": "States.Timeout"})
        .leave("Task", "Deliver", {})
        .visit("Task", "Classify", {}, {})
    )
    deliver, classify = visits(history.events)
    assert deliver.faults == ("Lambda.TooManyRequestsException: slow down", "States.Timeout")
    assert classify.faults == ()


def test_visits_are_grouped_by_attempt_and_each_begins_with_its_wait() -> None:
    events = one_attempt(0).events + one_attempt(1).events
    first, second = attempts(visits(events))
    assert (first.number, second.number) == (0, 1)
    assert [visit.name for visit in second.visits] == ["WaitUntilDue", "Deliver", "Classify"]


def test_an_attempt_knows_its_own_results_and_not_those_that_the_document_carries_along() -> None:
    carried = {"backoff": {"from": "before"}, "record": {"result": "RECORDED"}}
    (attempt,) = attempts(visits(one_attempt(1, **carried).events))
    assert (attempt.result("outcome"), attempt.result("verdict")) == (OUTCOME, VERDICT)
    assert (attempt.result("backoff"), attempt.result("record")) == (None, None)


def test_an_attempt_that_still_waits_has_no_outcome_though_the_document_carries_one() -> None:
    document = {"attemptNumber": 1, "dueAt": "2025-12-28T12:00:05Z", "outcome": OUTCOME}
    (attempt,) = attempts(visits(History().enter("Wait", "WaitUntilDue", document).events))
    assert attempt.to_document()["outcome"] is None


def test_an_execution_that_has_just_begun_has_no_attempts() -> None:
    assert attempts(visits(History().add("ExecutionStarted").events)) == ()


def test_the_document_of_an_attempt_is_plain_json() -> None:
    (attempt,) = attempts(visits(one_attempt(0).events))
    document = json.loads(json.dumps(attempt.to_document()))
    assert document["states"][1] == {
        "name": "Deliver",
        "enteredAt": "2025-12-28T12:00:02.000Z",
        "leftAt": "2025-12-28T12:00:03.000Z",
        "milliseconds": 1000,
        "faults": [],
    }


def test_an_attempt_read_from_the_ledger_has_the_fields_of_its_entry() -> None:
    entry = {
        "attemptNumber": 2,
        "timestamp": "2025-12-28T12:00:00.000Z",
        "errorCategory": "SUCCESS",
        "errorDetails": {"message": "HTTP 200"},
        "responseTime": 12,
        "httpStatus": 200,
    }
    attempt = recorded(entry)
    assert (attempt.number, attempt.visits) == (2, ())
    assert attempt.result("outcome") == {
        "timestamp": "2025-12-28T12:00:00.000Z",
        "responseTime": 12,
        "httpStatus": 200,
    }
    assert attempt.result("verdict") == {"category": "SUCCESS", "reason": "HTTP 200"}
    assert attempt.result("backoff") is None

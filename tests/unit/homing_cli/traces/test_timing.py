"""How long each hop of a delivery took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from homing_cli.client.deliveries import DeliveryView
from homing_cli.traces.execution_history import Attempt, Visit, recorded
from homing_cli.traces.timing import hops
from homing_cli.traces.trace import Trace

NOON = datetime(2025, 12, 28, 12, tzinfo=UTC)
FIRST = {
    "attemptNumber": 0,
    "timestamp": "2025-12-28T12:00:00.300Z",
    "responseTime": 100,
    "httpStatus": 503,
    "errorCategory": "SERVER_ERROR",
    "errorDetails": {"message": "HTTP 503"},
    "nextRetryTimestamp": "2025-12-28T12:00:01.550Z",
}
SECOND = {
    **FIRST,
    "attemptNumber": 1,
    "timestamp": "2025-12-28T12:00:02.200Z",
    "responseTime": 50,
    "nextRetryTimestamp": None,
}


def found(*attempts: Attempt, **more: Any) -> Trace:
    document = {
        "messageId": "m",
        "senderId": "default",
        "timestamp": "2025-12-28T12:00:00.000Z",
        "targetUrl": "https://example.com/hooks",
        "correlationId": "m",
        "createdAt": "2025-12-28T12:00:00.000Z",
        "status": "DELIVERED",
        **more,
    }
    return Trace(DeliveryView.from_document(document), None, attempts)


def told(trace: Trace) -> list[tuple[int, str, int]]:
    return [(hop.attempt, hop.what, hop.milliseconds) for hop in hops(trace)]


def after(milliseconds: int) -> datetime:
    return NOON + timedelta(milliseconds=milliseconds)


def test_the_ledger_tells_of_request_response_and_the_wait_for_a_retry() -> None:
    assert told(found(recorded(FIRST), recorded(SECOND))) == [
        (1, "from acceptance to the request", 200),
        (1, "the endpoint", 100),
        (1, "until the retry is due", 1250),
        (2, "from the due time to the request", 600),
        (2, "the endpoint", 50),
    ]


def test_hops_follow_each_other_without_a_gap() -> None:
    every = hops(found(recorded(FIRST), recorded(SECOND)))
    assert [hop.end for hop in every[:-1]] == [hop.start for hop in every[1:]]


def test_a_history_tells_when_the_wait_had_ended() -> None:
    outcome = {"kind": "ATTEMPTED", "timestamp": SECOND["timestamp"], "responseTime": 50}
    visits = (
        Visit("WaitUntilDue", after(400), after(2050), {"attemptNumber": 1}, {}, ()),
        Visit("Deliver", after(2050), after(2210), {}, {"outcome": outcome}, ()),
    )
    assert told(found(recorded(FIRST), Attempt(1, visits)))[3:] == [
        (2, "until the wait has ended", 500),
        (2, "from there to the request", 100),
        (2, "the endpoint", 50),
    ]


def test_a_scheduled_message_is_timed_from_when_it_was_to_be_delivered() -> None:
    (first, *_) = told(found(recorded(FIRST), deliverAt="2025-12-28T12:00:00.150Z"))
    assert first == (1, "from deliverAt to the request", 50)


def test_what_has_not_been_attempted_has_no_hops() -> None:
    assert told(found()) == []
    waiting = Visit("WaitUntilDue", after(400), None, {"attemptNumber": 1}, None, ())
    assert len(told(found(recorded(FIRST), Attempt(1, (waiting,))))) == 3


def test_a_document_of_a_hop_is_plain() -> None:
    assert hops(found(recorded(FIRST)))[0].to_document() == {
        "what": "from acceptance to the request",
        "attempt": 1,
        "startedAt": "2025-12-28T12:00:00.000Z",
        "milliseconds": 200,
    }

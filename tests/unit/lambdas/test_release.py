"""`release`: how it handles the ends of deliveries in lines, and what is retried."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from homing.delivery import Reference
from homing.errors import DependencyError
from homing.items import to_dynamodb
from homing.ordering.endings import ENDINGS, ended_lines
from homing.ordering.line import line_id_of
from homing.ordering.releasing import Advance
from homing.retry.classification import Status
from homing.routing.operators import read_json
from homing.routing.pattern import compile_pattern
from lambdas import release

if TYPE_CHECKING:
    from collections.abc import Callable

AT = "2025-12-28T12:00:00.000Z"


def reference(message_id: str = "m1", key: str | None = "k") -> Reference:
    url = "https://a.example/"
    one = Reference(message_id, "shop", AT, url, message_id, AT)
    return replace(one, ordering_key=key, sequence=1 if key else None)


def change(number: int, of: Reference, status: str = "DELIVERED", **more: Any) -> dict[str, Any]:
    attempts = {"attempts": 1, "retryHistory": [], "lastUpdatedAt": AT, "ttl": 2_000_000_000}
    image = {**of.to_document(), "line": of.line, "status": status, **attempts, **more}
    typed = {name: to_dynamodb(value) for name, value in image.items()}
    return {"dynamodb": {"NewImage": typed, "SequenceNumber": str(number)}}


def is_watched(record: dict[str, Any]) -> bool:
    event = read_json(json.dumps(record))
    return any(compile_pattern(json.dumps(each)).matches(event) for each in ENDINGS)


@pytest.mark.parametrize(
    ("status", "more", "is_end"),
    [
        ("DELIVERED", {}, True),
        ("FAILED", {"attention": "FAILED#1"}, True),
        ("MAX_RETRIES_EXCEEDED", {"attention": "FAILED#1"}, True),
        ("CANCELLED", {"attention": "CANCELLED#1"}, True),
        ("RETRY_SCHEDULED", {}, True),
        ("RETRY_SCHEDULED", {"attention": "RETRY_SCHEDULED#1"}, False),
        ("QUEUED", {"attention": "QUEUED#1"}, False),
    ],
)
def test_lambda_is_invoked_for_ends_only(status: str, more: dict[str, str], is_end: bool) -> None:
    """A waiting delivery that is in no index has been settled by the watchdog."""
    assert is_watched(change(1, reference(), status, **more)) is is_end


def test_lambda_is_not_invoked_for_a_delivery_without_a_key() -> None:
    assert not is_watched(change(1, reference(key=None)))


def test_each_line_of_a_batch_is_gone_on_with_once() -> None:
    records = [
        change(1, reference("m1")),
        change(2, reference("m2", "other")),
        change(3, reference("m3")),
    ]
    lines = [(number, line, of.message_id) for number, line, (of, _) in ended_lines(records)]
    assert lines == [
        ("1", line_id_of(reference("m3")), "m3"),
        ("2", line_id_of(reference("m2", "other")), "m2"),
    ]


def test_of_a_delivery_that_ended_twice_the_last_end_counts() -> None:
    """A failure that a redrive has corrected must not block the line."""
    records = [change(1, reference(), "FAILED", attention="FAILED#1"), change(2, reference())]
    (_, _, (_, record)), *others = ended_lines(records)
    assert (record.status, others) == (Status.DELIVERED, [])


class Lines:
    """Releases lines, and fails for some."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.errors: dict[str, Exception] = {}

    def advance(self, line_id: str, now: datetime, ended: object) -> Advance:
        del now, ended
        if line_id in self.errors:
            raise self.errors[line_id]
        self.done.append(line_id)
        return Advance.RELEASED


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    made = Lines()
    monkeypatch.setattr(release, "_releasing", lambda: made)
    monkeypatch.setattr(release, "_now", lambda: datetime(2025, 12, 28, tzinfo=UTC))
    return made


def test_a_batch_is_repeated_from_the_first_line_that_failed_and_the_others_go_on(
    lines: Lines,
) -> None:
    keys = ("k1", "k2", "k3", "k4")
    records = [change(number, reference("m", key)) for number, key in enumerate(keys)]
    ids = [line_id_of(reference("m", key)) for key in keys]
    lines.errors = {ids[1]: DependencyError("busy"), ids[3]: ValueError("a mistake")}
    answer = release.handler({"Records": records}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert lines.done == [ids[0], ids[2]]


def test_a_batch_of_which_all_lines_went_on_is_done(lines: Lines) -> None:
    answer = release.handler({"Records": [change(1, reference())]}, None)
    assert answer == {"batchItemFailures": []}


def test_a_line_that_is_blocked_is_counted_for_its_alarm(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    for result in (Advance.BLOCKED, Advance.WAITS):
        monkeypatch.setattr(lines, "advance", lambda *_, result=result: result)
        release.handler({"Records": [change(1, reference())]}, None)
    blocked, waits = logged()
    assert (blocked["message"], blocked["LineBlocked"]) == ("line.blocked", [1.0])
    assert (waits["message"], waits["result"]) == ("line.advanced", "WAITS")
    assert blocked["line"] == waits["line"] == line_id_of(reference())

"""Following deliveries until they end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homing_cli.client.deliveries import follow, views
from homing_cli.client.messages import MessageRef
from homing_cli.errors import BusyError

START = datetime(2025, 12, 28, 12, tzinfo=UTC)


def delivery(status: str, **more: Any) -> dict[str, Any]:
    identity = {
        "messageId": "m-1",
        "senderId": "default",
        "timestamp": "2025-12-28T12:00:00.000Z",
        "targetUrl": "https://example.com/hooks",
        "correlationId": "m-1",
        "createdAt": "2025-12-28T12:00:00.000Z",
    }
    return {**identity, "status": status, **more}


class FakeApi:
    """Answers for each message from its own script; the last answer repeats, and [] means a 503."""

    def __init__(self, scripts: dict[str, list[list[dict[str, Any]]]]) -> None:
        self._scripts = scripts
        self.asked: list[str] = []

    def message(self, message_id: str, sender_id: str | None = None) -> dict[str, Any]:
        assert sender_id == "default"
        self.asked.append(message_id)
        script = self._scripts[message_id]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if not answer:
            raise BusyError("the API refused: HTTP 503")
        return {"deliveries": answer}


class FakeTime:
    """A clock that advances only when the code sleeps."""

    def __init__(self) -> None:
        self.now = START
        self.slept: list[float] = []

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


def run(api: FakeApi, *ids: str, timeout: float | None = None) -> tuple[list[Any], FakeTime]:
    time = FakeTime()
    refs = [MessageRef(one, "default") for one in ids]
    rounds = [dict(known) for known in follow(api, refs, timeout, time.clock, time.sleep)]
    return rounds, time


@pytest.mark.parametrize("status", ["DELIVERED", "FAILED", "MAX_RETRIES_EXCEEDED"])
def test_a_delivery_that_has_ended_is_asked_after_once(status: str) -> None:
    api = FakeApi({"a": [[delivery(status)]]})
    rounds, time = run(api, "a")
    assert [view.status for view in rounds[-1][MessageRef("a", "default")]] == [status]
    assert (api.asked, time.slept) == (["a"], [])


def test_a_message_is_followed_until_all_its_deliveries_have_ended() -> None:
    half = [delivery("DELIVERED"), delivery("QUEUED")]
    api = FakeApi({"a": [half, half, [delivery("DELIVERED"), delivery("FAILED")]]})
    rounds, _ = run(api, "a")
    assert len(rounds) == 3


def test_a_message_that_waits_for_a_retry_is_not_polled_until_it_is_due() -> None:
    waiting = delivery("RETRY_SCHEDULED", attempts=1, nextRetryAt="2025-12-28T12:00:04.000Z")
    api = FakeApi({"a": [[waiting], [delivery("DELIVERED")]]})
    _, time = run(api, "a")
    assert api.asked == ["a", "a"]
    assert time.now - START == timedelta(seconds=4)


def test_following_ends_at_the_timeout() -> None:
    rounds, time = run(FakeApi({"a": [[delivery("QUEUED")]]}), "a", timeout=3)
    assert rounds
    assert time.now - START == timedelta(seconds=3)


def test_what_takes_long_is_asked_after_ever_more_rarely() -> None:
    _, time = run(FakeApi({"a": [[delivery("QUEUED")]]}), "a", timeout=300)
    assert time.slept[0] == 0.5
    assert time.slept == sorted(time.slept)
    assert time.slept[-1] == 5


def test_a_message_named_twice_is_followed_once() -> None:
    api = FakeApi({"a": [[delivery("DELIVERED")]]})
    run(api, "a", "a")
    assert api.asked == ["a"]


def test_a_view_tells_the_last_result() -> None:
    entry = {"errorCategory": "SERVER_ERROR", "errorDetails": {"message": "HTTP 503"}}
    document = {"deliveries": [delivery("RETRY_SCHEDULED", attempts=1, retryHistory=[entry])]}
    (view,) = views(document)
    assert (view.attempts, view.last_result) == (1, "SERVER_ERROR: HTTP 503")


def test_a_poll_that_the_api_cannot_answer_is_made_again() -> None:
    queued, delivered = [delivery("QUEUED")], [delivery("DELIVERED")]
    api = FakeApi({"m-1": [queued, [], [], delivered], "m-2": [delivered]})
    rounds, _ = run(api, "m-1", "m-2")
    assert [view.status for found in rounds[-1].values() for view in found] == ["DELIVERED"] * 2
    assert api.asked.count("m-1") == 4


def test_following_ends_where_the_api_cannot_answer_for_ten_rounds_on_end() -> None:
    api = FakeApi({"m-1": [[]]})
    with pytest.raises(BusyError):
        run(api, "m-1")
    assert api.asked == ["m-1"] * 10

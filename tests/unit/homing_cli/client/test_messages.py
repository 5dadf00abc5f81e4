"""Sending messages, from options and from files."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.client import Accepted, CallError
from homing.client.errors import response_error
from homing_cli.client.messages import (
    HandingOver,
    Line,
    MessageRef,
    compose,
    hand_over,
    read_lines,
)
from homing_cli.errors import ApiError


class FakeApi:
    """Answers as the body says; records the bodies, and how many requests were concurrent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.batches: list[int] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()

    def submit(self, body: bytes) -> Accepted:
        with self._lock:
            self.bodies.append(body)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            return self._answer(body)
        finally:
            with self._lock:
                self._now -= 1

    def submit_all(self, bodies: list[bytes]) -> list[Any]:
        self.batches.append(len(bodies))
        return [self._result(each) for each in bodies]

    def _result(self, body: bytes) -> Any:
        try:
            return self.submit(body)
        except (CallError, ApiError) as error:
            return error

    def _answer(self, body: bytes) -> Accepted:
        if body == b"silence":
            raise ApiError("does not answer")
        if b"bad" in body:
            errors = [{"field": "targetUrl", "message": "must be absolute"}]
            raise response_error(400, {"title": "Invalid message", "errors": errors})
        noon = "2025-12-28T12:00:00.000Z"
        return Accepted("m-1", "default", noon, "m-1", (), duplicate=b"twice" in body)


def test_a_file_is_split_into_numbered_lines_and_their_bytes_are_kept() -> None:
    raw = [b'\xef\xbb\xbf{"payload": 1.10}\r\n', b"\n", b"   \n", b'{"payload": "\xc3\xa9"}']
    assert list(read_lines(raw)) == [
        Line(1, b'{"payload": 1.10}'),
        Line(4, b'{"payload": "\xc3\xa9"}'),
    ]


def test_an_accepted_message_is_known_by_its_ids() -> None:
    handed = hand_over(FakeApi(), Line(3, b"{}"))
    assert (handed.message, handed.duplicate) == (MessageRef("m-1", "default"), False)


def test_an_answer_of_200_means_that_it_had_been_accepted_before() -> None:
    assert hand_over(FakeApi(), Line(3, b'"twice"')).duplicate


def test_a_refused_message_names_the_field() -> None:
    handed = hand_over(FakeApi(), Line(3, b'"bad"'))
    assert (handed.message, handed.problems) == (None, ("targetUrl: must be absolute",))


def test_an_api_that_does_not_answer_is_a_refusal_of_that_line() -> None:
    assert hand_over(FakeApi(), Line(3, b"silence")).problems == ("does not answer",)


def test_a_message_that_may_have_been_accepted_is_told_with_its_id() -> None:
    class Busy(FakeApi):
        def _answer(self, body: bytes) -> Accepted:
            error = response_error(503, {"detail": "Send it again with this messageId"})
            error.message_id = "msg_1"
            raise error

    (problem,) = hand_over(Busy(), Line(1, b"{}")).problems
    assert problem == "HTTP 503 Send it again with this messageId (messageId msg_1)"


def test_all_lines_are_handed_over_and_never_more_than_a_few_at_once() -> None:
    api = FakeApi()
    lines = [Line(number, b"%d" % number) for number in range(1, 101)]
    handed = list(HandingOver(api, lines, concurrency=4))
    assert sorted(one.line.number for one in handed) == list(range(1, 101))
    assert sorted(api.bodies) == sorted(line.body for line in lines)
    assert api.most_at_once <= 4


def test_lines_are_sent_together_and_each_has_its_own_result() -> None:
    api = FakeApi()
    bodies = [b"{}", b'"bad"', b"silence", b'{"a": "\xff"}', b'"twice"', b"{}", b"{}"]
    lines = [Line(number, body) for number, body in enumerate(bodies, start=1)]
    found = list(HandingOver(api, lines, together=3))
    assert sorted(api.batches) == [2, 3]  # and the last one alone
    assert [one.line.number for one in found] == list(range(1, 8))
    assert [(one.duplicate, one.problems) for one in found] == [
        (False, ()),
        (False, ("targetUrl: must be absolute",)),
        (False, ("does not answer",)),
        (False, ("is not UTF-8 (byte 8 of the line)",)),
        (True, ()),
        (False, ()),
        (False, ()),
    ]


def test_long_lines_are_sent_in_smaller_groups() -> None:
    api = FakeApi()
    lines = [Line(number, b" " * 2_000_000) for number in range(1, 8)]
    assert len(list(HandingOver(api, lines, together=100))) == 7
    assert api.batches == [3, 3]


def test_lines_are_reported_in_the_order_of_the_file() -> None:
    second = threading.Event()

    class SlowFirst(FakeApi):
        def submit(self, body: bytes) -> Accepted:
            if body == b"1":
                assert second.wait(10)
            else:
                second.set()
            return super().submit(body)

    lines = [Line(number, b"%d" % number) for number in range(1, 5)]
    handed = HandingOver(SlowFirst(), lines, concurrency=4)
    assert [one.line.number for one in handed] == [1, 2, 3, 4]


def test_a_file_is_read_no_faster_than_it_is_sent() -> None:
    read = 0

    def lines() -> Any:
        nonlocal read
        for number in range(1, 101):
            read = number
            yield Line(number, b"{}")

    next(iter(HandingOver(FakeApi(), lines(), concurrency=2)))
    assert read <= 4


@pytest.mark.parametrize("payload", ["12345678901234567890", '{"total": 1.10}', '"\\u00e9"'])
def test_a_json_payload_is_put_into_the_body_as_it_was_written(payload: str) -> None:
    body = compose("https://example.com", payload, {"messageId": "m-1", "senderId": None})
    assert json.loads(body) == {
        "targetUrl": "https://example.com",
        "messageId": "m-1",
        "payload": json.loads(payload),
    }
    assert payload.encode() in body


def test_a_payload_of_another_content_type_is_a_string() -> None:
    body = compose("https://example.com", "<a/>", {"contentType": "application/xml"})
    assert json.loads(body)["payload"] == "<a/>"


@pytest.mark.parametrize("content_type", [None, "application/json; charset=utf-8", "a/b+json"])
def test_a_payload_that_should_be_json_and_is_not_is_refused(content_type: str | None) -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        compose("https://example.com", "nonsense", {"contentType": content_type})


DEEP = b"[" * 5000 + b"]" * 5000
LONG = b"9" * 5000


@pytest.mark.parametrize(
    "body",
    [
        b'{"messageId": "m", "payload": ' + DEEP + b"}",
        b'{"messageId": "m", "payload": ' + LONG + b"}",
        DEEP,
        LONG,
        b"[]",
        b"nonsense",
    ],
)
def test_a_line_that_cannot_be_read_here_is_sent_as_it_is_for_the_api_to_judge(body: bytes) -> None:
    api = FakeApi()
    assert hand_over(api, Line(1, body)).message == MessageRef("m-1", "default")
    assert api.bodies == [body]


def test_a_line_that_is_not_utf8_is_refused_and_the_rest_are_sent() -> None:
    api = FakeApi()
    lines = [Line(1, b"{}"), Line(2, b'{"a": "\xff"}'), Line(3, b"{}")]
    found = list(HandingOver(api, lines))
    assert [one.problems for one in found] == [(), ("is not UTF-8 (byte 8 of the line)",), ()]
    assert api.bodies == [b"{}", b"{}"]


@given(st.binary())
def test_whatever_a_line_is_it_is_accepted_or_refused(body: bytes) -> None:
    handed = hand_over(FakeApi(), Line(1, body))
    assert (handed.message is None) == bool(handed.problems)


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        ("NaN", "NaN is not valid JSON"),
        ("[-Infinity]", "-Infinity is not valid JSON"),
        (DEEP.decode(), "nested more than 500 levels deep"),
        ('1, "messageId": "m"', "Extra data"),
    ],
)
def test_a_payload_that_the_api_cannot_read_is_refused_before_it_is_sent(
    payload: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        compose("https://example.com/", payload, {})


def test_a_number_of_any_length_is_a_payload() -> None:
    assert LONG in compose("https://example.com/", LONG.decode(), {})


def test_an_interrupted_run_starts_no_more_messages_and_reports_those_that_it_started() -> None:
    begun, release = threading.Semaphore(0), threading.Event()

    class Slow(FakeApi):
        def submit(self, body: bytes) -> Accepted:
            begun.release()
            assert release.wait(10)
            return super().submit(body)

    def lines() -> Any:
        yield from (Line(number, b"%d" % number) for number in (1, 2, 3))
        for _ in range(2):
            assert begun.acquire(timeout=10)
        release.set()
        raise KeyboardInterrupt

    api = Slow()
    handing = HandingOver(api, lines(), concurrency=2)
    with pytest.raises(KeyboardInterrupt):
        list(handing)
    told = [one.line.number for one in handing.begun()]
    assert told[:2] == [1, 2]
    assert len(api.bodies) == len(told)


def test_what_was_yielded_when_it_was_broken_off_is_not_lost() -> None:
    handing = HandingOver(FakeApi(), [Line(number, b"{}") for number in (1, 2, 3)], concurrency=1)
    results = iter(handing)
    assert next(results).line.number == 1
    results.close()
    assert next(handing.begun()).line.number == 1


def test_a_message_to_an_endpoint_has_a_policy_and_headers_of_its_own() -> None:
    options: dict[str, object] = {
        "endpointId": "orders",
        "policy": {"maxAttempts": 5},
        "headers": {"x-tenant": "acme"},
    }
    assert json.loads(compose(None, "1", options)) == {**options, "payload": 1}

"""The client with a scripted API: what it sends, and how it handles each response."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from faulty_server import Answer, Silence, serving

from homing.client import (
    Accepted,
    CallError,
    ConflictError,
    ForbiddenError,
    Homing,
    NotFoundError,
    RejectedError,
    ResponseError,
    ThrottledError,
    UnavailableError,
    UnreachableError,
)
from homing.errors import FieldError, HomingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from conftest import Played

TARGET = "https://example.com/hooks"
ACCEPTED = {
    "messageId": "m-1",
    "senderId": "shop",
    "timestamp": "2025-12-28T12:00:00.000Z",
    "correlationId": "m-1",
    "deliveries": [{"deliveryId": "d-1", "targetUrl": TARGET, "endpointId": "orders"}],
    "links": {"self": "/v1/messages/m-1"},
}
OK = Answer(202, ACCEPTED)
BUSY = Answer(503, {"title": "Service Unavailable", "detail": "Try again"})


def ids(played: Played) -> list[str]:
    return [json.loads(asked.body)["messageId"] for asked in played.script.asked]


def test_a_message_is_sent_with_a_new_id_and_the_key(played: Played) -> None:
    played.script.answers = [OK]
    accepted = played.homing().send(target_url=TARGET, payload={"total": 1})
    [asked] = played.script.asked
    document = json.loads(asked.body)
    assert document.pop("messageId").startswith("msg_")
    assert document == {"targetUrl": TARGET, "payload": {"total": 1}}
    assert (asked.method, asked.path) == ("POST", "/v1/messages")
    assert asked.headers["Authorization"] == "Bearer hmg_0123456789abcdef_secret"
    assert asked.headers["Content-Type"] == "application/json"
    assert (accepted.message_id, accepted.sender_id, accepted.duplicate) == ("m-1", "shop", False)
    assert accepted.deliveries[0].endpoint_id == "orders"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_api_is_asked_again_with_the_same_bytes(played: Played, status: int) -> None:
    played.script.answers = [Answer(status), Answer(status), OK]
    assert played.homing().send(target_url=TARGET, payload=1).message_id == "m-1"
    assert len({asked.body for asked in played.script.asked}) == 1
    assert played.time.slept == [0.25, 0.5]


@pytest.mark.parametrize("silence", [Silence.BREAK, Silence.CUT])
def test_a_message_whose_answer_was_lost_is_sent_again_with_its_id(
    played: Played, silence: Silence
) -> None:
    """The API has accepted the first request, so it answers the second as a duplicate."""
    played.script.answers = [silence, Answer(200, ACCEPTED)]
    assert played.homing().send(target_url=TARGET, payload=1).duplicate
    first, second = ids(played)
    assert first == second


def test_a_call_that_times_out_is_made_again(played: Played) -> None:
    played.script.answers = [Silence.HANG, OK]
    assert played.homing(timeout=0.05).send(target_url=TARGET, payload=1).message_id == "m-1"
    assert len(played.script.asked) == 2


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("Sun, 28 Dec 2025 12:00:09 GMT", 9), ("soon", 0)]
)
def test_no_try_comes_before_the_time_that_retry_after_names(
    played: Played, status: int, header: str, seconds: float
) -> None:
    played.script.answers = [Answer(status, headers={"Retry-After": header}), OK]
    played.homing().send(target_url=TARGET, payload=1)
    assert played.time.slept == [seconds + 0.25]


def test_pauses_grow_to_eight_seconds_and_end_within_the_time_given(played: Played) -> None:
    played.script.answers = [BUSY]
    with pytest.raises(UnavailableError, match="HTTP 503 Try again") as caught:
        played.homing(give_up_after=30).send(target_url=TARGET, payload=1)
    assert played.time.slept == [0.25, 0.5, 1, 2, 4, 8, 8]
    assert caught.value.message_id == ids(played)[0]
    assert caught.value.message_id in str(caught.value)


def test_a_retry_after_beyond_the_time_given_is_raised_at_once(played: Played) -> None:
    played.script.answers = [Answer(429, {"message": "Rate exceeded"}, {"Retry-After": "61"})]
    with pytest.raises(ThrottledError, match="Rate exceeded") as caught:
        played.homing(give_up_after=60).send(target_url=TARGET, payload=1)
    assert (caught.value.retry_after, caught.value.is_transient) == (61, True)
    assert played.time.slept == []


def test_pauses_are_drawn_so_that_callers_do_not_come_back_together(played: Played) -> None:
    played.script.answers = [BUSY, BUSY, OK]
    played.homing(draw=0.5).send(target_url=TARGET, payload=1)
    assert played.time.slept == [0.125, 0.25]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RejectedError),
        (401, ForbiddenError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, RejectedError),
        (418, ResponseError),
        (307, ResponseError),
        (501, UnavailableError),
    ],
)
def test_an_error_of_the_caller_is_raised_at_once_with_its_problem(
    played: Played, status: int, kind: type[ResponseError]
) -> None:
    problem = {
        "type": "urn:homing:problem:invalid-message",
        "title": "The message cannot be accepted",
        "detail": "payload is missing",
        "errors": [{"field": "payload", "message": "is missing"}, "nonsense", {"field": "x"}],
    }
    played.script.answers = [Answer(status, problem)]
    with pytest.raises(kind, match="payload: is missing") as caught:
        played.homing().send(target_url=TARGET, payload=1)
    found = caught.value.problem
    assert type(caught.value) is kind
    assert (found.status, found.type) == (status, "urn:homing:problem:invalid-message")
    assert found.errors == (FieldError("payload", "is missing"),)
    assert found.document == problem
    assert len(played.script.asked) == 1
    assert isinstance(caught.value, (CallError, HomingError))


@pytest.mark.parametrize("member", ["message", "Message"])
def test_what_aws_says_of_a_refused_caller_is_told(played: Played, member: str) -> None:
    played.script.answers = [Answer(403, {member: "Forbidden"})]
    with pytest.raises(ForbiddenError, match="HTTP 403 Forbidden"):
        played.homing().send(target_url=TARGET, payload=1)


@pytest.mark.parametrize("document", [b"<html>", None, [], {}, {"messageId": 1}, b"[" * 9999])
@pytest.mark.parametrize("status", [200, 202])
def test_an_answer_that_is_not_homings_is_an_error(
    played: Played, status: int, document: Any
) -> None:
    played.script.answers = [Answer(status, document)]
    with pytest.raises(ResponseError, match="check the URL of the API"):
        played.homing().send(target_url=TARGET, payload=1)


def test_where_nobody_listens_the_message_may_be_sent_later_with_its_id(played: Played) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        homing = Homing(url, api_key="hmg_x", retrying=played.time.retrying(give_up_after=1))
        with pytest.raises(UnreachableError, match=f"{url} did not answer") as caught:
            homing.send(target_url=TARGET, payload=1, message_id="m-1")
    assert (caught.value.message_id, caught.value.is_transient) == ("m-1", True)
    assert played.time.slept == [0.25, 0.5]


@dataclass
class BatchApi:
    """An API that answers each message, single or in a batch, by `judge`; it keeps the requests."""

    judge: Callable[[dict[str, Any]], Answer]
    most_values: int = 1000
    asked: list[list[Any]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def __call__(self, asked: Any) -> Answer:
        document = json.loads(asked.body)
        self.sizes.append(len(asked.body))
        if asked.path == "/v1/messages":
            self.asked.append([document["payload"]])
            return self.judge(document)
        messages = document["messages"]
        if len(messages) > self.most_values:
            return Answer(400, {"detail": "has too many values"})
        self.asked.append([each["payload"] for each in messages])
        return Answer(200, {"results": [self._result(each) for each in messages]})

    def _result(self, message: dict[str, Any]) -> dict[str, Any]:
        answer = self.judge(message)
        name = "message" if answer.status < 400 else "problem"
        return {"status": answer.status, name: answer.document}


def take(message: dict[str, Any]) -> Answer:
    return Answer(202, ACCEPTED | {"messageId": message["messageId"]})


def fields_of(numbers: Iterable[int]) -> list[Any]:
    return [{"target_url": TARGET, "payload": one, "message_id": f"m-{one}"} for one in numbers]


def test_a_batch_is_answered_message_by_message_in_its_order(played: Played) -> None:
    def judge(message: dict[str, Any]) -> Answer:
        return take(message) if message["payload"] % 3 else Answer(400, {"detail": "no thirds"})

    api = BatchApi(judge)
    with serving(api) as url:
        homing = Homing(url, api_key="hmg_x", retrying=played.time.retrying())
        results = homing.send_batch(fields_of(range(250)))
    for number, result in enumerate(results):
        assert isinstance(result, RejectedError) == (number % 3 == 0)
        assert result.message_id == f"m-{number}"
    assert sorted(api.asked) == [
        list(range(100)),
        list(range(100, 200)),
        list(range(200, 250)),
    ]


def test_of_a_batch_only_what_failed_temporarily_is_sent_again_with_its_id(
    played: Played,
) -> None:
    seen: Counter[str] = Counter()

    def judge(message: dict[str, Any]) -> Answer:
        seen[message["messageId"]] += 1
        if message["payload"] % 5 == 0 and seen[message["messageId"]] < 3:
            return Answer(503, {"detail": "send it again"})
        return take(message) if message["payload"] % 5 != 1 else Answer(409, {"detail": "no"})

    api = BatchApi(judge)
    with serving(api) as url:
        homing = Homing(url, api_key="hmg_x", retrying=played.time.retrying())
        results = homing.send_batch(fields_of(range(20)))
    assert api.asked == [list(range(20)), [0, 5, 10, 15], [0, 5, 10, 15]]
    assert [isinstance(each, ConflictError) for each in results] == [
        number % 5 == 1 for number in range(20)
    ]
    assert [each.message_id for each in results] == [f"m-{number}" for number in range(20)]
    assert played.time.slept == [0.25, 0.5]


def test_what_exceeds_the_rate_of_its_sender_is_sent_again_when_the_api_says(
    played: Played,
) -> None:
    seen: Counter[str] = Counter()

    def judge(message: dict[str, Any]) -> Answer:
        seen[message["messageId"]] += 1
        after = 7 if message["payload"] == 2 else 3
        if message["payload"] and seen[message["messageId"]] < 2:
            return Answer(429, {"detail": "too many", "retryAfterSeconds": after})
        return take(message)

    api = BatchApi(judge)
    with serving(api) as url:
        homing = Homing(url, api_key="hmg_x", retrying=played.time.retrying())
        results = homing.send_batch(fields_of(range(3)))
    assert all(isinstance(each, Accepted) for each in results)
    assert api.asked == [[0, 1, 2], [1, 2]]
    assert played.time.slept == [7.25]


def test_what_fails_for_too_long_is_an_error_with_its_id(played: Played) -> None:
    api = BatchApi(lambda _: Answer(503, {"detail": "down"}))
    with serving(api) as url:
        homing = Homing(url, api_key="hmg_x", retrying=played.time.retrying(give_up_after=5))
        results = homing.send_batch(fields_of(range(3)))
    assert [(type(each), each.message_id, each.is_transient) for each in results] == [  # type: ignore[union-attr]
        (UnavailableError, f"m-{number}", True) for number in range(3)
    ]
    assert played.time.passed <= 5


def test_a_batch_that_gets_no_answer_is_repeated_as_it_was_and_then_an_error_for_each(
    played: Played,
) -> None:
    played.script.answers = [BUSY]
    results = played.homing(give_up_after=1).send_batch(fields_of(range(2)))
    assert [(type(each), each.message_id) for each in results] == [
        (UnavailableError, "m-0"),
        (UnavailableError, "m-1"),
    ]
    assert len({asked.body for asked in played.script.asked}) == 1
    assert played.time.slept == [0.25, 0.5]


def test_a_batch_that_is_refused_as_a_whole_is_halved(played: Played) -> None:
    api = BatchApi(take, most_values=3)
    with serving(api) as url:
        homing = Homing(url, api_key="hmg_x", retrying=played.time.retrying())
        results = homing.send_batch(fields_of(range(10)))
    assert all(isinstance(each, Accepted) for each in results)
    assert [each.message_id for each in results] == [f"m-{number}" for number in range(10)]
    assert api.asked == [[0, 1], [2, 3, 4], [5, 6], [7, 8, 9]]


def test_a_batch_that_is_too_large_for_a_request_is_sent_in_several(played: Played) -> None:
    api = BatchApi(take)
    large = [{"target_url": TARGET, "payload": '"' * 600_000} for _ in range(7)]
    with serving(api) as url:
        homing = Homing(url, api_key="hmg_x", retrying=played.time.retrying())
        assert all(isinstance(each, Accepted) for each in homing.send_batch(large))
    assert sorted(len(each) for each in api.asked) == [1, 2, 2, 2]


@pytest.mark.parametrize("odd", [b'{"a": 1}, {"b": 2}', b"7", b"]}", b"\xff", b"", b"[" * 9999])
def test_what_is_no_message_breaks_no_batch(odd: bytes, played: Played) -> None:
    bodies = []

    def judge(asked: Any) -> Answer:
        bodies.append(asked.body)
        if asked.path == "/v1/messages":
            return Answer(400, {"detail": "no"})
        messages = json.loads(asked.body)["messages"]
        results = [{"status": 202, "message": take(each).document} for each in messages]
        return Answer(200, {"results": results})

    good = b'{"payload": 1.10, "messageId": "m-1"}'
    with serving(judge) as url:
        homing = Homing(url, api_key="hmg_x", retrying=played.time.retrying())
        results = homing.send_raw_batch([good, good, odd, good, good])
    assert [isinstance(each, Accepted) for each in results] == [True, True, False, True, True]
    pair = b'{"messages": [%s, %s]}' % (good, good)
    assert bodies == [pair, odd, pair]


@pytest.mark.parametrize(
    "document", [None, [], {}, {"results": []}, {"results": [1, 2]}, {"results": [{}, {}]}]
)
def test_an_answer_to_a_batch_that_is_not_homings_is_an_error_for_each(
    document: Any, played: Played
) -> None:
    played.script.answers = [Answer(200, document)]
    results = played.homing().send_batch(fields_of(range(2)))
    assert [str(each) for each in results] == [
        f"HTTP 200 the response is not from Homing; check the URL of the API (messageId m-{number})"
        for number in range(2)
    ]


def test_a_batch_with_a_field_that_is_unknown_sends_nothing(played: Played) -> None:
    good, bad = {"target_url": TARGET, "payload": 1}, {"targetUrl": TARGET, "payload": 1}
    with pytest.raises(TypeError, match=r"no field targetUrl; it has .*target_url"):
        played.homing().send_batch([good, bad])
    assert played.script.asked == []


DELIVERY = {
    "deliveryId": "d-1",
    "targetUrl": TARGET,
    "status": "RETRY_SCHEDULED",
    "attempts": 1,
    "nextRetryAt": "2025-12-28T12:00:01.250Z",
    "retryHistory": [{"httpStatus": 500}],
}


@pytest.mark.parametrize(
    ("status", "has_ended"),
    [
        ("QUEUED", False),
        ("RETRY_SCHEDULED", False),
        ("DELIVERED", True),
        ("FAILED", True),
        ("MAX_RETRIES_EXCEEDED", True),
        ("CANCELLED", True),
    ],
)
def test_the_status_of_a_message_says_which_deliveries_have_ended(
    played: Played, status: str, *, has_ended: bool
) -> None:
    document = {
        "messageId": "a b",
        "senderId": "s&t",
        "deliveries": [DELIVERY | {"status": status}],
    }
    played.script.answers = [Answer(200, document)]
    found = played.homing().message("a b/c", sender_id="s&t")
    (delivery,) = found.deliveries
    assert (delivery.status, delivery.has_ended, delivery.attempts) == (status, has_ended, 1)
    assert delivery.document["retryHistory"] == [{"httpStatus": 500}]
    assert (found.message_id, found.sender_id) == ("a b", "s&t")
    [asked] = played.script.asked
    assert (asked.method, asked.path) == ("GET", "/v1/messages/a%20b%2Fc?senderId=s%26t")


def test_a_message_that_is_not_on_record_is_not_found_and_named(played: Played) -> None:
    played.script.answers = [Answer(404, {"detail": "No message m-1 is on record"})]
    with pytest.raises(NotFoundError, match="No message m-1") as caught:
        played.homing().message("m-1")
    assert caught.value.message_id == "m-1"


def test_a_redrive_tells_the_result_for_each_delivery_and_is_repeated(played: Played) -> None:
    results = [{"deliveryId": "d-1", "targetUrl": TARGET, "result": "REDRIVEN"}]
    played.script.answers = [
        BUSY,
        Answer(202, {"messageId": "m-1", "senderId": "default", "deliveries": results}),
    ]
    (delivery,) = played.homing().redrive("m-1").deliveries
    assert delivery.result == "REDRIVEN"
    assert [(asked.method, asked.path) for asked in played.script.asked] == [
        ("POST", "/v1/messages/m-1/redrive")
    ] * 2


LISTED = {
    "deliveryId": "d-1",
    "messageId": "m-1",
    "status": "FAILED",
    "attempts": 1,
    "category": "GONE",
    "reason": "HTTP 410",
}


def test_a_list_is_read_page_by_page_with_its_filter(played: Played) -> None:
    played.script.answers = [
        Answer(200, {"deliveries": [LISTED], "after": "x"}),
        Answer(200, {"deliveries": [LISTED]}),
    ]
    found = list(played.homing().deliveries(status=["FAILED", "CANCELLED"], endpoint_id="crm"))
    assert [(one.message_id, one.category) for one in found] == [("m-1", "GONE")] * 2
    query = "/v1/messages?status=FAILED%2CCANCELLED&endpointId=crm"
    assert [asked.path for asked in played.script.asked] == [query, f"{query}&after=x"]


def test_a_bulk_redrive_has_its_id_before_the_first_try(played: Played) -> None:
    begun = {
        "redriveId": "r-1",
        "status": "REDRIVING",
        "matched": 3,
        "redriven": 0,
        "delivered": 0,
        "failed": 0,
        "waiting": 0,
    }
    played.script.answers = [BUSY, Answer(202, begun), Answer(200, begun | {"status": "ENDED"})]
    homing = played.homing()
    assert not homing.redrive_all(category="GONE", rate_per_second=5).has_ended
    assert homing.stop_redrive("r-1", sender_id="shop").has_ended
    first, second, stop = played.script.asked
    assert json.loads(first.body) == json.loads(second.body)
    assert json.loads(first.body)["filter"] == {"category": "GONE"}
    assert len(json.loads(first.body)["redriveId"]) == 32
    assert (stop.method, stop.path) == ("DELETE", "/v1/redrives/r-1?senderId=shop")


def test_a_filter_with_an_unknown_field_is_refused_before_anything_is_asked(
    played: Played,
) -> None:
    with pytest.raises(TypeError, match="a filter has no field colour"):
        played.homing().redrive_all(colour="red")  # type: ignore[call-arg]
    assert played.script.asked == []


def test_a_request_that_must_not_be_repeated_is_made_once(played: Played) -> None:
    played.script.answers = [BUSY]
    with pytest.raises(UnavailableError):
        played.homing().request("POST", "/v1/endpoints/a/rotate-secret", b"{}", repeat=False)
    assert len(played.script.asked) == 1


@pytest.mark.parametrize(
    ("fields", "kind", "complaint"),
    [
        ({"payload": Decimal(1)}, TypeError, "payload cannot be written as JSON"),
        ({"payload": float("nan")}, ValueError, "payload cannot be written as JSON"),
        ({"payload": 1, "policy": {"x": object()}}, TypeError, "policy cannot be written"),
        ({"payload": 1, "deliver_at": datetime(2026, 1, 1)}, ValueError, "deliver_at needs a time"),  # noqa: DTZ001
        ({"target_url": TARGET}, TypeError, "a message needs a payload"),
        ({"payload": 1, "evnt_type": "a"}, TypeError, "a message has no field evnt_type"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_field_before_it_is_sent(
    played: Played, fields: dict[str, Any], kind: type[Exception], complaint: str
) -> None:
    with pytest.raises(kind, match=complaint):
        played.homing().send(**fields)
    assert played.script.asked == []


def test_a_message_id_that_is_none_by_mistake_is_not_replaced(played: Played) -> None:
    """A new id would silently disable deduplication. Null is sent, and the API refuses it."""
    played.script.answers = [Answer(400, {"detail": "messageId must not be null"})]
    with pytest.raises(RejectedError):
        played.homing().send(payload=1, target_url=TARGET, message_id=None)  # type: ignore[arg-type]
    assert ids(played) == [None]


def test_beside_boto3_the_client_imports_nothing_but_itself() -> None:
    """So importing it takes a few milliseconds, and it needs no package but botocore."""
    program = (
        "import sys, {before}; before = set(sys.modules); import homing.client; "
        "print(*sorted({{name.split('.')[0] for name in set(sys.modules) - before}}))"
    )
    beside_boto3 = _run(program.format(before="boto3"))
    assert beside_boto3 == {"homing"}
    alone = _run(program.format(before="json")) - sys.stdlib_module_names
    # urllib3 tries to import `backports.zstd`, and so loads `backports` if another package provides
    # it.
    of_botocore = {"botocore", "dateutil", "jmespath", "six", "urllib3", "certifi", "backports"}
    assert alone <= of_botocore | {"homing"}
    modules = _run("import sys, homing.client; print(*sys.modules)")
    ours = {name for name in modules if name.startswith("homing.")}
    assert {name for name in ours if not name.startswith("homing.client")} == {
        "homing.errors",
        "homing.retry",
        "homing.retry.retry_after",
        "homing.stack_outputs",
    }


def _run(program: str) -> set[str]:
    done = subprocess.run(  # noqa: S603 -- the interpreter that the test runs in
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())

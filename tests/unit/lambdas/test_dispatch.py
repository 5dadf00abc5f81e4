"""The function `dispatch`."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from homing.delivery import document_text
from homing.dispatch.executions import FirstAttempt, FirstAttempts
from homing.dispatch.express_path import Settled
from homing.errors import DetachedError, UnsettledError
from lambdas import dispatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing.delivery import Delivery

    Logged = Callable[[], list[dict[str, Any]]]


class Context:
    """The members of a Lambda context that Powertools reads."""

    aws_request_id = "request-1"


@pytest.fixture
def states(ledger_table: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    client = boto3.client("stepfunctions")
    machine = client.create_state_machine(
        name="delivery",
        definition='{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/states",
    )
    for name, value in {
        "STATE_MACHINE_ARN": machine["stateMachineArn"],
        "FIRST_ATTEMPT_ARN": "",
        "FIRST_ATTEMPT_TIMEOUT_SECONDS": "60",
        "ATTEMPT_TIMEOUT_SECONDS": "15",
        "ATTEMPTS_PER_ENDPOINT": "5",
        "SLOW_THRESHOLD_SECONDS": "1",
        "FIRST_WAIT_SECONDS": "0.15",
        "DELIVERY_QUEUE_URL": "https://delivery-queue",
        "BULK_QUEUE_URL": "https://bulk-queue",
        "LEDGER_TABLE": "ledger",
        "DEAD_LETTER_QUEUE_URL": "https://queue",
    }.items():
        monkeypatch.setenv(name, value)
    dispatch._desk.cache_clear()  # the test starts with a new container
    yield client
    dispatch._desk.cache_clear()


def record(body: str, queue_message_id: str = "1", group: str | None = None) -> dict[str, Any]:
    in_group = {} if group is None else {"MessageGroupId": group}
    return {
        "messageId": queue_message_id,
        "body": body,
        "eventSource": "aws:sqs",
        "receiptHandle": "handle",
        "attributes": {"ApproximateReceiveCount": "1", **in_group},
        "messageAttributes": {},
    }


def failures(result: dict[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in result["batchItemFailures"]]


def executions(states: Any) -> list[dict[str, Any]]:
    (machine,) = states.list_state_machines()["stateMachines"]
    return states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]


def test_a_delivery_starts_one_execution_named_after_it_with_the_very_body_as_input(
    states: Any, delivery: Delivery
) -> None:
    body = document_text(delivery.to_document())
    assert failures(dispatch.handler({"Records": [record(body)]}, Context())) == []
    (execution,) = executions(states)
    assert execution["name"] == delivery.reference.delivery_id
    described = states.describe_execution(executionArn=execution["executionArn"])
    assert described["input"] == body


def test_a_delivery_that_has_been_handed_over_before_counts_as_done(
    states: Any, delivery: Delivery
) -> None:
    body = json.dumps(delivery.to_document())
    other = json.dumps(replace(delivery, attempt_number=1).to_document())
    for text in (body, other):
        assert failures(dispatch.handler({"Records": [record(text)]}, Context())) == []
    assert len(executions(states)) == 1


def test_of_a_batch_with_one_poison_message_only_that_one_goes_back(
    states: Any, delivery: Delivery, logged: Logged
) -> None:
    bodies = [
        json.dumps(replace(delivery, reference=reference).to_document())
        for reference in (
            replace(delivery.reference, message_id=f"m{number}") for number in range(3)
        )
    ]
    bodies.insert(1, '{"reference": {}}')
    records = [record(body, str(number), f"group-{number}") for number, body in enumerate(bodies)]
    assert failures(dispatch.handler({"Records": records}, Context())) == ["1"]
    assert len(executions(states)) == 3
    (failed,) = [line for line in logged() if line["message"] == "dispatch.failed"]
    assert failed["queueMessageId"] == "1"
    assert failed["deliveryId"] == "group-1"
    assert failed["DispatchFailed"] == [1.0]
    assert "messageId" in failed["exception"]


@pytest.mark.parametrize("body", ["", "not json", "[]", "null"])
def test_a_batch_of_nothing_but_poison_goes_back_whole_without_an_error(
    states: Any, body: str
) -> None:
    assert failures(dispatch.handler({"Records": [record(body, "7")]}, Context())) == ["7"]
    assert executions(states) == []


def test_a_message_whose_workflow_cannot_be_started_returns_to_the_queue_and_is_logged(
    states: Any, delivery: Delivery, logged: Logged
) -> None:
    (machine,) = states.list_state_machines()["stateMachines"]
    states.delete_state_machine(stateMachineArn=machine["stateMachineArn"])
    body = json.dumps(delivery.to_document())
    assert failures(dispatch.handler({"Records": [record(body, "3")]}, Context())) == ["3"]
    (failed,) = [line for line in logged() if line["message"] == "dispatch.failed"]
    assert failed.items() >= {"queueMessageId": "3", **delivery.reference.ids()}.items()


@dataclass
class FakeRedelivery:
    """Records which redeliveries are postponed; it may fail."""

    works: bool = True
    asked: list[tuple[str, int]] = field(default_factory=list)

    def put_off(self, receipt_handle: str, seconds: int, queue: str) -> bool:
        assert queue == ("bulk.fifo" if receipt_handle == "of the bulk queue" else "")
        self.asked.append((receipt_handle, seconds))
        return self.works


@dataclass
class Leaving:
    """An express path that detaches some messages, fails at one, and settles all others."""

    reference: Any
    leaves: tuple[str, ...]
    breaks: str = "broken"
    settled: list[str] = field(default_factory=list)

    def settle(self, body: str) -> Any:
        self.settled.append(body)
        if body in self.leaves:
            raise DetachedError
        if body == self.breaks:
            raise UnsettledError("for a moment")
        return self.reference, Settled.DELIVERED


DESK = dispatch._Desk(express_path=Any, redelivery=Any, over_in=50)  # type: ignore[arg-type]


@pytest.fixture
def leave(monkeypatch: pytest.MonkeyPatch, delivery: Delivery) -> Callable[..., Any]:
    """Return a function that installs an express path which detaches some messages."""

    def put(*bodies: str, works: bool = True) -> tuple[Leaving, FakeRedelivery]:
        express_path, redelivery = Leaving(delivery.reference, bodies), FakeRedelivery(works)
        desk: Any = replace(DESK, express_path=express_path, redelivery=redelivery)  # type: ignore[arg-type]
        monkeypatch.setattr(dispatch, "_desk", lambda: desk)
        return express_path, redelivery

    return put


def test_a_detached_message_is_redelivered_once_its_attempt_must_be_over_and_others_are_settled(
    leave: Callable[..., Any], logged: Logged, delivery: Delivery
) -> None:
    slow = json.dumps(delivery.to_document())
    _, redelivery = leave(slow)
    records = [record(slow, "1", "a"), record("quick", "2", "b")]
    assert failures(dispatch.handler({"Records": records}, Context())) == ["1"]
    assert redelivery.asked == [("handle", 50)]
    lines = {line["message"]: line for line in logged()}
    assert set(lines) == {"dispatch.detached", "dispatch.settled"}
    left = lines["dispatch.detached"]
    expected = {"level": "INFO", "queueMessageId": "1", "redeliveredInSeconds": 50}
    assert left.items() >= {**expected, **delivery.reference.ids()}.items()
    assert left["DeliveryDetached"] == [1.0]


def test_a_message_of_the_bulk_queue_is_put_off_there(
    leave: Callable[..., Any], delivery: Delivery
) -> None:
    slow = json.dumps(delivery.to_document())
    _, redelivery = leave(slow)
    of_bulk = {
        "receiptHandle": "of the bulk queue",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:bulk.fifo",
    }
    assert failures(dispatch.handler({"Records": [record(slow) | of_bulk]}, Context())) == ["1"]
    assert redelivery.asked == [("of the bulk queue", 50)]


def test_where_it_cannot_be_put_off_the_queue_decides_and_nothing_else_changes(
    leave: Callable[..., Any], logged: Logged
) -> None:
    leave("slow", works=False)
    result = dispatch.handler({"Records": [record("slow", "1", "a")]}, Context())
    assert failures(result) == ["1"]
    (left,) = logged()
    assert left["message"] == "dispatch.detached"
    assert "redeliveredInSeconds" not in left


@pytest.mark.parametrize(
    ("receives", "works", "asked", "is_redelivered"),
    [
        ("1", True, [("handle", 50)], 50),
        ("1", False, [("handle", 50)], None),
        ("2", True, [], None),
    ],
    ids=["the first time", "when it cannot be put off", "from then on"],
)
def test_what_broke_is_redelivered_when_what_was_begun_is_over_and_later_when_the_queue_sees_fit(
    leave: Callable[..., Any],
    logged: Logged,
    receives: str,
    works: bool,
    asked: list[tuple[str, int]],
    is_redelivered: int | None,
) -> None:
    _, redelivery = leave(works=works)
    broken = record("broken", "1", "a")
    broken["attributes"]["ApproximateReceiveCount"] = receives
    assert failures(dispatch.handler({"Records": [broken]}, Context())) == ["1"]
    assert redelivery.asked == asked
    (failed,) = logged()
    assert (failed["message"], failed["DispatchFailed"]) == ("dispatch.failed", [1.0])
    assert failed.get("redeliveredInSeconds") == is_redelivered


def test_a_message_detached_twice_is_redelivered_after_the_visibility_timeout(
    leave: Callable[..., Any],
) -> None:
    """So five receives last longer than a temporary fault, as for every other fault."""
    _, redelivery = leave("slow")
    again = record("slow", "1", "a")
    again["attributes"]["ApproximateReceiveCount"] = "2"
    assert failures(dispatch.handler({"Records": [again]}, Context())) == ["1"]
    assert redelivery.asked == []


def test_another_message_of_a_detached_delivery_in_one_batch_makes_no_attempt(
    leave: Callable[..., Any],
) -> None:
    express_path, redelivery = leave("slow")
    records = [record("slow", "1", "a"), record("slow", "2", "a"), record("quick", "3", "b")]
    assert failures(dispatch.handler({"Records": records}, Context())) == ["1", "2"]
    assert sorted(express_path.settled) == ["quick", "slow"]
    assert redelivery.asked == [("handle", 50)] * 2


@dataclass
class Watch:
    """An express path that records how many records it settles at once, per delivery and in all."""

    at_once: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def settle(self, body: str) -> Any:
        for key in (body, "all"):
            with self.lock:
                self.at_once[key] += 1
                self.most[key] = max(self.most[key], self.at_once[key])
        time.sleep(0.05)
        self.at_once.subtract([body, "all"])
        raise UnsettledError


def test_messages_of_one_delivery_in_one_batch_are_settled_in_turn_and_others_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch = Watch()
    monkeypatch.setattr(dispatch, "_desk", lambda: replace(DESK, express_path=watch))
    records = [record(body, f"{body}{n}", group=body) for body in "ab" for n in range(3)]
    result = dispatch.handler({"Records": records}, Context())
    assert sorted(failures(result)) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert watch.most == {"a": 1, "b": 1, "all": 2}


class FakeExpress:
    """A Step Functions client that answers StartSyncExecution with the given response."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def start_sync_execution(self, **_: Any) -> dict[str, Any]:
        return self._answer


@pytest.mark.parametrize(
    ("answer", "end", "response_time"),
    [
        (
            {"status": "SUCCEEDED", "output": '{"end": "DELIVERED", "responseTime": 12}'},
            "DELIVERED",
            12,
        ),
        ({"status": "SUCCEEDED", "output": '{"end": "HANDED_OFF"}'}, "HANDED_OFF", None),
        (
            {"status": "FAILED", "error": "FAILED", "cause": "GONE: HTTP 410"},
            "DEAD_LETTERED",
            None,
        ),
        (
            {
                "status": "FAILED",
                "error": "MAX_RETRIES_EXCEEDED",
                "cause": "TIMEOUT: connect",
                "startDate": datetime(2025, 12, 28, 12, 0, 0, tzinfo=UTC),
                "stopDate": datetime(2025, 12, 28, 12, 0, 15, 250_000, tzinfo=UTC),
            },
            "DEAD_LETTERED",
            15_250,
        ),
    ],
)
def test_the_end_of_an_express_execution_is_read_from_its_answer(
    answer: dict[str, Any], end: str, response_time: int | None
) -> None:
    run = FirstAttempts("arn", 60, FakeExpress(answer)).run  # type: ignore[arg-type]
    assert run("id", "{}") == FirstAttempt(end, response_time)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "FAILED", "error": "States.Runtime"},
        {"status": "FAILED"},
        {"status": "TIMED_OUT"},
    ],
)
def test_an_answer_of_200_with_a_broken_execution_settles_nothing(answer: dict[str, Any]) -> None:
    with pytest.raises(UnsettledError, match=answer["status"]):
        FirstAttempts("arn", 60, FakeExpress(answer)).run("id", "{}")  # type: ignore[arg-type]

"""Reading the dead-letter queue, in moto."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from homing_cli.client.queues.dead_letters import DeadLetter, copies, look
from homing_cli.client.queues.undispatched import UndispatchedMessage
from homing_cli.traces.attempt_log import Attempted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homing.delivery import Delivery

VERDICT = {"status": "FAILED", "category": "GONE", "reason": "HTTP 410"}


@dataclass(frozen=True)
class QueueTarget:
    """A target with nothing but a dead-letter queue."""

    sqs: Any
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        assert service == "sqs"
        return self.sqs

    def put(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.outputs["DeadLetterQueueUrl"], MessageBody=body)


@pytest.fixture
def target() -> Iterator[QueueTarget]:
    with mock_aws():
        sqs = boto3.client("sqs", region_name="us-east-1")
        url = sqs.create_queue(QueueName="dead")["QueueUrl"]
        yield QueueTarget(sqs, {"DeadLetterQueueUrl": url})


@pytest.fixture
def body(delivery: Delivery) -> str:
    return json.dumps(delivery.to_document() | {"verdict": VERDICT})


def test_an_empty_queue_has_no_dead_letters(target: QueueTarget) -> None:
    seen = look(target, 10)
    assert (seen.total, seen.dead_letters, seen.summary) == (0, (), "no dead letters")


def test_a_dead_letter_shows_sender_target_and_reason(target: QueueTarget, body: str) -> None:
    target.put(body)
    seen = look(target, 10)
    assert seen.to_document() == {
        "total": 1,
        "deadLetters": [
            {
                "messageId": "order-1841",
                "senderId": "default",
                "targetUrl": "https://example.com/hooks",
                "deliveryId": seen.dead_letters[0].reference.delivery_id,
                "attempts": 1,
                "status": "FAILED",
                "category": "GONE",
                "reason": "HTTP 410",
            }
        ],
        "unreadable": [],
    }


def test_looking_takes_nothing_out(target: QueueTarget, body: str) -> None:
    target.put(*[body] * 13)
    assert len(look(target, 100).dead_letters) == 13
    assert len(look(target, 100).dead_letters) == 13


def test_a_list_stops_at_its_limit_and_says_so(target: QueueTarget, body: str) -> None:
    target.put(*[body] * 13)
    seen = look(target, 12)
    assert (len(seen.dead_letters), seen.summary) == (12, "13 dead letters, read 12")


@pytest.mark.parametrize("odd", ["not JSON", "{}", "[]", '{"reference": 1}'])
def test_what_is_no_delivery_is_counted_and_shown_as_it_is(
    target: QueueTarget, body: str, odd: str
) -> None:
    target.put(odd, body)
    seen = look(target, 10)
    assert (len(seen.dead_letters), seen.unreadable) == (1, (odd,))
    assert seen.summary == "2 dead letters, 1 not readable"


@pytest.mark.slow
def test_a_copy_has_every_dead_letter_whole_and_takes_nothing_out(
    target: QueueTarget, delivery: Delivery
) -> None:
    dead_letters = [delivery.to_document() | {"verdict": VERDICT, "number": n} for n in range(123)]
    target.put(*map(json.dumps, dead_letters))
    for _ in range(2):
        lines = sorted(copies(target), key=lambda line: json.loads(line)["number"])
        assert [json.loads(line) for line in lines] == dead_letters


@pytest.mark.parametrize(
    "change",
    [
        lambda dead_letter: {**dead_letter, "outcome": {"timestamp": "yesterday"}},
        lambda dead_letter: {**dead_letter, "outcome": "none"},
        lambda dead_letter: {**dead_letter, "verdict": []},
        lambda dead_letter: [dead_letter],
    ],
)
def test_a_dead_letter_with_a_part_that_cannot_be_read_is_no_dead_letter(
    body: str, change: Any
) -> None:
    assert DeadLetter.from_body(json.dumps(change(json.loads(body)))) is None


def test_what_is_nested_without_end_is_no_dead_letter() -> None:
    deep = "[" * 100_000
    assert DeadLetter.from_body(deep) is None
    assert UndispatchedMessage.from_body(deep).document == {}
    assert Attempted.from_event({"message": deep, "timestamp": 0}) is None


def test_a_copied_line_is_a_dead_letter_again(target: QueueTarget, body: str) -> None:
    target.put(body)
    (line,) = copies(target)
    assert "\n" not in line
    assert DeadLetter.from_body(line) == DeadLetter.from_body(body)


def test_a_copy_that_is_broken_off_hides_nothing(target: QueueTarget, body: str) -> None:
    target.put(*[body] * 13)
    begun = copies(target)
    next(begun)
    begun.close()
    assert len(look(target, 100).dead_letters) == 13


def test_a_copy_goes_no_further_than_asked(target: QueueTarget, body: str) -> None:
    target.put(*[body] * 13)
    assert len(list(copies(target, 12))) == 12


def test_what_is_no_delivery_is_copied_as_text(target: QueueTarget) -> None:
    target.put("not\nJSON")
    assert list(copies(target)) == ['{"unreadable": "not\\nJSON"}']

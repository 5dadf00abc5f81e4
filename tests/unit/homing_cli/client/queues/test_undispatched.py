"""Undispatched messages: those of one message are sent again, the others stay in the queue."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from homing.delivery import document_text
from homing_cli.client.queues.undispatched import look, send_again

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homing.delivery import Delivery

DEAD_LETTERS = 25  # more than a queue returns at once


@dataclass(frozen=True)
class QueuesTarget:
    """A target with the delivery queue and its dead-letter queue."""

    sqs: Any
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        assert service == "sqs"
        return self.sqs

    def put(self, delivery: Delivery) -> None:
        self.sqs.send_message(
            QueueUrl=self.outputs["UndispatchedQueueUrl"],
            MessageBody=document_text(delivery.to_document()),
            MessageGroupId=delivery.reference.delivery_id,
            MessageDeduplicationId=delivery.reference.delivery_id,
        )

    def sent_again(self) -> list[str]:
        answer = self.sqs.receive_message(
            QueueUrl=self.outputs["DeliveryQueueUrl"], MaxNumberOfMessages=10
        )
        bodies = [json.loads(message["Body"]) for message in answer.get("Messages", [])]
        return [body["reference"]["messageId"] for body in bodies]


@pytest.fixture
def target(delivery: Delivery) -> Iterator[QueuesTarget]:
    """A target whose queue of undispatched messages contains `m-0` to `m-24`."""
    with mock_aws():
        sqs = boto3.client("sqs", region_name="us-east-1")
        urls = {
            output: sqs.create_queue(QueueName=f"{output}.fifo", Attributes={"FifoQueue": "true"})
            for output in ("DeliveryQueueUrl", "UndispatchedQueueUrl")
        }
        found = QueuesTarget(sqs, {output: made["QueueUrl"] for output, made in urls.items()})
        for number in range(DEAD_LETTERS):
            reference = replace(delivery.reference, message_id=f"m-{number}")
            found.put(replace(delivery, reference=reference))
        yield found


def waiting(target: Any) -> set[str]:
    return {dead_letter.message_id for dead_letter in look(target, 100)}


@pytest.mark.parametrize("message_id", ["m-0", "m-11", "m-24"])
def test_one_message_is_found_wherever_it_lies_and_the_others_stay(
    target: Any, message_id: str
) -> None:
    assert send_again(target, message_id) == 1
    assert target.sent_again() == [message_id]
    assert waiting(target) == {f"m-{number}" for number in range(DEAD_LETTERS)} - {message_id}


def test_without_an_id_all_go_back(target: Any) -> None:
    assert send_again(target, None) == DEAD_LETTERS
    assert waiting(target) == set()


class QueueFullError(Exception):
    """Stands for the error of a delivery queue that accepts nothing."""


def test_where_the_delivery_queue_takes_nothing_what_was_passed_over_is_visible_again(
    target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise QueueFullError

    monkeypatch.setattr(target.sqs, "send_message", refuse)
    with pytest.raises(QueueFullError):
        send_again(target, "m-11")
    passed_over = {f"m-{number}" for number in range(11)}
    assert passed_over <= waiting(target)

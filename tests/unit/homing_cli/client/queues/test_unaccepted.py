"""Unaccepted messages are listed, put on their ingest queue again, or deleted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from homing.queues.unaccepted import UnacceptedQueue
from homing_cli.client.queues.unaccepted import discard, look, send_again

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBLEM = {"type": "urn:homing:problem:invalid-message", "detail": "targetUrl is required"}
MESSAGES = 12  # more than a queue returns at once


@dataclass(frozen=True)
class Queues:
    """A target with two ingest queues and the queue of unaccepted messages."""

    sqs: Any
    outputs: dict[str, str]
    urls: dict[str, str]

    def client(self, service: str) -> Any:
        assert service == "sqs"
        return self.sqs

    def arn(self, name: str) -> str:
        asked = {"QueueUrl": self.urls[name], "AttributeNames": ["QueueArn"]}
        found: str = self.sqs.get_queue_attributes(**asked)["Attributes"]["QueueArn"]
        return found

    def set_aside(self, body: str, queue: str = "ingest", **attributes: str) -> None:
        made = UnacceptedQueue(self.urls["unaccepted"], self.sqs)
        made.send(body, attributes, queue_arn=self.arn(queue), problem=PROBLEM)

    def on(self, name: str) -> list[tuple[str, dict[str, str]]]:
        """Return the bodies and attributes of the messages on a queue."""
        answer = self.sqs.receive_message(
            QueueUrl=self.urls[name], MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return [
            (one["Body"], {k: v["StringValue"] for k, v in one["MessageAttributes"].items()})
            for one in answer.get("Messages", [])
        ]


@pytest.fixture
def queues() -> Iterator[Queues]:
    with mock_aws():
        sqs = boto3.client("sqs", region_name="us-east-1")
        names = ("ingest", "partners", "unaccepted")
        urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in names}
        outputs = {"UnacceptedQueueUrl": urls["unaccepted"], "IngestQueueUrl": urls["ingest"]}
        yield Queues(sqs, outputs, urls)


def waiting(queues: Any) -> set[str]:
    return {each.message_id for each in look(queues, 100)}


@pytest.fixture
def full(queues: Queues) -> Queues:
    for number in range(MESSAGES):
        queues.set_aside(f'{{"messageId": "m-{number}"}}', messageId=f"sqs-{number}")
    return queues


def test_a_message_is_shown_with_its_id_its_queue_and_the_problem(queues: Queues) -> None:
    queues.set_aside('{"messageId": "order-1"}', "partners", messageId="sqs-1", eventType="a.b")
    queues.set_aside("not JSON", messageId="sqs-2")
    event = '{"id": "e-3", "detail-type": "a", "source": "b", "detail": 1.10}'
    queues.set_aside(event, messageId="sqs-3")
    found = {each["messageId"]: each for each in (one.to_document() for one in look(queues, 10))}
    assert found == {
        name: {"messageId": name, "targetUrl": "", "body": body, "queue": on, "problem": PROBLEM}
        for name, body, on in (
            ("sqs-1", '{"messageId": "order-1"}', "partners"),
            ("sqs-2", "not JSON", "ingest"),
            ("e-3", event, "ingest"),
        )
    }
    assert {each.why for each in look(queues, 10)} == {"targetUrl is required"}


@pytest.mark.parametrize("message_id", ["m-0", "m-11"])
def test_one_message_goes_back_to_its_queue_as_it_was_and_the_others_stay(
    full: Queues, message_id: str
) -> None:
    body = f'{{"messageId": "{message_id}"}}'
    assert send_again(full, message_id) == 1
    assert full.on("ingest") == [(body, {"messageId": message_id.replace("m", "sqs")})]
    assert waiting(full) == {f"m-{number}" for number in range(MESSAGES)} - {message_id}


def test_each_goes_back_to_the_queue_that_it_came_by(queues: Queues) -> None:
    queues.set_aside("{}", messageId="sqs-1")
    queues.set_aside("{}", "partners", messageId="sqs-1")
    assert send_again(queues, None) == 2
    assert (len(queues.on("ingest")), len(queues.on("partners"))) == (1, 1)


def test_what_comes_back_while_all_are_redriven_is_not_sent_in_circles(
    full: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = full.sqs.send_message

    def ingest_at_once(**message: Any) -> Any:
        """Make the message unaccepted again before the next one is read."""
        texts = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
        with monkeypatch.context() as patch:
            patch.setattr(full.sqs, "send_message", send)
            full.set_aside(message["MessageBody"], **texts)

    monkeypatch.setattr(full.sqs, "send_message", ingest_at_once)
    assert send_again(full, None) == MESSAGES
    assert len(look(full, 100)) == MESSAGES


def test_what_sqs_moved_there_after_its_last_try_keeps_the_id_that_it_had(queues: Queues) -> None:
    """It may have been accepted in part, so its id must not change."""
    policy = {"deadLetterTargetArn": queues.arn("unaccepted"), "maxReceiveCount": 1}
    url = queues.urls["ingest"]
    queues.sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "0"}
    )
    sent = queues.sqs.send_message(QueueUrl=url, MessageBody='{"payload": 1}')["MessageId"]
    for _ in range(2):
        queues.sqs.receive_message(QueueUrl=url)
    (found,) = look(queues, 10)
    assert (found.message_id, found.problem) == (f"sqs-{sent}", None)
    assert "log of `ingest`" in found.why
    queues.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    assert send_again(queues, None) == 1
    assert queues.on("ingest") == [('{"payload": 1}', {"messageId": f"sqs-{sent}"})]


def test_where_the_ingest_queue_takes_nothing_all_stay(
    full: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(full.sqs, "send_message", refuse)
    with pytest.raises(ConnectionError):
        send_again(full, None)
    assert waiting(full) == {f"m-{number}" for number in range(MESSAGES)}


def test_a_message_is_deleted_for_good_and_given_back(full: Queues) -> None:
    (gone,) = discard(full, "m-3")
    assert gone.body == '{"messageId": "m-3"}'
    assert waiting(full) == {f"m-{number}" for number in range(MESSAGES)} - {"m-3"}
    assert len(discard(full, None)) == MESSAGES - 1
    assert waiting(full) == set()


def test_a_stack_without_an_ingest_queue_has_no_unaccepted_messages(queues: Queues) -> None:
    queues.outputs.clear()
    assert look(queues, 10) == []
    assert send_again(queues, None) == 0

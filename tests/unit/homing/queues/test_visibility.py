"""When a message whose first attempt was detached is redelivered."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from homing.queues.visibility import Redelivery, seconds_until_over


@pytest.fixture
def queue(aws: None) -> tuple[Any, str]:
    client = boto3.client("sqs")
    attributes = {"FifoQueue": "true", "VisibilityTimeout": "450"}
    url = client.create_queue(QueueName="deliveries.fifo", Attributes=attributes)["QueueUrl"]
    client.send_message(
        QueueUrl=url, MessageBody="{}", MessageGroupId="g", MessageDeduplicationId="g"
    )
    return client, url


def received(client: Any, url: str) -> list[dict[str, Any]]:
    return client.receive_message(QueueUrl=url).get("Messages", [])


def test_a_postponed_message_is_redelivered_at_its_time(
    queue: tuple[Any, str],
) -> None:
    client, url = queue
    (message,) = received(client, url)
    assert received(client, url) == []
    assert Redelivery(url, client).put_off(message["ReceiptHandle"], 0)
    (again,) = received(client, url)
    assert again["MessageId"] == message["MessageId"]


def test_a_message_of_the_bulk_queue_is_postponed_there(queue: tuple[Any, str]) -> None:
    client, bulk = queue
    (message,) = received(client, bulk)
    redelivery = Redelivery("https://nowhere/main.fifo", client, bulk)
    assert redelivery.put_off(message["ReceiptHandle"], 0, "deliveries.fifo")
    assert len(received(client, bulk)) == 1


def test_a_message_that_cannot_be_postponed_keeps_its_visibility_timeout(
    queue: tuple[Any, str],
) -> None:
    client, url = queue
    received(client, url)
    assert not Redelivery(url, client).put_off("no such receipt", 0)
    assert received(client, url) == []


def test_it_is_redelivered_some_seconds_after_its_execution_must_have_ended() -> None:
    assert seconds_until_over(44.5) == 50

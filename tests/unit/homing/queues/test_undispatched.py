"""Putting undispatched messages on the delivery queue again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from homing.delivery import document_text
from homing.queues.undispatched import UndispatchedQueue

if TYPE_CHECKING:
    from homing.delivery import Delivery


@pytest.fixture
def queues(aws: None) -> tuple[Any, str, str]:
    client = boto3.client("sqs")
    fifo = {"FifoQueue": "true"}
    undispatched, deliveries = (
        client.create_queue(QueueName=f"{name}.fifo", Attributes=fifo)["QueueUrl"]
        for name in ("undispatched", "deliveries")
    )
    return client, undispatched, deliveries


def put(client: Any, url: str, number: int, body: str) -> None:
    group = f"g{number}"
    client.send_message(
        QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=group
    )


def bodies(client: Any, url: str) -> list[str]:
    found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [message["Body"] for message in found.get("Messages", [])]


def test_all_of_them_are_moved_but_what_is_no_delivery_document(
    queues: tuple[Any, str, str], delivery: Delivery
) -> None:
    client, undispatched, deliveries = queues
    body = document_text(delivery.to_document())
    for number in range(12):
        put(client, undispatched, number, body)
    put(client, undispatched, 12, '{"total": 1}')
    queue = UndispatchedQueue(undispatched, deliveries, client)
    assert queue.put_back(100, lambda: True) == 12
    assert set(bodies(client, deliveries)) == {body}
    client.set_queue_attributes(QueueUrl=undispatched, Attributes={"VisibilityTimeout": "0"})
    count = client.get_queue_attributes(QueueUrl=undispatched, AttributeNames=["All"])["Attributes"]
    waiting = count["ApproximateNumberOfMessages"], count["ApproximateNumberOfMessagesNotVisible"]
    assert sum(map(int, waiting)) == 1


@pytest.mark.parametrize(
    ("most", "has_time"), [pytest.param(10, True, id="most"), pytest.param(100, False, id="time")]
)
def test_one_call_moves_no_more_than_it_may(
    queues: tuple[Any, str, str], delivery: Delivery, most: int, has_time: bool
) -> None:
    client, undispatched, deliveries = queues
    for number in range(12):
        put(client, undispatched, number, document_text(delivery.to_document()))
    queue = UndispatchedQueue(undispatched, deliveries, client)
    assert queue.put_back(most, lambda: has_time) == 10
    assert queue.put_back(100, lambda: True) == 2

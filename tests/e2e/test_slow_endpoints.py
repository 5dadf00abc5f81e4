"""An endpoint that hangs: the deployed `dispatch` detaches the attempt and continues."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from homing_cli.client.api import ApiClient
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing_cli.client.target import Target

IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"
WAITING = "ApproximateNumberOfMessages"


@contextmanager
def one_batch(cloud: Target) -> Iterator[None]:
    """Pause the queue of `dispatch`, so that messages that are sent meanwhile form one batch."""
    functions = cloud.client("lambda")
    sources = functions.list_event_source_mappings()["EventSourceMappings"]
    ids = [one["UUID"] for one in sources if one["EventSourceArn"].endswith(".fifo")]
    for each in ids:
        functions.update_event_source_mapping(UUID=each, Enabled=False)
    try:
        yield
    finally:
        for each in ids:
            functions.update_event_source_mapping(UUID=each, Enabled=True)


def submit(cloud: Target, url: str) -> str:
    message_id = f"m-{uuid.uuid4().hex}"
    policy = {"baseDelaySeconds": 0, "jitter": "none"}
    message = {"messageId": message_id, "targetUrl": url, "payload": {}, "policy": policy}
    ApiClient(cloud).submit(json.dumps(message).encode())
    return message_id


def until(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture
def well() -> Iterator[Receiver]:
    """A working endpoint of another origin, since it has another port."""
    with Receiver() as running:
        yield running


def test_an_attempt_to_a_hanging_endpoint_is_detached_and_holds_up_no_other_message(
    cloud: Target, receiver: Receiver, well: Receiver, read: Callable[..., Any]
) -> None:
    """An attempt times out after 3 s, `dispatch` waits for 2.5 s, and redelivery is after 38 s."""
    queue = cloud.client("sqs")

    def queued() -> tuple[int, int]:
        url = cloud.outputs["DeliveryQueueUrl"]
        found = queue.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(found[WAITING]), int(found[IN_FLIGHT])

    assert until(60, lambda: queued() == (0, 0))
    with one_batch(cloud):
        slow = submit(cloud, f"{receiver.url}/script/delay=20,200")
        quick = submit(cloud, f"{well.url}/hook")
        assert queued() == (2, 0)
    assert until(20, lambda: queued() == (0, 1))
    assert read("trace", quick)["deliveries"][0]["status"] == "DELIVERED"

    def ended() -> bool:
        return bool(read("trace", slow)["deliveries"][0]["status"] == "DELIVERED")

    assert until(20, ended)
    (delivery,) = read("trace", slow)["deliveries"]
    assert len(delivery["attempts"]) == 2
    assert [one.message_id for one in receiver.arrivals].count(slow) == 2
    assert queued() == (0, 1)
    assert until(60, lambda: queued() == (0, 0))
    assert [one.message_id for one in receiver.arrivals].count(slow) == 2

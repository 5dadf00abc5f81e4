"""Pollers of the delivery queue that work like Lambda's: they dispatch batches concurrently.

The emulator's own poller dispatches the batches of a queue one after the other, so it is turned
off. In its place, threads do what Lambda's pollers do (AWS Lambda developer guide, "How Lambda
processes records from Amazon SQS"): they receive up to ten messages, invoke `dispatch` with them,
and delete those that `dispatch` does not report as failed.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from homing_cli.client.target import Target

BATCH = 10
_DISPATCH_SECONDS = 120  # longer than `dispatch` may take


@contextmanager
def paused(target: Target) -> Iterator[None]:
    """Pause the pollers of the delivery queue and the bulk queue until the context exits."""
    sources = _pause(target)
    try:
        yield
    finally:
        for each in sources:
            target.client("lambda").update_event_source_mapping(UUID=each["UUID"], Enabled=True)


def _pause(target: Target) -> list[dict[str, Any]]:
    """Turn off the emulator's pollers of the two queues, and return their event source mappings."""
    functions = target.client("lambda")
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    sources = [one for one in mappings if one["EventSourceArn"].endswith(".fifo")]
    for each in sources:
        functions.update_event_source_mapping(UUID=each["UUID"], Enabled=False)
    return sources


@contextmanager
def polled(target: Target, at_once: int, *, bulk_per_second: float | None = None) -> Iterator[None]:
    """Dispatch batches of the delivery queue and the bulk queue until the context exits.

    Args:
        target: the local cloud.
        at_once: the maximum number of batches of a queue that are dispatched concurrently.
        bulk_per_second: the maximum number of messages of the bulk queue that are dispatched in a
            second, one batch after the other; None for the same limit as the delivery queue.
    """
    sources = _pause(target)
    stop = threading.Event()
    pause = BATCH / bulk_per_second if bulk_per_second else 0
    polls = [
        partial(_poll, target, each["FunctionArn"], each["EventSourceArn"], stop, wait)
        for each in sources
        for wait in ([pause] if pause and "Bulk" in each["EventSourceArn"] else [0] * at_once)
    ]
    with ThreadPoolExecutor(len(polls)) as threads:
        polling = [threads.submit(poll) for poll in polls]
        try:
            yield
        finally:
            stop.set()
            for each in polling:
                each.result()  # raises the error if a poller failed


def purge_bulk(target: Target) -> None:
    """Remove all messages from the bulk queue."""
    target.client("sqs").purge_queue(QueueUrl=target.outputs["BulkQueueUrl"])


def _poll(
    target: Target, function: str, queue_arn: str, stop: threading.Event, pause: float
) -> None:
    long_timeout = Config(
        read_timeout=_DISPATCH_SECONDS, retries={"total_max_attempts": 1}, proxies={}
    )
    functions = target.session.client("lambda", endpoint_url=target.endpoint, config=long_timeout)
    queue, name = target.client("sqs"), queue_arn.rpartition(":")[2]
    url = queue.get_queue_url(QueueName=name)["QueueUrl"]
    while not stop.wait(pause):
        received = queue.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["All"],
        )
        messages = received.get("Messages", [])
        if not messages:
            continue
        records = [_record(message, queue_arn) for message in messages]
        answer = functions.invoke(FunctionName=function, Payload=json.dumps({"Records": records}))
        document = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise RuntimeError(f"dispatch failed: {document}")
        for message in settled(messages, document):
            queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def settled(
    messages: Sequence[Mapping[str, Any]], answer: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """Return the messages that `dispatch` does not report as failed."""
    returned = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
    return [message for message in messages if message["MessageId"] not in returned]


def _record(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
    }

"""Pollers of the delivery queue that work like Lambda's: they dispatch batches concurrently.

The emulator dispatches the batches of a queue one after the other. Here the emulator's poller is
turned off. In its place, threads do what Lambda's pollers do ("How Lambda processes records from
Amazon SQS"): they receive up to ten messages, invoke `dispatch` with them, and delete those that
`dispatch` does not report as failed.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from homing_cli.client.target import Target

BATCH = 10
_DISPATCH_SECONDS = 120  # longer than `dispatch` may take


@contextmanager
def paused(target: Target) -> Iterator[None]:
    """Pause the pollers of both queues until the context exits."""
    sources = _pause(target)
    try:
        yield
    finally:
        for each in sources:
            target.client("lambda").update_event_source_mapping(UUID=each["UUID"], Enabled=True)


def _pause(target: Target) -> list[dict[str, Any]]:
    """Turn off the emulator's pollers of both queues, and return their event source mappings."""
    functions = target.client("lambda")
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    sources = [one for one in mappings if one["EventSourceArn"].endswith(".fifo")]
    for each in sources:
        functions.update_event_source_mapping(UUID=each["UUID"], Enabled=False)
    return sources


@contextmanager
def polled(target: Target, at_once: int) -> Iterator[None]:
    """Dispatch up to `at_once` batches of each queue concurrently until the context exits."""
    sources = _pause(target)
    stop = threading.Event()
    with ThreadPoolExecutor(at_once * len(sources)) as threads:
        polling = [
            threads.submit(_poll, target, each["FunctionArn"], each["EventSourceArn"], stop)
            for each in sources
            for _ in range(at_once)
        ]
        try:
            yield
        finally:
            stop.set()
            for each in polling:
                each.result()  # raises the error if a poller failed


def _poll(target: Target, function: str, queue_arn: str, stop: threading.Event) -> None:
    long_timeout = Config(
        read_timeout=_DISPATCH_SECONDS, retries={"total_max_attempts": 1}, proxies={}
    )
    functions = target.session.client("lambda", endpoint_url=target.endpoint, config=long_timeout)
    queue, name = target.client("sqs"), queue_arn.rpartition(":")[2]
    url = queue.get_queue_url(QueueName=name)["QueueUrl"]
    while not stop.is_set():
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

"""The queue of unaccepted messages: messages of an ingest queue that could not be accepted.

A message can be put on its ingest queue again any number of times and is accepted only once: SQS
assigns a new id each time, but its `messageId` stays the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Self

from homing.errors import InvalidMessageError
from homing.queues.unaccepted import PROBLEM, QUEUE, as_attributes
from homing.reception.ingested import ATTRIBUTES, default_id, read_ingested
from homing.reception.raw_json import split_members
from homing_cli.client.queues.held_dead_letters import HOLD_SECONDS
from homing_cli.client.queues.lease import lease

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homing_cli.client.queues.lease import Lease
    from homing_cli.client.target import Target

_QUEUE_URL = "UnacceptedQueueUrl"
_LOOK_SECONDS = 30  # how long messages stay hidden if listing them is interrupted
_EVERY_TRY_FAILED = "it could not be accepted in any of its tries; the log of `ingest` says why"


@dataclass(frozen=True, slots=True)
class UnacceptedMessage:
    """An unaccepted message.

    Args:
        body: the body of the message, as it was on the ingest queue.
        attributes: the message attributes, as they were on the ingest queue, and `messageId`.
        queue_arn: the ingest queue.
        problem: why the message is invalid; None if SQS moved it here after the last failed try.
    """

    body: str
    attributes: Mapping[str, str]
    queue_arn: str
    problem: Mapping[str, Any] | None

    @classmethod
    def from_queue(cls, message: Mapping[str, Any]) -> Self:
        """Build the unaccepted message from a message as SQS returns it."""
        given = message.get("MessageAttributes", {}).items()
        texts = {name: each["StringValue"] for name, each in given if "StringValue" in each}
        attributes = {name: texts[name] for name in ATTRIBUTES if name in texts}
        source = message.get("Attributes", {}).get("DeadLetterQueueSourceArn", "")
        return cls(
            body=message["Body"],
            attributes={**attributes, "messageId": default_id(attributes, message["MessageId"])},
            queue_arn=texts.get(QUEUE, source),
            problem=json.loads(texts[PROBLEM]) if PROBLEM in texts else None,
        )

    @property
    def message_id(self) -> str:
        """The `messageId` in the message or, without one, the default that `ingest` uses."""
        try:
            ingested = read_ingested(self.body, self.attributes, "", "")
            named = json.loads(split_members(ingested.body).get("messageId", "null"))
        except (InvalidMessageError, ValueError):
            return self.attributes["messageId"]
        return named if isinstance(named, str) else ingested.default_id

    @property
    def queue(self) -> str:
        """The name of the ingest queue."""
        return self.queue_arn.rpartition(":")[2]

    @property
    def why(self) -> str:
        """Why the message could not be accepted, as a text for people."""
        return _EVERY_TRY_FAILED if self.problem is None else str(self.problem.get("detail", ""))

    def to_document(self) -> dict[str, Any]:
        """Return the message as an entry of the list that `--json` prints."""
        return {
            "messageId": self.message_id,
            "targetUrl": "",
            "body": self.body,
            "queue": self.queue,
            "problem": self.problem,
        }


def look(target: Target, limit: int) -> list[UnacceptedMessage]:
    """Return up to `limit` messages and leave them in the queue."""
    if _QUEUE_URL not in target.outputs:  # a stack without an ingest queue
        return []
    with lease(target.client("sqs"), target.outputs[_QUEUE_URL], _LOOK_SECONDS) as leased:
        return [UnacceptedMessage.from_queue(message) for message in leased.messages(limit)]


def send_again(target: Target, message_id: str | None) -> int:
    """Put one or all messages on their ingest queues again; return their number.

    Each is deleted from the queue of unaccepted messages only after the ingest queue has accepted
    it. A message that comes back during the call, because it is still invalid, is not sent a second
    time.
    """
    client = target.client("sqs")
    url = cache(partial(_url, target))
    sent: list[UnacceptedMessage] = []
    for leased, message, found in _meant(target, message_id):
        if any(_is_same(found, each) for each in sent):
            continue
        client.send_message(
            QueueUrl=url(found.queue_arn),
            MessageBody=found.body,
            MessageAttributes=as_attributes(found.attributes),
        )
        leased.delete(message)
        sent.append(found)
    return len(sent)


def discard(target: Target, message_id: str | None) -> list[UnacceptedMessage]:
    """Permanently delete the unaccepted messages with this messageId (None: all); return them."""
    gone = []
    for leased, message, found in _meant(target, message_id):
        leased.delete(message)
        gone.append(found)
    return gone


def _meant(
    target: Target, message_id: str | None
) -> Iterator[tuple[Lease, Mapping[str, Any], UnacceptedMessage]]:
    if _QUEUE_URL not in target.outputs:
        return
    with lease(target.client("sqs"), target.outputs[_QUEUE_URL], HOLD_SECONDS) as leased:
        for message in leased.messages():
            found = UnacceptedMessage.from_queue(message)
            if message_id in {None, found.message_id}:
                yield leased, message, found


def _is_same(one: UnacceptedMessage, other: UnacceptedMessage) -> bool:
    """Return whether `ingest` treats two queue messages with different SQS ids as one message."""
    return (one.queue_arn, one.body, one.attributes) == (
        other.queue_arn,
        other.body,
        other.attributes,
    )


def _url(target: Target, arn: str) -> str:
    if not arn:  # the message was put into this queue by something other than `ingest` or SQS
        return target.outputs["IngestQueueUrl"]
    *_, account, name = arn.split(":")
    asked = {"QueueName": name, "QueueOwnerAWSAccountId": account}
    found: str = target.client("sqs").get_queue_url(**asked)["QueueUrl"]
    return found

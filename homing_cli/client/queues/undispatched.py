"""The queue of undispatched messages: deliveries that could not be dispatched in five tries.

They can be sent to the delivery queue again any number of times: `dispatch` first reads the ledger
record of a delivery, and then does only what is left to do (docs/decisions/0006).
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing_cli.client.queues.dead_letters import peek
from homing_cli.client.queues.held_dead_letters import HOLD_SECONDS
from homing_cli.client.queues.lease import lease

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing_cli.client.target import Target


@dataclass(frozen=True, slots=True)
class UndispatchedMessage:
    """An undispatched message: its body, and the JSON object that the body contains, or {}."""

    body: str
    document: Mapping[str, Any]

    @classmethod
    def from_body(cls, body: str) -> UndispatchedMessage:
        """Build the message from its body, which may be any text."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = {}
        return cls(body, document if isinstance(document, dict) else {})

    @property
    def message_id(self) -> str:
        """The id of the message; empty if the body is not a delivery document."""
        return str(self._reference.get("messageId", ""))

    @property
    def target_url(self) -> str:
        """The URL to deliver to; empty if the body is not a delivery document."""
        return str(self._reference.get("targetUrl", ""))

    @property
    def _reference(self) -> Mapping[str, Any]:
        reference = self.document.get("reference")
        return reference if isinstance(reference, dict) else {}

    def to_document(self) -> dict[str, Any]:
        """Return the message as an entry of the list that `--json` prints."""
        return {
            "messageId": self.message_id,
            "targetUrl": self.target_url,
            "body": self.body,
            "queue": "deliveries",
            "problem": None,
        }


def look(target: Target, limit: int) -> list[UndispatchedMessage]:
    """Return up to `limit` messages and leave them in the queue.

    SQS returns only one message of each delivery at a time, because the queue is FIFO.
    """
    queue = target.outputs["UndispatchedQueueUrl"]
    return [
        UndispatchedMessage.from_body(body) for body in peek(target.client("sqs"), queue, limit)
    ]


def send_again(target: Target, message_id: str | None) -> int:
    """Send undispatched messages to the delivery queue again; return their number.

    Without an id, all messages are sent.

    Each is deleted from the queue of undispatched messages only after the delivery queue has
    accepted it.
    """
    client, source = target.client("sqs"), target.outputs["UndispatchedQueueUrl"]
    sent = 0
    with lease(client, source, HOLD_SECONDS) as leased:
        for message in leased.messages():
            if message_id in {None, UndispatchedMessage.from_body(message["Body"]).message_id}:
                _send(client, target.outputs["DeliveryQueueUrl"], message)
                leased.delete(message)
                sent += 1
    return sent


def _send(client: Any, queue: str, message: Mapping[str, Any]) -> None:
    client.send_message(
        QueueUrl=queue,
        MessageBody=message["Body"],
        MessageGroupId=message["Attributes"]["MessageGroupId"],
        # A new id: SQS drops a message whose deduplication id it has seen within five minutes.
        MessageDeduplicationId=secrets.token_hex(16),
    )

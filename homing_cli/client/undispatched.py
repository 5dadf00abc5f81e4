"""The queue of undispatched messages: what was accepted and could not be settled five times.

A message that is put on the delivery queue again is settled from the ledger, as if it was
redelivered by itself (docs/decisions/0006), so that is harmless however often it is done.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing.queues.duplicates import DUPLICATE
from homing_cli.client.dead_letter_queue import HOLD_SECONDS
from homing_cli.client.dead_letters import peek
from homing_cli.client.queue_lease import visit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing_cli.client.target import Target


@dataclass(frozen=True, slots=True)
class UndispatchedMessage:
    """A queue message: its text, and its delivery document where it is one."""

    body: str
    document: Mapping[str, Any]

    @classmethod
    def from_body(cls, body: str) -> UndispatchedMessage:
        """Read the body of a queue message, whatever it is."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = {}
        return cls(body, document if isinstance(document, dict) else {})

    @property
    def message_id(self) -> str:
        """The message's id, empty where the body is no delivery document."""
        return str(self._reference.get("messageId", ""))

    @property
    def target_url(self) -> str:
        """Where it should have gone, empty where the body is no delivery document."""
        return str(self._reference.get("targetUrl", ""))

    @property
    def _reference(self) -> Mapping[str, Any]:
        reference = self.document.get("reference")
        return reference if isinstance(reference, dict) else {}

    def to_document(self) -> dict[str, Any]:
        """Return one line of the list for `--json`."""
        return {"messageId": self.message_id, "targetUrl": self.target_url, "body": self.body}


def look(target: Target, limit: int) -> list[UndispatchedMessage]:
    """Look at up to `limit` messages and leave them where they are.

    Of a FIFO queue one message of each delivery is seen at a time.
    """
    queue = target.outputs["UndispatchedQueueUrl"]
    return [
        UndispatchedMessage.from_body(body) for body in peek(target.client("sqs"), queue, limit)
    ]


def send_again(target: Target, message_id: str | None) -> int:
    """Put messages on the delivery queue again, those of one message or all; tell how many.

    Each is deleted only when the delivery queue has taken it.
    """
    client, source = target.client("sqs"), target.outputs["UndispatchedQueueUrl"]
    sent = 0
    with visit(client, source, HOLD_SECONDS) as visited:
        for message in visited.messages():
            if message_id in {None, UndispatchedMessage.from_body(message["Body"]).message_id}:
                _send(client, target.outputs["DeliveryQueueUrl"], message)
                visited.delete(message)
                sent += 1
    return sent


def _send(client: Any, queue: str, message: Mapping[str, Any]) -> None:
    client.send_message(
        QueueUrl=queue,
        MessageBody=message["Body"],
        MessageAttributes=DUPLICATE,
        MessageGroupId=message["Attributes"]["MessageGroupId"],
        # Its own would be dropped where the first is less than five minutes old.
        MessageDeduplicationId=secrets.token_hex(16),
    )

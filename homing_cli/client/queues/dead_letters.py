"""Reads the dead-letter queue without removing anything from it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from homing import timestamps
from homing.delivery import Delivery, Reference
from homing.errors import MalformedDeliveryError
from homing_cli.client.queues.lease import lease
from homing_cli.escaping import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from homing_cli.client.target import Target

# If a process is killed while it reads the queue, the messages that it held become visible again
# after this time.
_HOLD_SECONDS = 30
# Long enough that SQS does not redeliver copied messages while the rest is being copied.
_COPY_SECONDS = 600


# The exceptions that can be raised when a text is read as a delivery document but is not one.
_NO_DEAD_LETTER = (
    *(ValueError, KeyError, TypeError, AttributeError),
    *(RecursionError, MalformedDeliveryError),
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead-lettered delivery: its ids, the reason of its failure, and its whole document."""

    reference: Reference
    attempts: int
    status: str
    category: str
    reason: str
    document: Mapping[str, Any]

    @property
    def failed_at(self) -> datetime:
        """The time of the last attempt or, if unknown, the time at which an attempt was due."""
        outcome = self.document.get("outcome") or {}
        return timestamps.from_text(outcome.get("timestamp") or self.document["dueAt"])

    @classmethod
    def from_body(cls, body: str) -> Self | None:
        """Return the dead letter in the body of a queue message; None for any other body."""
        try:
            document = json.loads(body)
            delivery = Delivery.from_document(document)
            verdict = document["verdict"]
            dead_letter = cls(
                reference=delivery.reference,
                attempts=document["attempts"],
                status=verdict["status"],
                category=verdict["category"],
                reason=verdict["reason"],
                document=document,
            )
            _ = dead_letter.failed_at  # raises if the document has no such time
        except _NO_DEAD_LETTER:
            return None
        return dead_letter

    def to_document(self) -> dict[str, Any]:
        """Return the dead letter as an entry of the list that `--json` prints."""
        return {
            "messageId": self.reference.message_id,
            "senderId": self.reference.sender_id,
            "targetUrl": self.reference.target_url,
            "deliveryId": self.reference.delivery_id,
            "attempts": self.attempts,
            "status": self.status,
            "category": self.category,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Look:
    """The result of reading the dead-letter queue.

    Args:
        total: the approximate number of messages in the queue, as counted by SQS.
        dead_letters: the dead letters that were read, at most as many as asked for.
        unreadable: the bodies of messages that are not dead letters.
        passed_over: the number of dead letters that were read but go to other endpoints.
    """

    total: int
    dead_letters: tuple[DeadLetter, ...]
    unreadable: tuple[str, ...]
    passed_over: int = 0

    def to_endpoint(self, endpoint_id: str | None) -> Self:
        """Return this result with only the dead letters of one endpoint; unchanged for None."""
        if endpoint_id is None:
            return self
        kept = tuple(one for one in self.dead_letters if one.reference.endpoint_id == endpoint_id)
        passed_over = self.passed_over + len(self.dead_letters) - len(kept)
        return replace(self, dead_letters=kept, passed_over=passed_over)

    @property
    def summary(self) -> str:
        """The counts of dead letters and other messages, in one line."""
        if not self.total:
            return "no dead letters"
        looked = len(self.dead_letters) + len(self.unreadable) + self.passed_over
        more = "" if looked >= self.total else f", read {looked}"
        odd = f", {len(self.unreadable)} not readable" if self.unreadable else ""
        other = f", {self.passed_over} to others" if self.passed_over else ""
        return f"{self.total} dead letter{'s' if self.total != 1 else ''}{more}{odd}{other}"

    def to_document(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            "total": self.total,
            "deadLetters": [dead_letter.to_document() for dead_letter in self.dead_letters],
            "unreadable": list(self.unreadable),
        }


def look(target: Target, limit: int) -> Look:
    """Return up to `limit` dead letters, and leave them in the queue."""
    client, queue = _queue(target)
    total = _count(client, queue)
    bodies = peek(client, queue, min(limit, total) or 1)
    read = [(DeadLetter.from_body(body), body) for body in bodies]
    return Look(
        total=max(total, len(bodies)),
        dead_letters=tuple(dead_letter for dead_letter, _ in read if dead_letter),
        unreadable=tuple(body for dead_letter, body in read if not dead_letter),
    )


def count(target: Target) -> int:
    """Return the approximate number of dead letters, as counted by SQS."""
    return _count(*_queue(target))


def copies(target: Target, limit: int | None = None) -> Iterator[str]:
    """Yield each dead letter in full, as one line of JSON, and leave it in the queue.

    A line can be sent to the queue again to restore its dead letter. A body that is not a dead
    letter is returned as `{"unreadable": body}`.

    Args:
        target: the deployed Homing.
        limit: the maximum number; None for all.
    """
    for body in _bodies(*_queue(target), limit, _COPY_SECONDS):
        dead_letter = DeadLetter.from_body(body)
        yield json_text(dead_letter.document if dead_letter else {"unreadable": body})


def peek(client: Any, queue: str, limit: int) -> tuple[str, ...]:
    """Return the bodies of up to `limit` messages and leave them in the queue."""
    return tuple(_bodies(client, queue, limit, _HOLD_SECONDS))


def _queue(target: Target) -> tuple[Any, str]:
    return target.client("sqs"), target.outputs["DeadLetterQueueUrl"]


def _count(client: Any, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = client.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def _bodies(client: Any, queue: str, limit: int | None, hold_seconds: int) -> Iterator[str]:
    """Yield the body of each message once. At the end, all messages become visible again."""
    with lease(client, queue, hold_seconds) as leased:
        for message in leased.messages(limit):
            yield message["Body"]

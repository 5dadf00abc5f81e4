"""Working through a dead-letter queue: letters are held while they are worked on.

A letter that is held is hidden from others. If the work breaks off, it is visible again after
`HOLD_SECONDS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.dead_letters import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from workbench.target import Target

HOLD_SECONDS = 120  # a batch of ten at the slowest rate, one in ten seconds, and a margin
_BATCH = 10


@dataclass(frozen=True, slots=True)
class Filter:
    """Which dead letters are meant; what is None does not matter.

    Args:
        message_id: of this message.
        sender_id: of this sender.
        endpoint_id: to this registered endpoint, whatever its URL was.
        target: whose target URL begins like this.
        category: given up for this category of outcome.
        before: whose last attempt was earlier.
        after: whose last attempt was not earlier.
    """

    message_id: str | None = None
    sender_id: str | None = None
    endpoint_id: str | None = None
    target: str | None = None
    category: str | None = None
    before: datetime | None = None
    after: datetime | None = None

    def matches(self, letter: DeadLetter) -> bool:
        """Tell whether a letter is meant."""
        return (
            self.message_id in {None, letter.reference.message_id}
            and self.sender_id in {None, letter.reference.sender_id}
            and self.endpoint_id in {None, letter.reference.endpoint_id}
            and letter.reference.target_url.startswith(self.target or "")
            and self.category in {None, letter.category}
            and (self.before is None or letter.failed_at < self.before)
            and (self.after is None or letter.failed_at >= self.after)
        )


@dataclass(frozen=True, slots=True)
class HeldLetter:
    """A dead letter in hand: to be deleted or put back."""

    letter: DeadLetter
    delete: Callable[[], None]
    put_back: Callable[[], None]


def hold(target: Target, wanted: Filter) -> Iterator[HeldLetter]:
    """Hold one letter after another that is meant, each once; the others are put back at the end.

    What nobody has decided on when the caller stops is put back as well.
    """
    client, queue = target.client("sqs"), target.outputs["DeadLetterQueueUrl"]
    passed_over: list[Mapping[str, Any]] = []
    try:
        for message in received(client, queue):
            letter = DeadLetter.from_body(message["Body"])
            if letter is None or not wanted.matches(letter):
                passed_over.append(message)
                continue
            yield _held(client, queue, letter, message, passed_over)
    finally:
        put_back(client, queue, passed_over)


def received(client: Any, queue: str) -> Iterator[Mapping[str, Any]]:
    """Receive messages, each once, until the queue has no more that has not been seen."""
    seen: set[str] = set()
    while messages := client.receive_message(
        QueueUrl=queue,
        MaxNumberOfMessages=_BATCH,
        VisibilityTimeout=HOLD_SECONDS,
        MessageSystemAttributeNames=["MessageGroupId"],
        WaitTimeSeconds=1,  # a short poll asks only some of the queue's servers
    ).get("Messages", []):
        new = [message for message in messages if message["MessageId"] not in seen]
        seen.update(message["MessageId"] for message in new)
        if not new:
            return
        yield from new


def put_back(client: Any, queue: str, messages: Iterable[Mapping[str, Any]]) -> None:
    """Make messages visible again; only at the end, or the queue hands out the same ones again."""
    for message in messages:
        client.change_message_visibility(
            QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


def _held(
    client: Any,
    queue: str,
    letter: DeadLetter,
    message: Mapping[str, Any],
    passed_over: list[Mapping[str, Any]],
) -> HeldLetter:
    def delete() -> None:
        client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    return HeldLetter(letter, delete, lambda: passed_over.append(message))

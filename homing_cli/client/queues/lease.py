"""A lease of SQS messages: each is received once and, unless it is deleted, made visible again.

A received message is hidden from other consumers until it is deleted, the lease ends, or
`hold_seconds` have passed. After that time SQS redelivers it with a new receipt handle and refuses
the old one.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_BATCH = 10
# The errors of SQS for a receipt handle that has expired or has been replaced by a newer one.
_STALE = frozenset({"InvalidParameterValue", "ReceiptHandleIsInvalid"})


@contextmanager
def lease(client: Any, queue: str, hold_seconds: int) -> Iterator[Lease]:
    """Return a context with a lease of messages of a queue.

    When the context ends, messages that have not been deleted become visible again.
    """
    leased = Lease(client, queue, hold_seconds)
    try:
        yield leased
    finally:
        leased.release()


class Lease:
    """A lease of messages; created by `lease`.

    Args:
        client: an SQS client.
        queue: the queue's URL.
        hold_seconds: how long a message stays hidden if the process is killed.
    """

    def __init__(self, client: Any, queue: str, hold_seconds: int) -> None:
        self._client = client
        self._queue = queue
        self._hold_seconds = hold_seconds
        self._seen: set[str] = set()
        # By message id: the newest receipt handle of each held message.
        self._handles: dict[str, str] = {}

    @property
    def seen(self) -> int:
        """How many different messages have been received so far."""
        return len(self._seen)

    def messages(self, limit: int | None = None) -> Iterator[Mapping[str, Any]]:
        """Yield up to `limit` messages, each once.

        The iteration ends when SQS returns no messages. That may never happen, because after
        `hold_seconds` SQS redelivers a message that was not deleted, possibly before messages that
        it has not delivered yet. The iteration therefore also ends when SQS has returned more
        repeated messages in a row than there have been different messages in all.
        """
        known = 0
        while known <= self.seen and (limit is None or self.seen < limit):
            received = self._receive(_BATCH if limit is None else min(_BATCH, limit - self.seen))
            new = [message for message in received if message["MessageId"] not in self._seen]
            self._seen.update(message["MessageId"] for message in new)
            known = 0 if new else known + len(received)
            if not received:
                return
            yield from new

    def delete(self, message: Mapping[str, Any]) -> None:
        """Delete a message. A message whose receipt handle has expired stays in the queue.

        Raises:
            ClientError: when SQS refuses for any other reason.
        """
        handle = self._handles.pop(message["MessageId"], message["ReceiptHandle"])
        try:
            self._client.delete_message(QueueUrl=self._queue, ReceiptHandle=handle)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _STALE:
                raise

    def release(self) -> None:
        """Make all leased messages visible to other consumers again, ten with each call.

        A message that SQS refuses to release is already visible, or will be when its hold ends.
        """
        handles = list(self._handles.values())
        self._handles.clear()
        for start in range(0, len(handles), _BATCH):
            self._client.change_message_visibility_batch(
                QueueUrl=self._queue, Entries=_visible(handles[start : start + _BATCH])
            )

    def _receive(self, count: int) -> Sequence[Mapping[str, Any]]:
        received: Sequence[Mapping[str, Any]] = self._client.receive_message(
            QueueUrl=self._queue,
            MaxNumberOfMessages=count,
            VisibilityTimeout=self._hold_seconds,
            MessageSystemAttributeNames=["MessageGroupId", "DeadLetterQueueSourceArn"],
            MessageAttributeNames=["All"],
            WaitTimeSeconds=1,  # long polling: a short poll asks only some of the queue's servers
        ).get("Messages", [])
        self._handles |= {one["MessageId"]: one["ReceiptHandle"] for one in received}
        return received


def _visible(handles: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
        for number, handle in enumerate(handles)
    ]

"""Working through an SQS queue: each message once, and what is not deleted is put back at the end.

A message that has been received is hidden from others until it is deleted, the visit ends, or
`hold_seconds` have passed. What is hidden for longer than that is handed out again, under a new
receipt handle, and the old handle is refused from then on.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_BATCH = 10
# How SQS refuses a receipt handle that has been superseded or has outlived its message's hold.
_STALE = frozenset({"InvalidParameterValue", "ReceiptHandleIsInvalid"})


@contextmanager
def visit(client: Any, queue: str, hold_seconds: int) -> Iterator[Visit]:
    """Visit a queue; whatever ends the visit, what it still holds is visible again at once."""
    visited = Visit(client, queue, hold_seconds)
    try:
        yield visited
    finally:
        visited.put_back()


class Visit:
    """One way through a queue; made by `visit`.

    Args:
        client: an SQS client.
        queue: the queue's URL.
        hold_seconds: how long a message is hidden where the visit is killed.
    """

    def __init__(self, client: Any, queue: str, hold_seconds: int) -> None:
        self._client = client
        self._queue = queue
        self._hold_seconds = hold_seconds
        self._seen: set[str] = set()
        self._handles: dict[str, str] = {}  # the newest of each message that is held

    @property
    def seen(self) -> int:
        """How many different messages have been received so far."""
        return len(self._seen)

    def messages(self, limit: int | None = None) -> Iterator[Mapping[str, Any]]:
        """Receive messages, each once, up to `limit` of them.

        The end is an empty answer, or a whole round of messages that have been seen before: those
        passed over be redelivered when their hold has ended, and may come before the rest.
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
        """Delete a message. One whose handle is stale stays in the queue, to be dealt with again.

        Raises:
            ClientError: when SQS refuses for any other reason.
        """
        handle = self._handles.pop(message["MessageId"], message["ReceiptHandle"])
        try:
            self._client.delete_message(QueueUrl=self._queue, ReceiptHandle=handle)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _STALE:
                raise

    def put_back(self) -> None:
        """Make all that is held visible again, ten at a call.

        SQS answers for each message; one that it refuses is visible already, or will be when its
        hold ends.
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
            MessageSystemAttributeNames=["MessageGroupId"],
            WaitTimeSeconds=1,  # a short poll asks only some of the queue's servers
        ).get("Messages", [])
        self._handles |= {one["MessageId"]: one["ReceiptHandle"] for one in received}
        return received


def _visible(handles: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
        for number, handle in enumerate(handles)
    ]

"""An SQS queue, standard or FIFO, with exactly the guarantees that AWS documents.

In both kinds, a received message is hidden for the visibility timeout. If it has not been deleted
when this timeout ends, it is redelivered. After `max_receive_count` receives, it goes to the
dead-letter queue.

A standard queue may return any visible message next. In a FIFO queue, no message of a group is
received while others of the group are in flight, though one batch may contain several, in order. A
message whose deduplication id was sent within the last five minutes is dropped as a duplicate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulation.engine.clock import MINUTE
from simulation.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

DEDUPLICATION_WINDOW = 5 * MINUTE


@dataclass(slots=True)
class Message:
    """A message on a queue; it has a `group` only on a FIFO queue."""

    number: int
    body: str
    group: str | None = None
    receives: int = 0
    visible_at: int = 0
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class DeadLettering:
    """A redrive policy: after `max_receive_count` receives, `send` moves a message elsewhere."""

    max_receive_count: int
    send: Callable[[Message], None]


class Queue:
    """A queue.

    Args:
        is_fifo: whether it is a FIFO queue, not a standard queue.
        visibility_timeout: the visibility timeout in milliseconds.
        dead_lettering: its redrive policy; None if it has none.
        first: messages are numbered from this number plus one.
    """

    def __init__(
        self,
        *,
        is_fifo: bool,
        visibility_timeout: int,
        dead_lettering: DeadLettering | None,
        first: int = 0,
    ) -> None:
        self.is_fifo = is_fifo
        self.visibility_timeout = visibility_timeout
        self._dead_lettering = dead_lettering
        self._messages: list[Message] = []
        self._deduplicated: dict[str, int] = {}
        self._sent = first

    def send(
        self,
        now: int,
        body: str,
        group: str | None = None,
        deduplication: str | None = None,
    ) -> Message | None:
        """Add a message to the queue; return None if it is dropped as a duplicate."""
        if self.is_fifo is not (group is not None and deduplication is not None):
            raise UnsupportedError("a group and a deduplication id are for FIFO queues only")
        if deduplication is not None:
            since = now - self._deduplicated.get(deduplication, now - DEDUPLICATION_WINDOW)
            if since < DEDUPLICATION_WINDOW:
                return None
            self._deduplicated[deduplication] = now
        self._sent += 1
        message = Message(self._sent, body, group, visible_at=now)
        self._messages.append(message)
        return message

    def visible(self, now: int) -> list[Message]:
        """Return the messages that can be received now, oldest first.

        Before that, messages that have been received too often are moved to the dead-letter queue.
        The messages of a FIFO group may be received only in the order of this list.
        """
        messages = self._live()
        if self._dead_lettering is not None:
            for message in messages:
                if (
                    message.visible_at <= now
                    and message.receives >= self._dead_lettering.max_receive_count
                ):
                    message.deleted = True
                    self._dead_lettering.send(message)
            messages = self._live()
        if not self.is_fifo:
            return [message for message in messages if message.visible_at <= now]
        busy = {message.group for message in messages if message.visible_at > now}
        return [message for message in messages if message.group not in busy]

    def receive(self, now: int, message: Message) -> None:
        """Count a receive of a message, and hide it for the visibility timeout."""
        message.receives += 1
        message.visible_at = now + self.visibility_timeout

    def change_visibility(self, message: Message, visible_at: int) -> None:
        """Change the time at which a message in flight is redelivered."""
        message.visible_at = visible_at

    def delete(self, message: Message) -> None:
        """Delete a message."""
        message.deleted = True

    def __len__(self) -> int:
        return len(self._live())

    def _live(self) -> list[Message]:
        self._messages = [message for message in self._messages if not message.deleted]
        return self._messages

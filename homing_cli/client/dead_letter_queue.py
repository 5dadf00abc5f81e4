"""Working through the dead-letter queue: dead letters are held while they are worked on.

A dead letter that is held is hidden from others. If the work is killed, it is visible again after
`HOLD_SECONDS`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from homing_cli.client.dead_letters import DeadLetter
from homing_cli.client.queue_lease import visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from homing_cli.client.queue_lease import Visit
    from homing_cli.client.target import Target

HOLD_SECONDS = 120  # a batch of ten at the slowest rate, one in ten seconds, and a margin


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

    def matches(self, dead_letter: DeadLetter) -> bool:
        """Return whether a dead letter is meant."""
        return (
            self.message_id in {None, dead_letter.reference.message_id}
            and self.sender_id in {None, dead_letter.reference.sender_id}
            and self.endpoint_id in {None, dead_letter.reference.endpoint_id}
            and dead_letter.reference.target_url.startswith(self.target or "")
            and self.category in {None, dead_letter.category}
            and (self.before is None or dead_letter.failed_at < self.before)
            and (self.after is None or dead_letter.failed_at >= self.after)
        )


@dataclass(frozen=True, slots=True)
class HeldDeadLetter:
    """A dead letter in hand; it is put back unless it is deleted."""

    dead_letter: DeadLetter
    delete: Callable[[], None]


class Held:
    """The dead letters that are meant, one after another; made by `hold`."""

    def __init__(self, visited: Visit, wanted: Filter) -> None:
        self._visited = visited
        self._wanted = wanted

    @property
    def looked_at(self) -> int:
        """How many messages of the queue have been received so far, meant or not."""
        return self._visited.seen

    def __iter__(self) -> Iterator[HeldDeadLetter]:
        """Hold one dead letter after another that is meant, each once."""
        for message in self._visited.messages():
            dead_letter = DeadLetter.from_body(message["Body"])
            if dead_letter is not None and self._wanted.matches(dead_letter):
                yield HeldDeadLetter(dead_letter, partial(self._visited.delete, message))


@contextmanager
def hold(target: Target, wanted: Filter) -> Iterator[Held]:
    """Hold dead letters; whatever ends this, what has not been deleted is put back at once."""
    with visit(target.client("sqs"), target.outputs["DeadLetterQueueUrl"], HOLD_SECONDS) as visited:
        yield Held(visited, wanted)

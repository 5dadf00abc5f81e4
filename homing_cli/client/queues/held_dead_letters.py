"""Processing of the dead-letter queue: a dead letter is held until it has been processed.

A held dead letter is hidden from other consumers. If the process is killed, the dead letter becomes
visible again after `HOLD_SECONDS`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from homing_cli.client.queues.dead_letters import DeadLetter
from homing_cli.client.queues.lease import lease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from homing_cli.client.queues.lease import Lease
    from homing_cli.client.target import Target

# Long enough to process ten messages, the most that SQS returns at once, in ten seconds each.
HOLD_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that selects dead letters. A field that is None matches every dead letter.

    Args:
        message_id: the message.
        sender_id: the sender.
        endpoint_id: the endpoint; its URL may have changed since the attempt.
        target: the beginning of the target URL.
        category: the category of the last outcome.
        before: the last attempt was earlier than this.
        after: the last attempt was at this time or later.
    """

    message_id: str | None = None
    sender_id: str | None = None
    endpoint_id: str | None = None
    target: str | None = None
    category: str | None = None
    before: datetime | None = None
    after: datetime | None = None

    def matches(self, dead_letter: DeadLetter) -> bool:
        """Return whether the filter matches a dead letter."""
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
    """A dead letter that is held: hidden from other consumers until it is deleted or released."""

    dead_letter: DeadLetter
    delete: Callable[[], None]


class Held:
    """Iterates over the dead letters that match a filter, and holds them; created by `hold`."""

    def __init__(self, leased: Lease, wanted: Filter) -> None:
        self._leased = leased
        self._wanted = wanted

    @property
    def looked_at(self) -> int:
        """How many messages have been received so far, including those that do not match."""
        return self._leased.seen

    def __iter__(self) -> Iterator[HeldDeadLetter]:
        """Hold and yield each matching dead letter once."""
        for message in self._leased.messages():
            dead_letter = DeadLetter.from_body(message["Body"])
            if dead_letter is not None and self._wanted.matches(dead_letter):
                yield HeldDeadLetter(dead_letter, partial(self._leased.delete, message))


@contextmanager
def hold(target: Target, wanted: Filter) -> Iterator[Held]:
    """Return a context in which the dead letters that match a filter are held.

    When the context ends, those that have not been deleted become visible to other consumers.
    """
    with lease(target.client("sqs"), target.outputs["DeadLetterQueueUrl"], HOLD_SECONDS) as leased:
        yield Held(leased, wanted)

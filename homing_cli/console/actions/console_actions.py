"""The actions that an operator can take from the console, on any number of deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homing.delivery import Reference
from homing.ledger.table import Ledger
from homing.recovery.interventions import Result
from homing_cli.client import recovery
from homing_cli.client.queues.held_dead_letters import Filter, hold
from homing_cli.console.actions.chosen import ActionError, Chosen
from homing_cli.console.actions.jobs import Done

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from homing_cli.client.queues.dead_letters import DeadLetter
    from homing_cli.client.queues.held_dead_letters import HeldDeadLetter
    from homing_cli.client.target import Target
    from homing_cli.console.reading.catalogue import Catalogue

_GOOD = frozenset(
    {
        Result.REDRIVEN,
        Result.ALREADY_REDRIVEN,
        Result.RETRIED_NOW,
        Result.CANCELLED,
        Result.PASSED_OVER,
    }
)
_COMPLAINTS = {
    Result.UNDER_WAY: "an attempt is under way; try again in a moment",
    Result.ENDED: "the delivery has ended",
    Result.DEAD_LETTER_MISSING: "its dead letter has been deleted, and the payload with it",
    Result.NOT_WAITING: "the delivery is not waiting",
}


@dataclass(frozen=True, slots=True)
class _DeadLetters(Filter):
    """A filter that matches the dead letters of chosen deliveries."""

    delivery_ids: frozenset[str] = field(default_factory=frozenset)

    def matches(self, dead_letter: DeadLetter) -> bool:
        """Return whether a dead letter belongs to one of the deliveries."""
        return dead_letter.reference.delivery_id in self.delivery_ids


class ConsoleActions:
    """Runs actions on deliveries.

    Args:
        target: the deployed Homing.
        catalogue: reads the records of deliveries.
    """

    def __init__(self, target: Target, catalogue: Catalogue) -> None:
        self._target = target
        self._catalogue = catalogue
        self._actions = recovery.Actions(target)
        self._ledger = Ledger(target.outputs["LedgerTable"], target.client("dynamodb"))

    def act(self, way: str, chosen: Sequence[Chosen]) -> Iterator[Done]:
        """Run an action on deliveries and yield the results.

        Args:
            way: `redrive`, `discard`, `retry-now` or `cancel`.
            chosen: the deliveries.

        Raises:
            ActionError: when there is no such action.
        """
        match way:
            case "redrive":
                return self._redrive(chosen)
            case "discard":
                return self._discard(chosen)
            case "retry-now":
                return (self._done(one, self._actions.retry_now) for one in chosen)
            case "cancel":
                return (self._done(one, self._actions.cancel) for one in chosen)
            case _:
                raise ActionError(f"there is no action {way}")

    def _redrive(self, chosen: Sequence[Chosen]) -> Iterator[Done]:
        """Redrive each delivery from its dead letter or, without one, from the ledger."""
        left = {one.delivery_id: one for one in chosen}
        for done in self._actions.redrive_dead_letters(self._held(left)):
            left.pop(done.reference.delivery_id, None)
            yield _told(Chosen.of(done.reference), done.result)
        for one in list(left.values()):
            yield self._done(one, self._actions.redrive)

    def _discard(self, chosen: Sequence[Chosen]) -> Iterator[Done]:
        left = {one.delivery_id: one for one in chosen}
        for held in self._held(left):
            held.delete()
            self._unlist(held.dead_letter.reference)
            if one := left.pop(held.dead_letter.reference.delivery_id, None):
                yield Done(one)
        for one in left.values():
            yield Done(one, "not in the queue, or held by another reader at the moment")

    def _unlist(self, reference: Reference) -> None:
        """Take a failed delivery out of all lists of deliveries; its ledger record stays."""
        record = self._ledger.read(reference)
        if record is not None and record.has_failed:
            self._ledger.settle(reference, record)

    def _held(self, wanted: Collection[str]) -> Iterator[HeldDeadLetter]:
        """Hold and yield the dead letters of the deliveries with these ids, until all are found."""
        missing = set(wanted)
        with hold(self._target, _DeadLetters(delivery_ids=frozenset(missing))) as dead_letters:
            for held in dead_letters:
                yield held
                missing.discard(held.dead_letter.reference.delivery_id)
                if not missing:
                    return

    def _done(self, one: Chosen, act: Any) -> Done:
        record = self._catalogue.delivery(one.message_id, one.sender_id, one.delivery_id)
        done: recovery.Done = act(Reference.from_document(record))
        return _told(one, done.result)


def _told(one: Chosen, result: Result) -> Done:
    return Done(one, "" if result in _GOOD else _COMPLAINTS.get(result, str(result)))

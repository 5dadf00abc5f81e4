"""A simulated history, indexed by delivery for the invariants."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from simulation.items import delivery_of, status_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulation.history import History
    from simulation.journal import Sent


class View:
    """A simulated history, indexed by delivery."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.journal = history.journal
        self.items = {delivery_of(item): item for item in history.ledger.values()}

    @cached_property
    def sent(self) -> Mapping[str, list[Sent]]:
        """The requests to endpoints, by delivery."""
        found: dict[str, list[Sent]] = defaultdict(list)
        for sent in self.journal.sent:
            found[sent.delivery].append(sent)
        return found

    @cached_property
    def documents(self) -> Mapping[str, dict[str, Any]]:
        """The input of each delivery's first execution, by delivery."""
        return {each.delivery: each.document for each in reversed(self.journal.executions)}

    @cached_property
    def sequences(self) -> Mapping[str, int]:
        """The `sequence` of each delivery that has one and has had an execution, by delivery."""
        references = {name: each["reference"] for name, each in self.documents.items()}
        return {
            name: reference["sequence"]
            for name, reference in references.items()
            if "sequence" in reference
        }

    @cached_property
    def delivered(self) -> frozenset[str]:
        """The deliveries that arrived, according to the ledger or to their latest executions."""
        reported = {
            each.delivery
            for each in self.journal.executions
            if each.output is not None
            and each.output["end"] == "DELIVERED"
            and each.run == self.last_run(each.delivery)
        }
        recorded = {
            delivery for delivery, item in self.items.items() if status_of(item) == "DELIVERED"
        }
        return frozenset(reported | recorded)

    def name(self, delivery: str) -> str:
        """Return a readable name for a delivery."""
        document = self.documents.get(delivery)
        return delivery[:8] if document is None else document["reference"]["sk"][25:]

    def has_gap(self, delivery: str, attempt: int, run: int = 0) -> bool:
        """Return whether an attempt after `run` redrives was reported as possibly unrecorded."""
        return (delivery, run, attempt) in self.journal.gaps

    def last_run(self, delivery: str) -> int:
        """Return the number of a delivery's last run, which equals the number of its redrives.

        Run 0 lasts until the first redrive, and each redrive begins another run.
        """
        return len(self.journal.redrives.get(delivery, ()))

    def dead_letters(self, delivery: str) -> list[dict[str, Any]]:
        """Return the dead letters of a delivery since its last redrive; without a redrive, all."""
        last = self.last_run(delivery)
        return [
            dead_letter.document
            for dead_letter in self.journal.dead.get(delivery, ())
            if dead_letter.run == last
        ]

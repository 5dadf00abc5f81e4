"""Waiting and failed deliveries, by sender, endpoint and cause."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.ledger.record import FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from homing.ledger.delivery_groups import Group


@dataclass(frozen=True, slots=True)
class Backlog:
    """Waiting and failed deliveries, in groups with the same cause, the largest group first.

    Args:
        groups: the deliveries, grouped by the fields in `homing_cli.console.reading.counts.BY`.
        waiting: how many wait, by senderId and endpointId.
        failed: how many have failed, by senderId and endpointId.
        at: the time at which they were counted.
    """

    groups: Sequence[Group]
    waiting: Counter[tuple[str, str]]
    failed: Counter[tuple[str, str]]
    at: datetime

    @classmethod
    def of(cls, groups: Sequence[Group], at: datetime) -> Backlog:
        """Build the backlog from groups of deliveries; count deliveries by sender and endpoint."""
        waiting, failed = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for group in groups:
            counts = failed if group.values["status"] in FAILED else waiting
            counts[_recipient(group)] += group.count
        return cls(groups, waiting, failed, at)

    def of_sender(self, sender_id: str) -> tuple[int, int]:
        """Return how many deliveries of a sender wait, and how many have failed."""
        waiting, failed = (
            sum(count for (sender, _), count in counts.items() if sender == sender_id)
            for counts in (self.waiting, self.failed)
        )
        return waiting, failed

    @property
    def senders(self) -> frozenset[str]:
        """The senders with waiting or failed deliveries."""
        return frozenset(group.values["senderId"] for group in self.groups)


def _recipient(group: Group) -> tuple[str, str]:
    return group.values["senderId"], group.values["endpoint"]

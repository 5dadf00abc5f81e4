"""What waits for an attempt and what has failed, by sender, endpoint and cause."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.ledger.delivery_filter import DeliveryFilter
from homing.ledger.delivery_groups import grouped
from homing.ledger.delivery_index import DeliveryIndex
from homing.ledger.record import FAILED, WAITING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from homing.ledger.delivery_groups import Group
    from homing_cli.client.target import Target

BY = ("senderId", "endpoint", "status", "category")


@dataclass(frozen=True, slots=True)
class Backlog:
    """The deliveries that wait or have failed, in groups of one cause, the largest first."""

    groups: Sequence[Group]
    waiting: Counter[tuple[str, str]]
    failed: Counter[tuple[str, str]]
    at: datetime

    @classmethod
    def of(cls, groups: Sequence[Group], at: datetime) -> Backlog:
        """Return the backlog of groups, with its counts by sender and endpoint."""
        waiting, failed = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for group in groups:
            counts = failed if group.values["status"] in FAILED else waiting
            counts[_recipient(group)] += group.count
        return cls(groups, waiting, failed, at)

    def of_endpoint(self, sender_id: str, endpoint_id: str) -> list[Group]:
        """Return the groups of an endpoint."""
        return [group for group in self.groups if _recipient(group) == (sender_id, endpoint_id)]

    def of_sender(self, sender_id: str) -> tuple[int, int]:
        """Return how many deliveries of a sender wait, and how many have failed."""
        waiting, failed = (
            sum(count for (sender, _), count in counts.items() if sender == sender_id)
            for counts in (self.waiting, self.failed)
        )
        return waiting, failed

    @property
    def senders(self) -> frozenset[str]:
        """The senders that have such deliveries."""
        return frozenset(group.values["senderId"] for group in self.groups)


class BacklogReader:
    """Reads the backlog from an index of the ledger.

    Args:
        target: the deployed Homing.
    """

    def __init__(self, target: Target) -> None:
        self._index = DeliveryIndex(target.outputs["LedgerTable"], target.client("dynamodb"))

    def read(self, now: datetime) -> Backlog:
        """Return the backlog.

        Raises:
            BotoCoreError, ClientError: when the ledger cannot be read.
        """
        wanted = DeliveryFilter(statuses=(*sorted(WAITING), *sorted(FAILED)))
        return Backlog.of(grouped(self._index.all(wanted, now=now), BY), now)


def _recipient(group: Group) -> tuple[str, str]:
    return group.values["senderId"], group.values["endpoint"]

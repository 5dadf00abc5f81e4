"""Lists and counts of deliveries by endpoint and cause, computed in the background."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from homing.ledger.delivery_groups import grouped
from homing_cli.console.reading.answers import Answers

if TYPE_CHECKING:
    from homing.ledger.delivery_filter import DeliveryFilter
    from homing.ledger.delivery_groups import Group
    from homing.ledger.delivery_index import DeliveryIndex, Page, Place

PAGE_SIZE = 50
BY = ("senderId", "endpoint", "category", "status")


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts of the deliveries that match a filter, by sender, endpoint, category and status.

    Args:
        groups: the groups of deliveries, the largest first.
        at: the time at which they were counted.
    """

    groups: tuple[Group, ...]
    at: datetime

    @property
    def total(self) -> int:
        """The number of deliveries that match the filter."""
        return sum(group.count for group in self.groups)


Counts: TypeAlias = "Answers[DeliveryFilter, Counted]"
Pages: TypeAlias = "Answers[tuple[DeliveryFilter, Place | None], Page]"


def counts_of(index: DeliveryIndex) -> Counts:
    """Return a cache of the counts of the deliveries in an index, by filter.

    A count reads all matching entries of the index, so it is cached for ten times as long as it
    took.
    """

    def count(wanted: DeliveryFilter) -> Counted:
        now = datetime.now(UTC)
        return Counted(tuple(grouped(index.all(wanted, now=now), BY)), now)

    return Answers(count, kept_seconds=2, kept_times=10)


def pages_of(index: DeliveryIndex) -> Pages:
    """Return a cache of list pages, each identified by its filter and the end of the one before."""

    def page(asked: tuple[DeliveryFilter, Place | None]) -> Page:
        wanted, after = asked
        return index.page(wanted, after=after, limit=PAGE_SIZE, now=datetime.now(UTC))

    return Answers(page, kept_seconds=1, kept_times=1)

"""Pages of lists of deliveries, for a ledger of any size.

A page comes from one of three sources:

- *Retries and failures* are in the ledger's attention index, in order. Its 16 partitions for each
  status are read in small steps and merged, so every page costs about as much as the first.
- *All deliveries* are only in the table, which has no order. If the whole table fits into one read,
  its records are sorted here; otherwise they keep the order of the table.
- *Queued* deliveries have no record yet: they are accepted messages that are not in the ledger.

A page ends when it is full, at the end of the list, or when its time is up. Its cursor says where
the next page begins, so a filter with few matches in a large ledger takes several pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing_cli.console.reading import cursor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PAGE_SIZE = 50
BUDGET_SECONDS = 0.5  # the last read may exceed it, and a page should take about a second


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Args:
        records: ledger items as plain values.
        place: the beginning of the next page; None if this is the last.
        looked_at: the number of records that were read for it.
        order: the order, in a few words.
    """

    records: tuple[Mapping[str, Any], ...]
    place: Any
    looked_at: int
    order: str

    @property
    def cursor(self) -> str | None:
        """The cursor of the next page."""
        return None if self.place is None else cursor.to_text(self.place)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one page.

    Args:
        size: the number of records on it.
        deadline: when to stop, in seconds of `clock`.
        clock: a monotonic clock.
        now: epoch seconds; expired records are treated as deleted.
    """

    size: int
    deadline: float
    clock: Callable[[], float]
    now: int

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return self.clock() >= self.deadline

    def is_current(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record has not expired; DynamoDB deletes expired items days later."""
        return int(record.get("ttl", self.now)) >= self.now

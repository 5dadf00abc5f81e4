"""Lists of deliveries, a page at a time, whatever the size of the ledger.

Three ways to the same kind of page:

- *Retries and failures* stand in the ledger's attention index, in order. Its 16 partitions of a
  status are read a little at a time and merged, so any page costs about as much as the first.
- *Everything* is only in the table, which has no order. While one read takes in the whole table,
  its records are put in order here; beyond that they come as the table gives them.
- *Queued* deliveries have no record yet: they are the accepted messages that the ledger is without.

A page ends when it is full, when there is no more, or when its time is up, and then says how far it
came: a rare filter over a large ledger goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing_cli.console.reading import cursor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PAGE_SIZE = 50
BUDGET_SECONDS = 0.5  # the last read may go beyond it, and a page should take a second


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Args:
        records: ledger items as plain values.
        place: where the next page begins; None where there is no next.
        looked_at: how many records were read for it.
        order: in a few words, what the order is.
    """

    records: tuple[Mapping[str, Any], ...]
    place: Any
    looked_at: int
    order: str

    @property
    def cursor(self) -> str | None:
        """The next page's cursor."""
        return None if self.place is None else cursor.to_text(self.place)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one page may take.

    Args:
        size: records on a page.
        deadline: when to stop, in seconds of `clock`.
        clock: a monotonic clock.
        now: epoch seconds; what has expired is as good as deleted.
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
        """Whether a record has not expired; DynamoDB deletes days late."""
        return int(record.get("ttl", self.now)) >= self.now

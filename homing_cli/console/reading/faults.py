"""Faults: deliveries that fail, by endpoint and cause."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self

from homing.ledger.record import FAILED, WAITING
from homing.retry.classification import Category, Status
from homing_cli.console.reading.selection import parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from homing.endpoints.endpoint import Endpoint
    from homing.ledger.delivery_filter import Listed
    from homing.ledger.delivery_groups import Group

# The statuses of deliveries that may be part of a fault: all except DELIVERED and CANCELLED, which
# is an operator's choice.
STATUSES = (
    *(Status.QUEUED, Status.RETRY_SCHEDULED),
    *(Status.FAILED, Status.MAX_RETRIES_EXCEEDED),
)


class Side(StrEnum):
    """Who is at fault: the endpoint (theirs), Homing (ours), or a setting."""

    THEIRS = "theirs"
    OURS = "ours"
    SETTING = "a setting"


_SIDES = {
    Category.INTERNAL_ERROR: Side.OURS,
    Category.BLOCKED_TARGET: Side.SETTING,
    Category.ENDPOINT_DISABLED: Side.SETTING,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """The deliveries to an endpoint, or to a URL, that fail for the same cause.

    Args:
        latest: the delivery that was last updated, as an example.
        category: the cause; None if it is not recorded.
        waiting: how many wait for another attempt.
        dead: how many have failed for good, so that they are dead-lettered.
        first_at: the earliest time at which one of them was last updated.
        last_at: the latest such time.
        endpoint: the endpoint as it is now; None for a plain URL, or if it has been deleted.
    """

    latest: Listed
    category: Category | None
    waiting: int
    dead: int
    first_at: str
    last_at: str
    endpoint: Endpoint | None = None

    @property
    def side(self) -> Side:
        """Who is at fault."""
        return Side.THEIRS if self.category is None else _SIDES.get(self.category, Side.THEIRS)

    @property
    def count(self) -> int:
        """The number of deliveries with this fault."""
        return self.waiting + self.dead

    @property
    def since(self) -> str:
        """The time at which the endpoint began to fail or, if not recorded, `first_at`."""
        known = self.endpoint
        if known is None or self.side is not Side.THEIRS or known.failing_since is None:
            return self.first_at
        return min(known.failing_since, self.first_at)

    def at(self, endpoints: Mapping[tuple[str, str], Endpoint]) -> Self:
        """Return the fault with its endpoint, which is looked up by senderId and endpointId."""
        key = self.latest.sender_id, self.latest.endpoint_id or ""
        return replace(self, endpoint=endpoints.get(key))

    @property
    def is_deleted(self) -> bool:
        """Whether the endpoint of the deliveries has been deleted."""
        return self.latest.endpoint_id is not None and self.endpoint is None

    @property
    def query(self) -> dict[str, str]:
        """The query parameters of the page that lists the fault's deliveries."""
        one = self.latest
        return parameters(
            sender_id=one.sender_id,
            endpoint_id=one.endpoint_id,
            target_url=one.target_url,
            category=self.category,
        )


def faults(groups: Iterable[Group]) -> list[Fault]:
    """Return the faults among groups of deliveries, those with the most deliveries first.

    Args:
        groups: deliveries grouped by sender, endpoint and category, and perhaps by status.
    """
    causes = [each for each in groups if _is_wrong(each)]
    found = [
        _fault(list(members)) for _, members in groupby(sorted(causes, key=_cause), key=_cause)
    ]
    return sorted(found, key=lambda one: (-one.count, *_cause_of(one)))


def _is_wrong(group: Group) -> bool:
    """Return whether a group is a fault; one that was cancelled or not yet attempted is not."""
    status = group.latest.status
    return status in FAILED or (status in WAITING and bool(group.values["category"]))


def _cause(group: Group) -> tuple[Any, ...]:
    return tuple(group.values[word] for word in ("senderId", "endpoint", "category"))


def _cause_of(one: Fault) -> tuple[str, ...]:
    return (one.latest.sender_id, one.latest.recipient, one.category or "")


def _fault(groups: Sequence[Group]) -> Fault:
    latest = max((group.latest for group in groups), key=lambda one: one.last_updated_at)
    dead = sum(group.count for group in groups if group.latest.status in FAILED)
    return Fault(
        latest=latest,
        category=latest.category,
        waiting=sum(group.count for group in groups) - dead,
        dead=dead,
        first_at=min(group.first_at for group in groups),
        last_at=latest.last_updated_at,
    )

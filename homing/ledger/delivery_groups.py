"""Counts of listed deliveries, grouped by what they have in common."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from homing.ledger.delivery_filter import Listed

# What deliveries can be grouped by. `endpoint` is the endpoint's id or, if there is none, the URL.
GROUPINGS: Mapping[str, Callable[[Listed], str]] = {
    "senderId": lambda one: one.sender_id,
    "endpoint": lambda one: one.recipient,
    "category": lambda one: one.category.value if one.category else "",
    "status": lambda one: one.status.value,
    "eventType": lambda one: one.event_type or "",
    "reason": lambda one: one.reason or "",
}
BY_ENDPOINT_AND_CAUSE = ("senderId", "endpoint", "category")


@dataclass(frozen=True, slots=True)
class Group:
    """A group of deliveries, such as those to one endpoint that failed for one reason.

    Args:
        values: what the deliveries have in common, by keys of `GROUPINGS`; "" where the deliveries
            have no value.
        count: the number of deliveries.
        first_at: the earliest time at which one of them was last updated.
        last_at: the latest such time.
        latest: the delivery that was updated last, as an example.
    """

    values: Mapping[str, str]
    count: int
    first_at: str
    last_at: str
    latest: Listed

    def to_document(self) -> dict[str, Any]:
        """Return the group as JSON; `reason` is that of its latest delivery."""
        members: dict[str, Any] = {
            "count": self.count,
            "firstAt": self.first_at,
            "lastAt": self.last_at,
            "reason": self.latest.reason or "",
        }
        return members | dict(self.values)


def grouped(deliveries: Iterable[Listed], by: Sequence[str] = BY_ENDPOINT_AND_CAUSE) -> list[Group]:
    """Return the groups of deliveries, the largest first.

    Args:
        deliveries: the deliveries.
        by: what the deliveries of a group must have in common, as keys of `GROUPINGS`.
    """

    def common(one: Listed) -> tuple[str, ...]:
        return tuple(GROUPINGS[word](one) for word in by)

    groups = [
        _group(dict(zip(by, values, strict=True)), list(members))
        for values, members in groupby(sorted(deliveries, key=common), key=common)
    ]
    return sorted(groups, key=lambda group: (-group.count, *group.values.values()))


def _group(values: Mapping[str, str], members: Sequence[Listed]) -> Group:
    latest = max(members, key=lambda one: one.last_updated_at)
    first_at = min(one.last_updated_at for one in members)
    return Group(values, len(members), first_at, latest.last_updated_at, latest)

"""Computes when the next attempt to an endpoint with a limited rate may be made (GCRA).

Slots are one interval apart. Each attempt takes the next slot, so the rate is never exceeded, and
no attempt has to poll. This module computes the slots. `homing.endpoints.rate_slots` stores their
state in a table, where one conditional update takes a slot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

# The unit is attempts a second. DynamoDB allows 1,000 writes a second to one item.
LOWEST_RATE, HIGHEST_RATE = 0.01, 500.0
# How far ahead a slot may be. An execution, which waits for it, ends after a year.
LONGEST = timedelta(days=180)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """The state of the rate slots of an endpoint.

    Args:
        free: the time of the next free slot.
        interval: the time from one slot to the next.
    """

    free: datetime
    interval: timedelta

    def taken(self, now: datetime) -> tuple[datetime, Pace]:
        """Return the slot that an attempt takes now, and the state after the slot is taken."""
        slot = max(self.free, now)
        return slot, replace(self, free=slot + self.interval)


@dataclass(frozen=True, slots=True)
class RateSlot:
    """A rate slot: the time at which one attempt may be made.

    Args:
        at: the time, to the microsecond.
        series: the series that the slot belongs to (`homing.endpoints.rate_slots`); empty if the
            rate of the endpoint is no longer limited.
    """

    at: datetime
    series: str

    def to_document(self) -> dict[str, str]:
        """Return the `slot` of the delivery document (docs/architecture.md)."""
        at = self.at.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {"at": at, "series": self.series}

    @classmethod
    def from_document(cls, document: Mapping[str, str]) -> Self:
        """Return the slot of a delivery document."""
        return cls(datetime.fromisoformat(document["at"]), document["series"])


def interval_of(rate: float) -> timedelta:
    """Return the time between two slots, rounded up, so that the rate is never exceeded."""
    return timedelta(microseconds=ceil(1_000_000 / rate))


def to_microseconds(instant: datetime) -> int:
    """Return a time, given with its time zone, as microseconds since the start of 1970 in UTC."""
    return (instant - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Return the time that is this many microseconds after the beginning of 1970, in UTC."""
    return _EPOCH + microseconds * _MICROSECOND

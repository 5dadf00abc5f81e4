"""A bulk redrive: all failed deliveries that match a filter are sent again, at a limited rate.

It is stored as a record, and as chunks that list the deliveries in progress. Only deliveries that
failed before the bulk redrive began are redriven, so none is redriven twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from homing.ledger.delivery_filter import DeliveryFilter
from homing.ledger.record import FAILED
from homing.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from homing.ledger.delivery_index import Place

REDRIVABLE = tuple(sorted(FAILED))
DEFAULT_RATE, LOWEST_RATE, HIGHEST_RATE = 10.0, 0.1, 100.0
LONGEST_HOURS = 24
# Deliveries are redriven in chunks that take two seconds each. A stop takes effect at the end of a
# chunk.
_CHUNK_SECONDS = 2
_LARGEST_CHUNK = 100
KEPT_DAYS = 30
# How long a bulk redrive follows its deliveries. It does not wait for all to end, since a policy
# may retry for a year.
_FOLLOWED_DAYS = 14
_SHORTEST_PAUSE, _LONGEST_PAUSE = 2, 1800

Key: TypeAlias = tuple[str, str]  # pk and sk of a delivery's ledger record


class Phase(StrEnum):
    """The progress of a bulk redrive.

    `REDRIVING`: deliveries are being redriven. `FOLLOWING`: no more are redriven, and some of the
    redriven ones have not ended. `ENDED`: all redriven ones have ended, or the bulk redrive no
    longer follows them.
    """

    REDRIVING = "REDRIVING"
    FOLLOWING = "FOLLOWING"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRedrive:
    """A bulk redrive, as stored.

    Args:
        redrive_id: identifies the bulk redrive.
        wanted: the filter that selects deliveries. It matches only those that failed before the
            bulk redrive began.
        rate: how many deliveries are redriven per second at most.
        started_at: when the bulk redrive began, in ISO 8601.
        matched: how many deliveries matched the filter when the bulk redrive began.
        phase: the progress.
        is_stopped: whether it was stopped before all deliveries were redriven.
        place: the place in the list of deliveries where the next chunk begins; None for the first.
        chunks: how many chunks have been redriven.
        redriven: how many deliveries have been redriven.
        not_redriven: how many deliveries could not be redriven, since they had already continued,
            or their payload was no longer stored.
        delivered: how many of the redriven deliveries have arrived since.
        failed: how many of the redriven deliveries have failed again.
        others: how many of the redriven deliveries were cancelled, or no longer have a record.
        ended_at: when the bulk redrive ended; None before.
        is_swept: whether the dead letters that it has made superfluous have been deleted.
    """

    redrive_id: str
    wanted: DeliveryFilter
    rate: float
    started_at: str
    matched: int
    phase: Phase = Phase.REDRIVING
    is_stopped: bool = False
    place: Place | None = None
    chunks: int = 0
    redriven: int = 0
    not_redriven: int = 0
    delivered: int = 0
    failed: int = 0
    others: int = 0
    ended_at: str | None = None
    is_swept: bool = False

    @classmethod
    def begun(
        cls, redrive_id: str, wanted: DeliveryFilter, rate: float, matched: int, now: datetime
    ) -> Self:
        """Return a bulk redrive that begins now."""
        return cls(
            redrive_id=redrive_id,
            wanted=before(wanted, now),
            rate=rate,
            started_at=to_text(now),
            matched=matched,
        )

    @property
    def waiting(self) -> int:
        """How many redriven deliveries have not ended yet."""
        return self.redriven - self.delivered - self.failed - self.others

    @property
    def chunk_size(self) -> int:
        """The maximum number of deliveries in a chunk."""
        return min(max(int(self.rate * _CHUNK_SECONDS), 1), _LARGEST_CHUNK)

    def advanced(self, place: Place | None, redriven: int, not_redriven: int) -> Self:
        """Return the bulk redrive with the counts of one more chunk added.

        Args:
            place: the place in the list of deliveries where the next chunk begins; None if there is
                none.
            redriven: how many deliveries of the chunk have been redriven.
            not_redriven: how many deliveries of the chunk could not be redriven.
        """
        return replace(
            self,
            phase=Phase.FOLLOWING if place is None else Phase.REDRIVING,
            place=place,
            chunks=self.chunks + 1,
            redriven=self.redriven + redriven,
            not_redriven=self.not_redriven + not_redriven,
        )

    def is_over(self, now: datetime) -> bool:
        """Return whether all redriven deliveries have ended, or are no longer followed."""
        too_old = (now - from_text(self.started_at)).days >= _FOLLOWED_DAYS
        return self.is_swept and (not self.waiting or too_old)

    def ended(self, now: datetime) -> Self:
        """Return the bulk redrive in the phase `ENDED`, with `now` as its end."""
        return replace(self, phase=Phase.ENDED, ended_at=to_text(now))

    def pause(self, now: datetime) -> int:
        """Return the seconds until the redriven deliveries are checked again.

        The pause is a tenth of the time since the bulk redrive began, within limits.
        """
        age = int((now - from_text(self.started_at)).total_seconds())
        return min(max(age // 10, _SHORTEST_PAUSE), _LONGEST_PAUSE)

    def may_be_swept(self, now: datetime) -> bool:
        """Return whether superfluous dead letters may be deleted.

        Before that, the redriven deliveries need time to begin their next attempt.
        """
        return not self.waiting or self.pause(now) > _SHORTEST_PAUSE

    def to_document(self) -> dict[str, Any]:
        """Return the bulk redrive as the API shows it."""
        document = {
            "redriveId": self.redrive_id,
            "filter": self.wanted.to_document(),
            "ratePerSecond": self.rate,
            "status": self.phase.value,
            "stopped": self.is_stopped,
            "startedAt": self.started_at,
            "matched": self.matched,
            "redriven": self.redriven,
            "notRedriven": self.not_redriven,
            "delivered": self.delivered,
            "failed": self.failed,
            "waiting": self.waiting,
        }
        return document | ({"endedAt": self.ended_at} if self.ended_at else {})

    def to_item(self) -> dict[str, Any]:
        """Build the attributes of the bulk redrive's record (plain values, not typed JSON)."""
        return {
            **self.to_document(),
            "place": None if self.place is None else list(self.place),
            "chunks": self.chunks,
            "others": self.others,
            "isSwept": self.is_swept,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Build the bulk redrive from the attributes of its record."""
        return cls(
            redrive_id=item["redriveId"],
            wanted=DeliveryFilter.from_document(item["filter"]),
            rate=item["ratePerSecond"],
            started_at=item["startedAt"],
            matched=item["matched"],
            phase=Phase(item["status"]),
            is_stopped=item["stopped"],
            place=None if item["place"] is None else tuple(item["place"]),
            chunks=item["chunks"],
            redriven=item["redriven"],
            not_redriven=item["notRedriven"],
            delivered=item["delivered"],
            failed=item["failed"],
            others=item["others"],
            ended_at=item.get("endedAt"),
            is_swept=item["isSwept"],
        )


def before(wanted: DeliveryFilter, now: datetime) -> DeliveryFilter:
    """Return the filter, limited to deliveries that failed before `now`."""
    latest = min(wanted.before or to_text(now), to_text(now))
    statuses = tuple(each for each in wanted.statuses if each in FAILED)
    return replace(wanted, statuses=statuses, before=latest)


def too_long(matched: int, rate: float) -> bool:
    """Return whether a bulk redrive would take longer than allowed."""
    return matched / rate > LONGEST_HOURS * 3600

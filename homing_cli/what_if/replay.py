"""Recorded histories, replayed under another policy.

What the ledger does not know has to be assumed, plainly:

- An attempt meets what the recorded attempt at the same target URL that is nearest in time met,
  whichever delivery made it. So between the last failure and the first success of an outage, the
  endpoint is taken to come back half-way, and after the last attempt on record it stays as it was.
- The first attempt stays where it was; the others follow the policy with draws of one half.
  `Retry-After` is not asked for, and an attempt takes no time.
- A delivery that was given up because its outcome was not worth a retry (a 410, a refused payload)
  would be given up under any policy. It is counted apart, and says nothing about its endpoint.
- A delivery that has not ended is left out, but what it met counts.
- A redrive is a person's, and no attempt of the policy: what is replayed of a delivery is its first
  run, from its acceptance until it was delivered or given up. What later runs met counts.
- A delivery whose first run the record does not have whole any more (`historySummary`) is left out.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, Self

from homing import timestamps
from homing.retry.classification import Category, Status
from homing_cli.what_if.schedule import offsets_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from homing.retry.policy import Policy

_SAME_MS = 1000  # a wait ends on a whole second, so less is no difference


@dataclass(frozen=True, slots=True)
class Met:
    """What one attempt on record met: epoch milliseconds, and whether it was delivered."""

    at_ms: int
    delivered: bool


@dataclass(frozen=True, slots=True)
class History:
    """The first run of one delivery on record.

    Args:
        target_url: the endpoint.
        status: what it came to: where it was redriven, before that.
        met: what its attempts met, oldest first; at least one.
        met_later: what those after a redrive met.
        is_whole: whether the record has all attempts of that run.
    """

    target_url: str
    status: Status
    met: tuple[Met, ...]
    met_later: tuple[Met, ...] = ()
    is_whole: bool = True

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self | None:
        """Read a ledger item given as plain values; None where it has no attempt or is unknown."""
        entries = record.get("retryHistory") or []
        if not entries or record.get("status") not in set(Status):
            return None
        met = tuple(
            Met(_epoch_ms(entry["timestamp"]), entry["errorCategory"] == Category.SUCCESS)
            for entry in entries
        )
        first, *others = _runs(record, met)
        return cls(
            target_url=record["targetUrl"],
            status=first.status if first.met else Status(record["status"]),
            met=first.met or met,
            met_later=tuple(one for run in others for one in run.met_at_endpoint if first.met),
            is_whole=bool(first.met) and "historySummary" not in record,
        )

    @property
    def delivered_after_ms(self) -> int | None:
        """How long after its first attempt it was delivered; None if it was not."""
        return next((m.at_ms - self.met[0].at_ms for m in self.met if m.delivered), None)

    @property
    def met_at_endpoint(self) -> tuple[Met, ...]:
        """What says something about the endpoint."""
        return (*_Run(self.status, self.met).met_at_endpoint, *self.met_later)


@dataclass(frozen=True, slots=True)
class _Run:
    """A delivery from its acceptance, or from a redrive, to its end or the next redrive.

    Args:
        status: what it came to.
        met: what its attempts met.
    """

    status: Status
    met: tuple[Met, ...]

    @property
    def met_at_endpoint(self) -> tuple[Met, ...]:
        """What says something about the endpoint: not an outcome that was not worth a retry."""
        return self.met[:-1] if self.status is Status.FAILED else self.met


def _runs(record: Mapping[str, Any], met: tuple[Met, ...]) -> list[_Run]:
    """Take a record's attempts apart, run by run; a run may have none on record."""
    redrives = record.get("redriveHistory") or []
    begun = [0, *(int(redrive["attemptsOnRecord"]) for redrive in redrives), len(met)]
    statuses = [
        # What is redriven has failed, whatever an incomplete record says.
        *(_failed(redrive["status"]) for redrive in redrives),
        Status(record["status"]),
    ]
    return [
        _Run(status, met[start:end])
        for status, (start, end) in zip(statuses, pairwise(begun), strict=True)
    ]


def _failed(status: str) -> Status:
    return Status.FAILED if status == Status.FAILED else Status.MAX_RETRIES_EXCEEDED


@dataclass(frozen=True, slots=True)
class Replay:
    """What another policy would have made of recorded deliveries.

    Args:
        rescued_after_ms: of those that had failed: when they would have been delivered.
        lost: how many that were delivered would not have been.
        still_failed: how many would have failed as they did.
        shifts_ms: of those delivered either way: how much later (negative: sooner).
        given_up: how many no retry policy can help.
        open: how many have not ended, and were left out.
        attempts: made on record, and under the policy, by those replayed.
    """

    rescued_after_ms: tuple[int, ...]
    lost: int
    still_failed: int
    shifts_ms: tuple[int, ...]
    given_up: int
    open: int
    attempts: tuple[int, int]

    @property
    def replayed(self) -> int:
        """How many deliveries were replayed."""
        return len(self.rescued_after_ms) + self.lost + self.still_failed + len(self.shifts_ms)

    @property
    def failed_on_record(self) -> int:
        """How many of them had failed."""
        return len(self.rescued_after_ms) + self.still_failed

    @property
    def sooner(self) -> int:
        """How many would have been delivered sooner, by a second or more."""
        return sum(shift <= -_SAME_MS for shift in self.shifts_ms)

    @property
    def later(self) -> int:
        """How many would have been delivered later, by a second or more."""
        return sum(shift >= _SAME_MS for shift in self.shifts_ms)

    @property
    def median_shift_ms(self) -> int | None:
        """The median of how much later those would be that are not as they were."""
        moved = [shift for shift in self.shifts_ms if abs(shift) >= _SAME_MS]
        return round(median(moved)) if moved else None

    @property
    def median_rescue_ms(self) -> int | None:
        """The median of how long after the first attempt the rescued would have arrived."""
        return round(median(self.rescued_after_ms)) if self.rescued_after_ms else None


class Endpoint:
    """What an endpoint was like over time.

    Args:
        met: what attempts met there, in any order.
    """

    def __init__(self, met: Iterable[Met]) -> None:
        ordered = sorted(met, key=lambda one: one.at_ms)
        self._times = [one.at_ms for one in ordered]
        self._up = [one.delivered for one in ordered]

    def is_up(self, at_ms: int) -> bool:
        """Return what the nearest attempt on record met; of two as near, the earlier."""
        after = bisect_left(self._times, at_ms)
        if after == len(self._times):
            return self._up[-1]
        before = max(after - 1, 0)
        earlier = at_ms - self._times[before] <= self._times[after] - at_ms
        return self._up[before if earlier else after]


def replay(policy: Policy, histories: Sequence[History]) -> Replay:
    """Replay the histories under the policy."""
    endpoints = _endpoints(histories)
    offsets = offsets_ms(policy, lambda: 0.5)
    whole = [one for one in histories if one.is_whole]
    ended = [one for one in whole if one.status in (Status.DELIVERED, Status.MAX_RETRIES_EXCEEDED)]
    results = [(one, _delivered_after(one, endpoints[one.target_url], offsets)) for one in ended]
    rescued, shifts = [], []
    for one, after in results:
        if after is not None and one.delivered_after_ms is None:
            rescued.append(after[0])
        elif after is not None and one.delivered_after_ms is not None:
            shifts.append(after[0] - one.delivered_after_ms)
    missed = [one for one, after in results if after is None]
    made = sum(len(offsets) if after is None else after[1] for _, after in results)
    return Replay(
        rescued_after_ms=tuple(rescued),
        lost=sum(one.delivered_after_ms is not None for one in missed),
        still_failed=sum(one.delivered_after_ms is None for one in missed),
        shifts_ms=tuple(shifts),
        given_up=sum(one.status is Status.FAILED for one in whole),
        open=sum(one.status in (Status.QUEUED, Status.RETRY_SCHEDULED) for one in whole),
        attempts=(sum(len(one.met) for one in ended), made),
    )


def failure_rate(histories: Sequence[History]) -> float | None:
    """Return the share of attempts on record that failed and were worth a retry; None for none."""
    met = [
        one for history in histories if history.status is not Status.FAILED for one in history.met
    ]
    return sum(not one.delivered for one in met) / len(met) if met else None


def _delivered_after(
    one: History, endpoint: Endpoint, offsets: Sequence[int]
) -> tuple[int, int] | None:
    """Return when it would be delivered and at which attempt, counted from 1; None for never."""
    first = one.met[0].at_ms
    for attempt, offset in enumerate(offsets, start=1):
        if endpoint.is_up(first + offset):
            return offset, attempt
    return None


def _endpoints(histories: Iterable[History]) -> dict[str, Endpoint]:
    met: dict[str, list[Met]] = {}
    for one in histories:
        met.setdefault(one.target_url, []).extend(one.met_at_endpoint)
    return {url: Endpoint(found) for url, found in met.items() if found}


def _epoch_ms(text: str) -> int:
    return round(timestamps.from_text(text).timestamp() * 1000)

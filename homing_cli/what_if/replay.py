"""A replay of recorded histories under another policy.

It rests on these assumptions:

- An attempt has the result of the nearest recorded attempt at the same target URL, of any delivery.
  So an outage ends half-way between its last failure and the first success, and after the last
  recorded attempt the endpoint stays as it was.
- The first attempt keeps its time; the others follow the policy, with jitter at its middle. There
  is no `Retry-After`, and an attempt takes no time.
- A delivery that failed permanently (a 410, a refused payload) would fail under any policy. It is
  counted separately, and its last attempt is no evidence about the endpoint.
- A delivery that has not ended is left out, but its attempts count as evidence.
- A redrive is a decision of a person, not of the policy: only the first run of a delivery, from
  acceptance to its end, is replayed. The attempts of later runs count as evidence.
- A delivery whose record no longer has its whole first run (`historySummary`) is left out.
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

_SAME_MS = 1000  # waits end on whole seconds, so less makes no difference


@dataclass(frozen=True, slots=True)
class Met:
    """The result of one recorded attempt: epoch milliseconds, and whether it succeeded."""

    at_ms: int
    delivered: bool


@dataclass(frozen=True, slots=True)
class History:
    """The first run of one recorded delivery.

    Args:
        target_url: the URL of the endpoint.
        status: its status at the end of the first run.
        met: the results of its attempts, oldest first; at least one.
        met_later: the results of attempts after a redrive.
        is_whole: whether the record has all attempts of that run.
    """

    target_url: str
    status: Status
    met: tuple[Met, ...]
    met_later: tuple[Met, ...] = ()
    is_whole: bool = True

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self | None:
        """Return the history of a ledger item; None without attempts or a known status."""
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
        """The time from its first attempt to its delivery; None if it was not delivered."""
        return next((m.at_ms - self.met[0].at_ms for m in self.met if m.delivered), None)

    @property
    def met_at_endpoint(self) -> tuple[Met, ...]:
        """The results that are evidence about the endpoint."""
        return (*_Run(self.status, self.met).met_at_endpoint, *self.met_later)


@dataclass(frozen=True, slots=True)
class _Run:
    """A delivery from its acceptance, or from a redrive, to its end or the next redrive.

    Args:
        status: its status at the end.
        met: the results of its attempts.
    """

    status: Status
    met: tuple[Met, ...]

    @property
    def met_at_endpoint(self) -> tuple[Met, ...]:
        """The results that are evidence about the endpoint: all but a permanent failure."""
        return self.met[:-1] if self.status is Status.FAILED else self.met


def _runs(record: Mapping[str, Any], met: tuple[Met, ...]) -> list[_Run]:
    """Return the runs of a record; a run may have no recorded attempts."""
    redrives = record.get("redriveHistory") or []
    begun = [0, *(int(redrive["attemptsOnRecord"]) for redrive in redrives), len(met)]
    statuses = [
        # A redriven delivery had failed, also if an incomplete record has another status.
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
    """The results of recorded deliveries under another policy.

    Args:
        rescued_after_ms: failed deliveries that would have been delivered: the time to delivery.
        lost: the number of delivered ones that would have failed.
        still_failed: the number of failed ones that would have failed too.
        shifts_ms: deliveries delivered in both cases: how much later (negative: sooner).
        given_up: the number of permanent failures.
        open: the number that have not ended, which were left out.
        attempts: the number of attempts of the replayed ones: recorded, and under the policy.
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
        """The number of replayed deliveries."""
        return len(self.rescued_after_ms) + self.lost + self.still_failed + len(self.shifts_ms)

    @property
    def failed_on_record(self) -> int:
        """The number of replayed deliveries that had failed."""
        return len(self.rescued_after_ms) + self.still_failed

    @property
    def sooner(self) -> int:
        """The number that would have been delivered at least a second sooner."""
        return sum(shift <= -_SAME_MS for shift in self.shifts_ms)

    @property
    def later(self) -> int:
        """The number that would have been delivered at least a second later."""
        return sum(shift >= _SAME_MS for shift in self.shifts_ms)

    @property
    def median_shift_ms(self) -> int | None:
        """The median shift of the deliveries whose time changes."""
        moved = [shift for shift in self.shifts_ms if abs(shift) >= _SAME_MS]
        return round(median(moved)) if moved else None

    @property
    def median_rescue_ms(self) -> int | None:
        """The median time to delivery of those that had failed."""
        return round(median(self.rescued_after_ms)) if self.rescued_after_ms else None


class Endpoint:
    """The state of an endpoint over time.

    Args:
        met: the results of attempts there, in any order.
    """

    def __init__(self, met: Iterable[Met]) -> None:
        ordered = sorted(met, key=lambda one: one.at_ms)
        self._times = [one.at_ms for one in ordered]
        self._up = [one.delivered for one in ordered]

    def is_up(self, at_ms: int) -> bool:
        """Return whether the nearest recorded attempt succeeded; of two, the earlier."""
        after = bisect_left(self._times, at_ms)
        if after == len(self._times):
            return self._up[-1]
        before = max(after - 1, 0)
        earlier = at_ms - self._times[before] <= self._times[after] - at_ms
        return self._up[before if earlier else after]


def replay(policy: Policy, histories: Sequence[History]) -> Replay:
    """Return the results of the histories under the policy."""
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
    """Return the share of recorded attempts that failed and can be retried; None without any."""
    met = [
        one for history in histories if history.status is not Status.FAILED for one in history.met
    ]
    return sum(not one.delivered for one in met) / len(met) if met else None


def _delivered_after(
    one: History, endpoint: Endpoint, offsets: Sequence[int]
) -> tuple[int, int] | None:
    """Return the time and the attempt, counted from 1, of the delivery; None if it would fail."""
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

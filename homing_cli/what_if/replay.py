"""The results that recorded deliveries would have had under another policy: a replay.

It rests on these assumptions:

- A replayed attempt has the result of the recorded attempt that is nearest in time at the same
  target URL, even if that attempt belongs to another delivery. In the replay, an outage therefore
  ends half-way between its last recorded failure and the next recorded success. After the last
  recorded attempt, all replayed attempts have the same result as that one.
- The first attempt keeps its recorded time. The other attempts follow the policy, with jitter at
  its middle value. There is no `Retry-After`, and an attempt takes no time.
- A delivery that failed at a status that the policy does not retry (a 410, a refused payload) would
  fail again. It is counted separately, and that attempt is not used for other deliveries.
- A delivery that has not ended is not replayed, but its attempts are used for other deliveries.
- A redrive is a person's decision, not the policy's: only the first run of a delivery, from
  acceptance to its end, is replayed. The attempts of later runs are used like those of
  other deliveries.
- A delivery whose record no longer has its whole first run (`historySummary`) is left out.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, Self

from homing import timestamps
from homing.retry.classification import Category, Decision, Status, decide
from homing_cli.what_if.schedule import offsets_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from homing.retry.policy import Policy

_ENDED = frozenset({Status.DELIVERED, Status.MAX_RETRIES_EXCEEDED, Status.FAILED})
_SAME_MS = 1000  # waits end on whole seconds, so a shorter shift means nothing


@dataclass(frozen=True, slots=True)
class Met:
    """The result of one recorded attempt.

    Args:
        at_ms: the time of the attempt, in epoch milliseconds.
        delivered: whether the attempt succeeded.
        http_status: the status of the response; None if there was none.
    """

    at_ms: int
    delivered: bool
    http_status: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The first run of one recorded delivery: its attempts before any redrive.

    Args:
        target_url: the URL of the endpoint.
        status: the delivery's status at the end of the first run.
        met: the results of the first run's attempts, oldest first; at least one.
        redriven: the later runs of the delivery, each begun by a redrive.
        is_whole: whether the ledger record contains all attempts of the first run.
    """

    target_url: str
    status: Status
    met: tuple[Met, ...]
    redriven: tuple[_Run, ...] = ()
    is_whole: bool = True

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self | None:
        """Build the history from a ledger item; None without attempts or a known status."""
        entries = record.get("retryHistory") or []
        if not entries or record.get("status") not in set(Status):
            return None
        met = tuple(map(_met, entries))
        first, *others = _runs(record, met)
        return cls(
            target_url=record["targetUrl"],
            status=first.status if first.met else Status(record["status"]),
            met=first.met or met,
            redriven=tuple(others) if first.met else (),
            is_whole=bool(first.met) and "historySummary" not in record,
        )

    @property
    def delivered_after_ms(self) -> int | None:
        """The time from the first attempt to the successful one; None if no attempt succeeded."""
        return next((m.at_ms - self.met[0].at_ms for m in self.met if m.delivered), None)

    def met_at_endpoint(self, policy: Policy) -> tuple[Met, ...]:
        """Return the results that show whether the endpoint worked.

        These are all results except failures that the policy does not retry.
        """
        runs = (self.first, *self.redriven)
        return tuple(one for run in runs for one in run.met if not run.gives_up(one, policy))

    @property
    def first(self) -> _Run:
        """The first run as a `_Run`, the type that the later runs have."""
        return _Run(self.status, self.met)

    def given_up(self, policy: Policy) -> bool:
        """Return whether the delivery failed at a status that this policy does not retry either."""
        return self.status is Status.FAILED and self.first.gives_up(self.met[-1], policy)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a delivery: from acceptance or a redrive to the next redrive or the end.

    Args:
        status: its status at the end.
        met: the results of its attempts.
    """

    status: Status
    met: tuple[Met, ...]

    def gives_up(self, one: Met, policy: Policy) -> bool:
        """Return whether the policy makes no further attempt after this failed attempt."""
        if one.http_status is not None:
            return decide(one.http_status, policy) is Decision.GIVE_UP
        return self.status is Status.FAILED and one is self.met[-1]


def _runs(record: Mapping[str, Any], met: tuple[Met, ...]) -> list[_Run]:
    """Return the runs in a ledger record. A run may have no recorded attempts."""
    redrives = record.get("redriveHistory") or []
    begun = [0, *(int(redrive["attemptsOnRecord"]) for redrive in redrives), len(met)]
    statuses = [
        # A redriven delivery had failed, even if an incomplete record has a different status.
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
        rescued_after_ms: the time to delivery of each failed delivery that would have been
            delivered.
        lost: the number of delivered deliveries that would have failed.
        still_failed: the number of failed deliveries that would have failed too.
        shifts_ms: for each delivery that is delivered in both cases, how much later (negative:
            sooner) it would have been delivered.
        given_up: the number of deliveries that failed at a status that the policy does not retry
            either.
        open: the number of deliveries that have not ended; they are left out.
        attempts: the number of attempts of the replayed deliveries: recorded, and under the policy.
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
        """The number of deliveries that would have been delivered at least a second sooner."""
        return sum(shift <= -_SAME_MS for shift in self.shifts_ms)

    @property
    def later(self) -> int:
        """The number of deliveries that would have been delivered at least a second later."""
        return sum(shift >= _SAME_MS for shift in self.shifts_ms)

    @property
    def median_shift_ms(self) -> int | None:
        """The median of the `shifts_ms` of at least a second either way; None if there are none."""
        moved = [shift for shift in self.shifts_ms if abs(shift) >= _SAME_MS]
        return round(median(moved)) if moved else None

    @property
    def median_rescue_ms(self) -> int | None:
        """The median of `rescued_after_ms`; None if no failed delivery would have arrived."""
        return round(median(self.rescued_after_ms)) if self.rescued_after_ms else None


class Endpoint:
    """The recorded attempts at one endpoint, which show when it worked.

    Args:
        met: the results of attempts at the endpoint, in any order.
    """

    def __init__(self, met: Iterable[Met]) -> None:
        self._met = sorted(met, key=lambda one: one.at_ms)
        self._times = [one.at_ms for one in self._met]

    def nearest(self, at_ms: int) -> Met | None:
        """Return the recorded attempt that is nearest in time; of two equally near, the earlier."""
        after = bisect_left(self._times, at_ms)
        near = self._met[max(after - 1, 0) : after + 1]
        return min(near, key=lambda one: abs(one.at_ms - at_ms), default=None)


def replay(policy: Policy, histories: Sequence[History]) -> Replay:
    """Return the results that recorded deliveries would have had under a policy."""
    endpoints = _endpoints(histories, policy)
    offsets = offsets_ms(policy, lambda: 0.5)
    whole = [one for one in histories if one.is_whole]
    given_up = sum(one.given_up(policy) for one in whole)
    ended = [one for one in whole if one.status in _ENDED and not one.given_up(policy)]
    ends = [(one, _replayed(one, endpoints[one.target_url], offsets, policy)) for one in ended]
    rescued, shifts = [], []
    for one, end in ends:
        if end.delivered_after_ms is not None and one.delivered_after_ms is None:
            rescued.append(end.delivered_after_ms)
        elif end.delivered_after_ms is not None and one.delivered_after_ms is not None:
            shifts.append(end.delivered_after_ms - one.delivered_after_ms)
    missed = [one for one, end in ends if end.delivered_after_ms is None]
    return Replay(
        rescued_after_ms=tuple(rescued),
        lost=sum(one.delivered_after_ms is not None for one in missed),
        still_failed=sum(one.delivered_after_ms is None for one in missed),
        shifts_ms=tuple(shifts),
        given_up=given_up,
        open=sum(one.status in (Status.QUEUED, Status.RETRY_SCHEDULED) for one in whole),
        attempts=(sum(len(one.met) for one in ended), sum(end.attempts for _, end in ends)),
    )


def failure_rate(policy: Policy, histories: Sequence[History]) -> float | None:
    """Return the share of recorded attempts that failed and can be retried.

    Returns:
        The share, from 0 to 1; None if no attempt is recorded.
    """
    met = [one for history in histories if not history.given_up(policy) for one in history.met]
    return sum(not one.delivered for one in met) / len(met) if met else None


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a replayed delivery.

    Args:
        attempts: the number of attempts.
        delivered_after_ms: the time from the first attempt to delivery; None if it fails.
    """

    attempts: int
    delivered_after_ms: int | None = None


def _replayed(one: History, endpoint: Endpoint, offsets: Sequence[int], policy: Policy) -> _End:
    """Return how a delivery would end under the policy.

    Its own failures at statuses that the policy does not retry may end it early. They are not used
    for other deliveries, so `endpoint` does not contain them.
    """
    final = Endpoint(each for each in one.met if one.first.gives_up(each, policy))
    for attempt, offset in enumerate(offsets, start=1):
        at_ms = one.met[0].at_ms + offset
        found = [each for each in (final.nearest(at_ms), endpoint.nearest(at_ms)) if each]
        met = min(found, key=lambda each: abs(each.at_ms - at_ms))
        if met.delivered:
            return _End(attempt, offset)
        if one.first.gives_up(met, policy):
            return _End(attempt)
    return _End(len(offsets))


def _endpoints(histories: Iterable[History], policy: Policy) -> dict[str, Endpoint]:
    met: dict[str, list[Met]] = {}
    for one in histories:
        met.setdefault(one.target_url, []).extend(one.met_at_endpoint(policy))
    return {url: Endpoint(found) for url, found in met.items()}


def _met(entry: Mapping[str, Any]) -> Met:
    status = entry.get("httpStatus")
    return Met(
        _epoch_ms(entry["timestamp"]),
        entry["errorCategory"] == Category.SUCCESS,
        None if status is None else int(status),
    )


def _epoch_ms(text: str) -> int:
    return round(timestamps.from_text(text).timestamp() * 1000)

"""The attempts of the last hour, or the latest of them up to a limit, from the functions' logs.

They are read from logs because there are no metrics by endpoint, and because the ledger has no
index of delivered messages.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from homing.retry.classification import Category, Status
from homing_cli.traces.attempt_log import log_groups, read_attempts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from homing_cli.client.target import Target
    from homing_cli.traces.attempt_log import Attempted

PERIOD = timedelta(hours=1)
MOST = 50_000  # how many attempts are kept in memory
_STEP = timedelta(minutes=5)
# CloudWatch Logs returns events a few seconds after they are written, and not in order.
_OVERLAP = timedelta(seconds=20)
# In these categories nothing was sent, so the outcome says nothing about the endpoint.
NOT_SENT = frozenset({Category.ENDPOINT_DISABLED, Category.BLOCKED_TARGET, Category.INTERNAL_ERROR})


class Seen(NamedTuple):
    """An attempt at an endpoint: its time, sender, duration, and whether it succeeded."""

    event_id: str
    at: datetime
    sender_id: str
    endpoint_id: str
    latency_ms: int
    is_delivered: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """All attempts of a period; it ends at the time at which the logs are read."""

    attempts: Sequence[Seen]
    since: datetime
    until: datetime

    @property
    def minutes(self) -> int:
        """The length of the period in minutes."""
        return round((self.until - self.since) / timedelta(minutes=1))


class RecentAttempts:
    """Reads the attempts of the last hour. Only one thread may use it at a time.

    Args:
        target: the deployed Homing.
        most: the maximum number of attempts in memory; if the last hour has more, only the latest
            are kept, so the period is shorter than an hour.
    """

    def __init__(self, target: Target, most: int = MOST) -> None:
        self._client = target.client("logs")
        self._groups = log_groups(target)
        self._most = most
        self._known: deque[Seen] = deque()
        self._period: tuple[datetime, datetime] | None = None

    def read(self, now: datetime) -> Sample:
        """Return the attempts of the last hour, or of a shorter period if there are too many.

        Raises:
            BotoCoreError, ClientError: when the logs cannot be read.
        """
        if self._period is None or now - self._period[1] > PERIOD:
            self._known.clear()
            since = self._read_back(now)
        else:
            since = max(self._period[0], now - PERIOD)
            self._known.extend(self._read(self._period[1] - _OVERLAP, now))
        since = self._limited(since)
        self._period = since, now
        return Sample(tuple(self._known), since, now)

    def _read_back(self, now: datetime) -> datetime:
        """Read the logs of the last hour backwards in steps, until `most` attempts are found.

        Return the start of the period that has been read.
        """
        since = now
        while since > now - PERIOD and len(self._known) < self._most:
            self._known.extendleft(reversed(self._read(since - _STEP, since)))
            since -= _STEP
        return since

    def _read(self, start: datetime, end: datetime) -> list[Seen]:
        known = {seen.event_id for seen in self._known if seen.at >= start - _OVERLAP}
        read = [
            seen
            for group in self._groups
            for one in read_attempts(self._client, group, start, end)
            if (seen := _seen(one)) and seen.event_id not in known
        ]
        return sorted(read, key=lambda seen: seen.at)

    def _limited(self, since: datetime) -> datetime:
        """Drop attempts before `since`, and the oldest ones beyond the limit.

        Return the new start of the period.
        """
        while self._known and self._known[0].at < since:
            self._known.popleft()
        while len(self._known) > self._most:
            since = self._known.popleft().at
        return since


def _seen(one: Attempted) -> Seen | None:
    """Return an attempt at an endpoint; None if it went to a plain URL, or nothing was sent."""
    document = one.document
    if "endpointId" not in document or document.get("category") in NOT_SENT:
        return None
    return Seen(
        one.event_id,
        one.at,
        document["senderId"],
        document["endpointId"],
        one.latency_ms,
        one.status == Status.DELIVERED,
    )

"""The log events of attempts, read from CloudWatch Logs: one event for each attempt.

`Classify` logs the last attempt of a delivery, `ComputeBackoff` all earlier ones
(lambdas/observation.py). The stack's output `AttemptLogGroups` names the log groups of both.
"""

from __future__ import annotations

import json
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homing_cli.client.target import Target

_PATTERN = '"delivery.attempted"'
# CloudWatch Logs returns events a few seconds after they are written, and not in order.
_OVERLAP = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Attempted:
    """One logged attempt.

    Args:
        event_id: the id of the log event.
        at: the time at which it was logged.
        document: the event's fields: `messageId`, `senderId`, `deliveryId`, `targetUrl`,
            `attempt`, `maxAttempts`, `httpStatus`, `durationMs`, `decision`, `category`, `status`,
            `reason`, `nextDelaySeconds`.
    """

    event_id: str
    at: datetime
    document: Mapping[str, Any]

    @property
    def status(self) -> str:
        """The ledger status that the attempt leads to."""
        return str(self.document["status"])

    @property
    def latency_ms(self) -> int:
        """The endpoint's response time in milliseconds."""
        return int(self.document["durationMs"])

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self | None:
        """Build the attempt from an event of `FilterLogEvents`; None for other kinds of events."""
        try:
            document = json.loads(event["message"])
            if document["message"] != "delivery.attempted":
                return None
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
        # In the local cloud, events have no ids. Each invocation has its own log stream, so the
        # stream's name and the message identify an event.
        unnamed = f"{event.get('logStreamName')}:{event['message']}"
        return cls(event.get("eventId") or unnamed, at, document)


class AttemptLog:
    """Fetches the logged attempts of the last hours; safe to share between threads.

    Args:
        target: the deployed Homing.
        keep: how long a fetched attempt is kept in memory.
    """

    def __init__(self, target: Target, keep: timedelta) -> None:
        self._client = target.client("logs")
        self._groups = log_groups(target)
        self._keep = keep
        self._lock = Lock()
        self._known: deque[Attempted] = deque()
        self._ids: set[str] = set()
        self._fetched: datetime | None = None

    def fetch(self, now: datetime) -> tuple[Attempted, ...]:
        """Fetch the attempts logged since the last call and return them, oldest first."""
        with self._lock:
            start = now - self._keep
            if self._fetched is not None:
                start = max(start, self._fetched - _OVERLAP)
            found = [one for one in self._read(start) if one.event_id not in self._ids]
            found.sort(key=lambda one: one.at)
            self._fetched = now
            self._known.extend(found)
            self._ids.update(one.event_id for one in found)
            self._forget(now - self._keep)
            return tuple(found)

    def since(self, moment: datetime) -> tuple[Attempted, ...]:
        """Return the fetched attempts logged since a given time."""
        with self._lock:
            return tuple(one for one in self._known if one.at >= moment)

    def _read(self, start: datetime) -> list[Attempted]:
        if not self._groups:
            return []
        with ThreadPoolExecutor(len(self._groups)) as pool:
            read = pool.map(
                lambda group: list(read_attempts(self._client, group, start)), self._groups
            )
            return [one for found in read for one in found]

    def _forget(self, before: datetime) -> None:
        while self._known and self._known[0].at < before:
            self._ids.discard(self._known.popleft().event_id)


def log_groups(target: Target) -> list[str]:
    """Return the names of the log groups with attempts."""
    names = target.outputs.get("AttemptLogGroups", "")
    return [name for name in names.split(",") if name]


def read_attempts(
    client: Any, group: str, start: datetime, end: datetime | None = None
) -> Iterator[Attempted]:
    """Yield the attempts that a log group contains between two times.

    Args:
        client: a client of CloudWatch Logs.
        group: the name of the log group.
        start: the earliest time.
        end: the latest time; None for no limit.
    """
    until = {} if end is None else {"endTime": int(end.timestamp() * 1000)}
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(start.timestamp() * 1000), filterPattern=_PATTERN, **until
    )
    for page in pages:
        yield from filter(None, map(Attempted.from_event, page["events"]))

"""The duration of each hop (stage of the path) of a delivery.

The ledger contains the times of acceptance and of each outcome; the history of an execution adds
the ends of waits. First attempts run as Express executions without a history, so the time between
acceptance and their request is one hop: the queue, `dispatch` and function starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from homing.timestamps import from_text, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from homing_cli.traces.execution_history import Attempt
    from homing_cli.traces.trace import Trace

_WAIT, _SEND = "WaitUntilDue", "Deliver"


@dataclass(frozen=True, slots=True)
class Hop:
    """One stage of the path of a delivery.

    Args:
        what: what took the time.
        attempt: the attempt that the hop belongs to, counted from 1.
        start: the time at which the hop began.
        end: the time at which it ended.
    """

    what: str
    attempt: int
    start: datetime
    end: datetime

    @property
    def milliseconds(self) -> int:
        """The duration of the hop; negative if the clocks of two functions differ."""
        return round((self.end - self.start) / timedelta(milliseconds=1))

    def to_document(self) -> dict[str, object]:
        """Return the document that `--json` prints."""
        return {
            "what": self.what,
            "attempt": self.attempt,
            "startedAt": to_text(self.start),
            "milliseconds": self.milliseconds,
        }


def hops(trace: Trace) -> tuple[Hop, ...]:
    """Return the hops of a delivery so far, oldest first."""
    return tuple(_hops(trace))


def _hops(trace: Trace) -> Iterator[Hop]:
    document = trace.delivery.document
    scheduled = document.get("deliverAt")
    since = from_text(scheduled or trace.delivery.reference.created_at)
    before = "from deliverAt to the request" if scheduled else "from acceptance to the request"
    for number, attempt in enumerate(trace.attempts, start=1):
        outcome = attempt.result("outcome")
        if outcome is None:
            return
        ended = from_text(outcome["timestamp"])
        sent = ended - timedelta(milliseconds=int(outcome["responseTime"]))
        yield from _before_request(before, number, attempt, since, sent)
        yield Hop("the endpoint", number, sent, ended)
        backoff = attempt.result("backoff")
        if backoff is None:
            return
        since = from_text(str(backoff["nextRetryAt"]))
        yield Hop("until the retry is due", number, ended, since)
        before = "from the due time to the request"


def _before_request(
    what: str, number: int, attempt: Attempt, since: datetime, sent: datetime
) -> Iterator[Hop]:
    """Yield the hops before a request: two if the end of the wait is known, otherwise one."""
    left = [visit.left for visit in attempt.visits if visit.name == _WAIT and visit.left]
    entered = [visit.entered for visit in attempt.visits if visit.name == _SEND]
    if not left or not entered:
        yield Hop(what, number, since, sent)
        return
    woke = max(left)
    yield Hop("until the wait has ended", number, since, woke)
    yield Hop("from there to the request", number, woke, sent)

"""The data sources of the pages of endpoints and senders; one set for each console."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from homing.ledger.delivery_filter import DeliveryFilter
from homing_cli.client.lines import waiting_lines
from homing_cli.console.endpoints.backlog import Backlog
from homing_cli.console.endpoints.recent_attempts import RecentAttempts, Sample
from homing_cli.console.endpoints.registered import Registry
from homing_cli.console.reading.answers import Answers
from homing_cli.console.reading.faults import STATUSES

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from homing_cli.client.lines import LineView
    from homing_cli.client.target import Target
    from homing_cli.console.reading.counts import Counts

Question = TypeVar("Question", bound="Hashable")
Value = TypeVar("Value")

# The overview uses the same filter, so that one cached count serves both.
OPEN = DeliveryFilter(statuses=STATUSES)
# A page may wait for two sources, and should take at most a second.
_WAIT_SECONDS = 0.3
_KEPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Latest(Generic[Value]):
    """The latest value of a source.

    Args:
        value: the value; None until the first value has been read, or if it cannot be read.
        error: why the value cannot be read; empty if it can.
    """

    value: Value | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """The data sources of the pages; safe to share between threads.

    Args:
        registry: endpoints, keys and the dates of secrets.
        counts: counts of deliveries that wait or have failed.
        attempts: the attempts of the last hour.
        lines: the lines of ordered deliveries in which at least one waits for its turn.
    """

    registry: Registry
    counts: Counts
    attempts: Answers[str, Sample]
    lines: Answers[str, Sequence[LineView]]

    @classmethod
    def connect(cls, target: Target, counts: Counts) -> Self:
        """Return the sources for a deployed Homing."""
        recent = RecentAttempts(target)
        attempts: Answers[str, Sample] = Answers(
            lambda _: recent.read(datetime.now(UTC)), kept_seconds=_KEPT_SECONDS, kept_times=10
        )
        lines: Answers[str, Sequence[LineView]] = Answers(
            lambda _: waiting_lines(target), kept_seconds=_KEPT_SECONDS, kept_times=10
        )
        return cls(Registry(target), counts, attempts, lines)

    def backlog(self) -> Latest[Backlog]:
        """Return the waiting and failed deliveries."""
        return self._backlog(OPEN)

    def backlog_of(self, sender_id: str, endpoint_id: str) -> Latest[Backlog]:
        """Return the waiting and failed deliveries of one endpoint.

        This is faster than counting those of all endpoints.
        """
        return self._backlog(replace(OPEN, sender_id=sender_id, endpoint_id=endpoint_id))

    def _backlog(self, wanted: DeliveryFilter) -> Latest[Backlog]:
        counted = _latest(self.counts, wanted)
        if counted.value is None:
            return Latest(error=counted.error)
        return Latest(Backlog.of(counted.value.groups, counted.value.at))

    def sample(self) -> Latest[Sample]:
        """Return the attempts of the last hour."""
        return _latest(self.attempts, "")

    def lines_of(self, sender_id: str, endpoint_id: str) -> Latest[Sequence[LineView]]:
        """Return an endpoint's lines in which at least one delivery waits for its turn.

        The line with the most waiting deliveries comes first.
        """
        read = _latest(self.lines, "")
        if read.value is None:
            return read
        to = (sender_id, endpoint_id)
        found = [
            line
            for line in read.value
            if (line.reference.sender_id, line.reference.endpoint_id) == to
        ]
        return Latest(found)


def _latest(answers: Answers[Question, Value], question: Question) -> Latest[Value]:
    try:
        return Latest(answers.ask(question, _WAIT_SECONDS))
    except (BotoCoreError, ClientError) as error:  # an operator may lack the permission to read it
        return Latest(None, f"{type(error).__name__}: {error}")

"""A workload, and the average AWS calls of one of its messages.

The failure rate is the share of attempts that fail and can be retried. Attempts fail independently
of each other:

    P(delivered at attempt k) = failureRate ** (k - 1) * (1 - failureRate)
    P(dead-lettered)          = failureRate ** maxAttempts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing_cli.cost.counts import End
from homing_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homing_cli.cost.counts import Calls, PathCounts

MILLION = 1_000_000
MAX_BATCH = 10  # the most that a FIFO queue returns at once
DEFAULT_RATE = 300.0  # the default rate limit of an HTTP API; the function URL allows more
VIA = {
    "url": "at the function URL",
    "batch": "at the function URL, ten in a request",
    "api": "at the HTTP API",
    "ingest": "by the ingest queue",
}
TOGETHER = {"batch": 10}  # the number of messages in a request, where it is not one
# Calls that a batch of the ingest queue shares; they are counted for a batch of one.
_OF_INGEST_BATCH = ("lambda.Ingest", "sqs.ingest.receive", "sqs.ingest.delete")


class WorkloadError(CommandError):
    """Raised when a value of a workload is out of its range."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The messages of a month.

    Args:
        messages: the number of messages in a month, each to one target.
        payload_bytes: the size of each payload.
        failure_rate: the share of attempts that fail and are retried, 0 to 1.
        max_attempts: the maximum number of attempts, by the policy.
        latency_ms: the response time of endpoints.
        express_path: `on` (first attempts at Express prices) or `off` (all Standard).
        batch_size: the average number of messages in a batch of a queue, 1 to 10.
        rate: messages per second at busy times; the default is the rate limit of the stack's HTTP
            APIs.
        via: where messages are sent: `url` (the function URL), `batch` (the function URL, ten
            messages in a request), `api` (an HTTP API) or `ingest` (the ingest queue).
    """

    messages: int = MILLION
    payload_bytes: int = 1024
    failure_rate: float = 0.01
    max_attempts: int = 3
    latency_ms: int = 200
    express_path: str = "on"
    batch_size: float = MAX_BATCH
    rate: float = DEFAULT_RATE
    via: str = "url"

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            WorkloadError: when a value is out of its range; the error names the first such value.
        """
        possible = {
            "messages": self.messages >= 1,
            "payload_bytes": self.payload_bytes >= 0,
            "failure_rate": 0 <= self.failure_rate <= 1,
            "max_attempts": self.max_attempts >= 1,
            "latency_ms": self.latency_ms >= 0,
            "express_path": self.express_path in {"on", "off"},
            "batch_size": 1 <= self.batch_size <= MAX_BATCH,
            "rate": self.rate > 0,
            "via": self.via in VIA,
        }
        for name, can_be in possible.items():
            if not can_be:
                raise WorkloadError(f"{name} is out of range: {getattr(self, name)}")

    @property
    def together(self) -> int:
        """The number of messages accepted per request."""
        return TOGETHER.get(self.via, 1)

    def outcomes(self) -> Iterator[tuple[float, End, int]]:
        """Yield the possible ends of a delivery, as (probability, status, number of attempts)."""
        reached = 1.0
        for attempts in range(1, self.max_attempts + 1):
            if self.failure_rate < 1:
                yield reached * (1 - self.failure_rate), End.DELIVERED, attempts
            reached *= self.failure_rate
            if not reached:
                return
        yield reached, End.MAX_RETRIES_EXCEEDED, self.max_attempts


def expected_calls(counts: PathCounts, workload: Workload) -> Calls:
    """Return the average calls of a message, including its acceptance and its share of a batch."""
    total: Calls = {name: calls / workload.batch_size for name, calls in counts.per_batch.items()}
    for probability, end, attempts in workload.outcomes():
        for name, calls in counts.calls(end, attempts).items():
            total[name] = total.get(name, 0) + probability * calls
    total |= counts.via[workload.via]
    for name in _OF_INGEST_BATCH:
        total[name] /= workload.batch_size
    return total

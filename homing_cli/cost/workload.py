"""What is to be sent, and how often a message of it calls AWS on average.

The failure rate is the share of attempts that fail and are worth a retry, each for itself:

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
MAX_BATCH = 10  # what a FIFO queue hands out at once
DEFAULT_RATE = 300.0  # what an HTTP API lets in by default; the function URL lets in more
VIA = {"url": "at the function URL", "api": "at the HTTP API"}


class WorkloadError(CommandError):
    """Raised when there is nothing to calculate for such a scenario."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What is to be sent.

    Args:
        messages: in a month, each to one target.
        payload_bytes: of each.
        failure_rate: the share of attempts that fail and are worth a retry, 0 to 1.
        max_attempts: the policy's limit.
        latency_ms: how long the endpoint takes to answer.
        express_path: `on` (first attempts at Express prices) or `off` (all Standard).
        batch_size: how many messages a batch of the queue holds on average, 1 to 10.
        rate: how many messages arrive in a second, while messages arrive; by default what an HTTP
            API of the stack lets in.
        via: where messages are handed over: `url` (the function URL) or `api` (an HTTP API).
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
        """Refuse what cannot be.

        Raises:
            WorkloadError: naming the first value that is out of its range.
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
                raise WorkloadError(f"{name} cannot be {getattr(self, name)}")

    def outcomes(self) -> Iterator[tuple[float, End, int]]:
        """Return how deliveries may end: probability, end, attempts. They add up to 1."""
        reached = 1.0
        for attempts in range(1, self.max_attempts + 1):
            if self.failure_rate < 1:
                yield reached * (1 - self.failure_rate), End.DELIVERED, attempts
            reached *= self.failure_rate
            if not reached:
                return
        yield reached, End.MAX_RETRIES_EXCEEDED, self.max_attempts


def expected_calls(counts: PathCounts, workload: Workload) -> Calls:
    """Return the calls of a message on average, its share of its batch and its API included."""
    total: Calls = {name: calls / workload.batch_size for name, calls in counts.per_batch.items()}
    total |= counts.via[workload.via]
    for probability, end, attempts in workload.outcomes():
        for name, calls in counts.calls(end, attempts).items():
            total[name] = total.get(name, 0) + probability * calls
    return total

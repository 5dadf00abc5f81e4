"""The health of an endpoint, computed from its recent attempts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing_cli.console.figures.figures import percentile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from homing_cli.console.endpoints.recent_attempts import Seen

Key = tuple[str, str]  # senderId and endpointId


@dataclass(frozen=True, slots=True)
class Health:
    """The health of an endpoint over a period.

    Args:
        attempts: how many attempts were made at the endpoint.
        delivered: how many of these attempts succeeded.
        p50_ms: the median of the endpoint's response times; None without attempts.
        p99_ms: the 99th percentile of the response times; None without attempts.
        last_success: the time of the last successful attempt; None if no attempt succeeded.
        last_failure: the time of the last failed attempt; None if no attempt failed.
    """

    attempts: int = 0
    delivered: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    last_success: datetime | None = None
    last_failure: datetime | None = None

    @property
    def success_rate(self) -> float | None:
        """The share of attempts that succeeded; None if there are none."""
        return self.delivered / self.attempts if self.attempts else None


def health_by_endpoint(attempts: Iterable[Seen]) -> Mapping[Key, Health]:
    """Return the health of each endpoint that has attempts."""
    by_endpoint: dict[Key, list[Seen]] = {}
    for seen in attempts:
        by_endpoint.setdefault((seen.sender_id, seen.endpoint_id), []).append(seen)
    return {key: _health(found) for key, found in by_endpoint.items()}


def _health(found: list[Seen]) -> Health:
    latencies = [seen.latency_ms for seen in found]
    successes = [seen.at for seen in found if seen.is_delivered]
    failures = [seen.at for seen in found if not seen.is_delivered]
    return Health(
        attempts=len(found),
        delivered=len(successes),
        p50_ms=percentile(latencies, 50),
        p99_ms=percentile(latencies, 99),
        last_success=max(successes, default=None),
        last_failure=max(failures, default=None),
    )

"""The assessment of a retry policy: schedule, load, cost, and results for recorded deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing_cli.cost.model import load_model
from homing_cli.cost.workload import Workload
from homing_cli.what_if import replay, schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homing.retry.policy import Policy
    from homing_cli.what_if.replay import History, Replay
    from homing_cli.what_if.schedule import Step, Wave

REGION = "us-east-1"
ASSUMED_FAILURE_RATE = 0.01  # the failure rate that is assumed without recorded deliveries


@dataclass(frozen=True, slots=True)
class Assessment:
    """The effect of a retry policy.

    Args:
        policy: the policy.
        schedule: the times of the policy's attempts.
        deliveries: the number of deliveries assumed to fail in the same second.
        waves: the load of these deliveries' retries, attempt by attempt.
        failure_rate: the share of recorded attempts that failed and can be retried; None without
            recorded deliveries.
        per_million: dollars per million messages at that failure rate (1% for None), in us-east-1.
        replay: the results that recorded deliveries would have had under the policy.
        is_whole: whether the recorded deliveries are all deliveries in the ledger.
    """

    policy: Policy
    schedule: tuple[Step, ...]
    deliveries: int
    waves: tuple[Wave, ...]
    failure_rate: float | None
    per_million: float
    replay: Replay
    is_whole: bool

    @property
    def assumed_rate(self) -> float:
        """The failure rate for which the cost is computed."""
        return ASSUMED_FAILURE_RATE if self.failure_rate is None else self.failure_rate

    def to_document(self) -> dict[str, Any]:
        """Return the document that `--json` prints: times in ms, loads in requests per second."""
        found = self.replay
        return {
            "policy": self.policy.to_document(),
            "schedule": [
                {
                    "attempt": step.attempt,
                    "earliestMs": step.earliest_ms,
                    "middleMs": step.middle_ms,
                    "latestMs": step.latest_ms,
                }
                for step in self.schedule
            ],
            "stampede": {
                "deliveries": self.deliveries,
                "waves": [
                    {"attempt": wave.attempt, "startSecond": wave.start_s, "peak": wave.peak}
                    for wave in self.waves
                ],
            },
            "cost": {"failureRate": self.assumed_rate, "dollarsPerMillion": self.per_million},
            "replay": {
                "wholeLedger": self.is_whole,
                "replayed": found.replayed,
                "failedOnRecord": found.failed_on_record,
                "rescued": len(found.rescued_after_ms),
                "medianRescueMs": found.median_rescue_ms,
                "lost": found.lost,
                "sooner": found.sooner,
                "later": found.later,
                "medianShiftMs": found.median_shift_ms,
                "givenUp": found.given_up,
                "open": found.open,
                "attemptsOnRecord": found.attempts[0],
                "attemptsUnderPolicy": found.attempts[1],
            },
        }


def assess(
    policy: Policy, deliveries: int, histories: Sequence[History], *, is_whole: bool
) -> Assessment:
    """Return the assessment of a policy.

    Args:
        policy: the policy.
        deliveries: the number of deliveries assumed to fail in the same second.
        histories: the first runs of recorded deliveries.
        is_whole: whether they are those of all deliveries in the ledger.
    """
    rate = replay.failure_rate(policy, histories)
    assumed = ASSUMED_FAILURE_RATE if rate is None else rate
    workload = Workload(failure_rate=assumed, max_attempts=policy.max_attempts)
    return Assessment(
        policy=policy,
        schedule=schedule.schedule(policy),
        deliveries=deliveries,
        waves=schedule.stampede(policy, deliveries),
        failure_rate=rate,
        per_million=load_model(REGION).per_million(workload),
        replay=replay.replay(policy, histories),
        is_whole=is_whole,
    )

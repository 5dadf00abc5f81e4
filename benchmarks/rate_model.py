"""Model an endpoint with a rate limit in virtual time: 500 attempts a second, 50 containers.

The model uses the real code that takes slots (`homing.sending.pacing`,
`homing.endpoints.rate_slots`), with a simulated DynamoDB table. Each call to the table takes time,
clocks differ, and waits of Step Functions end late. More messages are sent than the rate allows, so
most attempts are postponed to their rate slots; in the middle of the run the endpoint asks for a
pause (429 with `Retry-After`). The seed is fixed, so the figures are the same each time.

    python benchmarks/rate_model.py [RATE [SECONDS]]
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sizes import sized
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.rate import interval_of, to_microseconds
from homing.endpoints.rate_slots import RateSlots, rate_change
from homing.ledger.claim import AttemptClaim
from homing.retry.not_attempted import Postponed
from homing.retry.outcome import Outcome
from homing.sending.pacing import Pacing
from homing.timestamps import from_text, to_text
from simulation.engine.faults import ConditionFailedError
from simulation.services.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

SEED = 7
CONTAINERS = 50
OVERLOAD = 1.3  # new messages per second, as a multiple of the rate
SKEW = 0.02  # the maximum difference between clocks, in seconds; Lambda's are synchronized by NTP
# The median time of a call to the table. Half of it passes before the call takes effect.
CALL = 0.004
# In seconds: a wait ends up to LATE too late. After COLD_SHARE of waits there is a cold start too.
LATE, COLD_SHARE, COLD = 0.3, 0.02, 2.3
PAUSE = 3  # the Retry-After of one 429, in seconds
START = datetime(2026, 1, 1, tzinfo=UTC)


class Refused(Exception):  # noqa: N818 -- stands for botocore's error
    """Stands for botocore's ConditionalCheckFailedException."""

    def __init__(self, item: Any) -> None:
        super().__init__()
        self.response = {} if item is None else {"Item": item}


class DynamoDB:
    """A stand-in for a DynamoDB client, with one table; it counts reads and writes."""

    class exceptions:  # noqa: N801 -- botocore's name
        """The error of a refused update, under the name that botocore gives it."""

        ConditionalCheckFailedException = Refused

    def __init__(self) -> None:
        self.table = Table(("pk", "sk"))
        self.writes = self.refused = self.reads = 0

    def update_item(self, **arguments: Any) -> Any:
        """Change the item."""
        self.writes += 1
        try:
            return self.table.update_item(arguments)
        except ConditionFailedError as error:
            self.refused += 1
            raise Refused(error.item) from error

    def get_item(self, **arguments: Any) -> Any:
        """Read the item."""
        self.reads += 1
        return self.table.get_item(arguments)


@dataclass(frozen=True, slots=True)
class Container:
    """A container of `deliver`: its clock, and the real code. Its sleeps are only recorded."""

    skew: float
    pacing: Pacing
    slept: list[float]


@dataclass
class Model:
    """What happened in a run of the model.

    Args:
        rate: the endpoint's limit, in attempts per second.
        sent: the time at which each request was sent, in seconds.
        waiting: the total time, in seconds, that attempts waited in a function.
        put_off: the total number of times that attempts were postponed.
        paused: the times at which the pause began and ended, in seconds.
    """

    rate: float
    dynamodb: DynamoDB
    sent: list[float] = field(default_factory=list)
    waiting: float = 0.0
    put_off: int = 0
    paused: tuple[float, float] = (0.0, 0.0)

    def most_within(self, seconds: float) -> int:
        """Return the maximum number of requests in any period of `seconds` seconds."""
        at, first, most = sorted(self.sent), 0, 0
        for last, moment in enumerate(at):
            while moment - at[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def in_pause(self) -> int:
        """Return how many requests were sent in the last second of the pause; 0 is expected."""
        end = self.paused[1] - SKEW
        return sum(end - 1 <= moment < end for moment in self.sent)


def run(rate: float = 500, seconds: float = 30, containers: int = CONTAINERS) -> Model:
    """Run the model: accept messages for `seconds` seconds, and end when all have been sent."""
    chance, dynamodb = random.Random(SEED), DynamoDB()  # noqa: S311 -- seeded
    created = to_text(START)
    endpoint = Endpoint("shop", "orders", "https://example.com/", created, created)
    endpoint = replace(endpoint, rate_per_second=rate)
    dynamodb.update_item(**rate_change("endpoints", endpoint)["Update"])
    dynamodb.writes = 0
    running = [_container(dynamodb, chance) for _ in range(containers)]
    model = Model(rate, dynamodb)
    due: list[tuple[float, int, AttemptClaim | None]] = []
    for number in range(int(rate * seconds * OVERLOAD)):
        heappush(due, (chance.uniform(0, seconds), number, None))
    pause_at = seconds / 2
    while due:
        called, number, claim = heappop(due)
        container = chance.choice(running)
        half = CALL / 2 * chance.lognormvariate(0, 0.5)
        now = START + timedelta(seconds=called + container.skew)
        if called >= pause_at and model.paused == (0.0, 0.0):
            until = container.pacing.pause(endpoint, _asks_for_pause(now))
            model.paused = called, (until - START).total_seconds() if until else called
        held_up = container.pacing.wait(endpoint, claim, now)
        if isinstance(held_up, Postponed):
            model.put_off += 1
            heappush(due, (*_wakes(held_up, chance, number), _claim(held_up)))
            continue
        slept = container.slept.pop()
        model.waiting += slept
        model.sent.append(called + max(slept, 2 * half))
    return model


def _container(dynamodb: DynamoDB, chance: random.Random) -> Container:
    slept: list[float] = []
    slots: Any = dynamodb
    return Container(
        chance.uniform(-SKEW, SKEW), Pacing(RateSlots("endpoints", slots), slept.append), slept
    )


def _asks_for_pause(now: datetime) -> Outcome:
    return Outcome(to_text(now), 12, http_status=429, retry_after=str(PAUSE))


def _wakes(postponed: Postponed, chance: random.Random, number: int) -> tuple[float, int]:
    """Return the time at which a postponed attempt continues, and the number of its message.

    The time is later than planned, since waits end late and some functions start cold.
    """
    due = (from_text(postponed.due_at) - START).total_seconds()
    cold = COLD if chance.random() < COLD_SHARE else 0.0
    return due + chance.uniform(0, LATE) + cold, number


def _claim(postponed: Postponed) -> AttemptClaim:
    due = postponed.due_at
    return AttemptClaim(0, "sleeper", 0, due, 2_000_000_000, slot=postponed.slot)


def figures(model: Model) -> Sequence[tuple[str, str]]:
    """Return the rows of the table."""
    count, dynamodb = len(model.sent), model.dynamodb
    lasted = max(model.sent) - min(model.sent) - (model.paused[1] - model.paused[0])
    interval = to_microseconds(START + interval_of(model.rate)) - to_microseconds(START)
    return [
        ("attempts, all at their slots", f"{count:,}"),
        ("interval of slots", f"{interval / 1000:g} ms"),
        ("a second, without the pause", f"{count / lasted:.1f}"),
        ("the most in any second", f"{model.most_within(1):,}"),
        ("the most in any 10 seconds", f"{model.most_within(10):,}"),
        (f"begun in the last second of a pause of {PAUSE} s", f"{model.in_pause():,}"),
        ("writes of an attempt", f"{dynamodb.writes / count:.3f}"),
        ("of these refused", f"{dynamodb.refused / count:.3f}"),
        ("reads of an attempt", f"{dynamodb.reads / count:.3f}"),
        ("times an attempt was put off", f"{model.put_off / count:.3f}"),
        ("seconds it waited in a function", f"{model.waiting / count:.3f}"),
    ]


def main() -> None:
    """Print the table."""
    given = [float(each) for each in sys.argv[1:] if not each.startswith("-")]
    model = run(*(given or sized((500.0, 30.0), (50.0, 1.0))))
    print(f"{model.rate:g} a second, {CONTAINERS} containers; {OVERLOAD:g} times as many messages")
    for name, figure in figures(model):
        print(f"{name:<44}{figure:>10}")


if __name__ == "__main__":
    main()

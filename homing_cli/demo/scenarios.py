"""The scenarios of the demo: the behaviour of an endpoint, and the expected result.

`homing_cli.demo.runner` sends the messages and observes what happens. The pure functions of this
module return how the observations differ from the expected results.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from homing import timestamps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from homing_cli.client.deliveries import DeliveryView
    from homing_cli.client.messages import Handed

REFUSED = "REFUSED"  # not a ledger status: the message was not accepted

RETRY_AFTER = timedelta(seconds=3)
LATER = timedelta(seconds=3)
# The time-out of an attempt (deployment.LOCAL_CONTEXT), and the response times accepted for it.
_DEADLINE_MS = 3000
_PUNCTUAL_MS = range(_DEADLINE_MS - 100, _DEADLINE_MS + 1000)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A message of the demo and its expected result.

    Args:
        name: its name, the beginning of the messageId.
        does: the behaviour of the endpoint in words.
        path: the receiver's path with this behaviour; None for a port on which nothing listens.
        status: the expected status of the delivery.
        categories: the expected categories of its attempts, in order.
        policy: the message's own retry policy, or None.
        later: whether the message is scheduled for a later time.
        copies: the number of times that it is sent.
        signed: whether it is sent to an endpoint, and the receiver verifies its signature.
        target: a URL that must be refused, used instead of the receiver's URL.
    """

    name: str
    does: str
    path: str | None
    status: str
    categories: tuple[str, ...]
    policy: Mapping[str, Any] | None = None
    later: bool = False
    copies: int = 1
    signed: bool = False
    target: str | None = None

    @property
    def requests(self) -> int:
        """The number of requests that the receiver is expected to get."""
        return len(self.categories) if self.path else 0

    @property
    def is_dead_lettered(self) -> bool:
        """Whether the message is expected to be dead-lettered."""
        return self.status not in {"DELIVERED", REFUSED}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed of one message.

    Args:
        scenario: its scenario.
        handed: the API's answers, one for each copy.
        deliveries: its deliveries at the end.
        arrivals: the times at which its requests reached the receiver.
        dead_letters: the number of its dead letters.
        due: the time for which it was scheduled; None if it was not.
        verified: whether the signature of each request was valid; empty without a secret.
    """

    scenario: Scenario
    handed: Sequence[Handed]
    deliveries: Sequence[DeliveryView]
    arrivals: Sequence[datetime]
    dead_letters: int
    due: datetime | None = None
    verified: Sequence[bool] = ()

    @property
    def attempts(self) -> list[Mapping[str, Any]]:
        """The attempts in the ledger."""
        return [entry for view in self.deliveries for entry in view.document["retryHistory"]]


def complaints(seen: Seen) -> tuple[str, ...]:
    """Return how the observation differs from the expected result; empty if it does not."""
    found = [
        *_recorded_right(seen),
        *_sent_right(seen),
        *_never_early(seen),
        *_retry_after_kept(seen),
        *_deadline_kept(seen),
        *_signatures_held(seen),
    ]
    return tuple(f"{seen.scenario.name}: {complaint}" for complaint in found)


def _recorded_right(seen: Seen) -> Iterator[str]:
    scenario = seen.scenario
    recorded = [entry["errorCategory"] for entry in seen.attempts]
    ends = [] if scenario.status == REFUSED else [scenario.status]
    yield from _differs("status", ends, [view.status for view in seen.deliveries])
    yield from _differs("attempts", list(scenario.categories), recorded)
    yield from _differs("dead letters", int(scenario.is_dead_lettered), seen.dead_letters)


def _sent_right(seen: Seen) -> Iterator[str]:
    scenario = seen.scenario
    problems = [problem for handed in seen.handed for problem in handed.problems]
    if scenario.status == REFUSED:
        told = [problem.partition(":")[0] for problem in problems]
        yield from _differs("refused fields", ["targetUrl"], told)
    else:
        yield from problems
    repeats = [False] + [True] * (scenario.copies - 1)
    yield from _differs("known before", repeats, [handed.duplicate for handed in seen.handed])
    yield from _differs("requests received", scenario.requests, len(seen.arrivals))


def _never_early(seen: Seen) -> Iterator[str]:
    promised = [entry.get("nextRetryTimestamp") for entry in seen.attempts]
    due = [seen.due, *(at and timestamps.from_text(at) for at in promised)]
    for number, (earliest, came) in enumerate(zip(due, seen.arrivals, strict=False), start=1):
        if earliest and came < earliest:
            yield f"request {number} came {(earliest - came).total_seconds()} s early"


def _retry_after_kept(seen: Seen) -> Iterator[str]:
    for entry, (before, after) in zip(seen.attempts, pairwise(seen.arrivals), strict=False):
        if entry["errorCategory"] == "RATE_LIMITED" and after - before < RETRY_AFTER:
            yield f"was retried after {(after - before).total_seconds()} s in spite of Retry-After"


def _deadline_kept(seen: Seen) -> Iterator[str]:
    for entry in seen.attempts:
        if entry["errorCategory"] == "TIMEOUT" and int(entry["responseTime"]) not in _PUNCTUAL_MS:
            yield f"an attempt was cut after {entry['responseTime']} ms instead of {_DEADLINE_MS}"


def _signatures_held(seen: Seen) -> Iterator[str]:
    expected = [True] * seen.scenario.requests if seen.scenario.signed else []
    yield from _differs("valid signatures", expected, list(seen.verified))


def _differs(what: str, expected: Any, found: Any) -> Iterator[str]:
    if expected != found:
        yield f"{what}: expected {expected}, found {found}"


SCENARIOS = (
    Scenario("at-once", "200", "/script/200", "DELIVERED", ("SUCCESS",)),
    Scenario(
        "two-503s",
        "503, 503, then 200",
        "/script/503,503,200",
        "DELIVERED",
        ("SERVER_ERROR", "SERVER_ERROR", "SUCCESS"),
    ),
    Scenario(
        "retry-after",
        "429 with Retry-After: 3, then 200",
        "/script/429;retry-after=3,200",
        "DELIVERED",
        ("RATE_LIMITED", "SUCCESS"),
    ),
    Scenario(
        "three-500s",
        "500, 500, 500",
        "/script/500,500,500,200",
        "MAX_RETRIES_EXCEEDED",
        ("SERVER_ERROR",) * 3,
    ),
    Scenario("gone", "410", "/script/410", "FAILED", ("GONE",)),
    Scenario("refused", "nobody listens", None, "MAX_RETRIES_EXCEEDED", ("NETWORK_ERROR",) * 3),
    Scenario(
        "slow-drip",
        "200, a byte a second",
        "/script/drip",
        "MAX_RETRIES_EXCEEDED",
        ("TIMEOUT", "TIMEOUT"),
        policy={"maxAttempts": 2},
    ),
    Scenario(
        "later",
        "200, not before 3 s from now",
        "/script/200",
        "DELIVERED",
        ("SUCCESS",),
        later=True,
    ),
    Scenario(
        "signed",
        "503, then 200; verifies each signature",
        "/script/503,200",
        "DELIVERED",
        ("SERVER_ERROR", "SUCCESS"),
        signed=True,
    ),
    Scenario(
        "private",
        "a private address: refused",
        None,
        REFUSED,
        (),
        target="http://169.254.169.254/latest/meta-data",
    ),
    Scenario("twice", "200, sent twice", "/script/200", "DELIVERED", ("SUCCESS",), copies=2),
)

# The scenario whose dead letter is redriven, with its result after that.
BROUGHT_BACK = "three-500s"
REDRIVEN = Scenario(
    "redriven",
    "500, 500, 500; redriven: 200",
    "/script/500,500,500,200",
    "DELIVERED",
    ("SERVER_ERROR",) * 3 + ("SUCCESS",),
)

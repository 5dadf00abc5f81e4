"""The scale model: which AWS quota is reached first at a given rate of messages.

The demand on a quota is the message rate times the calls per message. For a quota of concurrency,
it is the rate times the duration (Little's law). The calls come from `counts.json`, the durations
from `data/assumptions.json`, the quotas from `tools/quotas.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from homing_cli.cost.bill import detached_share, dispatch_ms, dispatch_waits
from homing_cli.cost.billing import expected_longest, function_ms
from homing_cli.cost.workload import Workload, expected_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing_cli.cost.bill import Basis
    from homing_cli.cost.model import Model

_FILE = Path(__file__).with_name("quotas.json")

RATES = (10, 100, 1_000, 10_000)
DEFAULT = Workload()
SLOW = replace(DEFAULT, latency_ms=15_000)

_INDEX_PARTITIONS = 16
# These are the waits with the default policy: 1 to 2 s, then 2 to 3 s. A policy that retries for
# days has longer ones.
_WAIT_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota of AWS or of the stack.

    Args:
        name: the name of the quota.
        limit: the value of the quota.
        unit: the unit of the value.
        remedy: how to raise the quota.
        source: where the quota is documented, and when it was read; empty if this stack sets it.
    """

    name: str
    limit: float
    unit: str
    remedy: str
    source: str


@dataclass(frozen=True, slots=True)
class Load:
    """The demand on a quota at a rate of messages."""

    quota: Quota
    demand: float

    @property
    def share(self) -> float:
        """The demand divided by the limit of the quota. At 1 the quota is used up."""
        return self.demand / self.quota.limit


def quotas() -> dict[str, Quota]:
    """Return the quotas by name; `demands` uses the same names."""
    document = json.loads(_FILE.read_text())["quotas"]
    return {
        name: Quota(
            one["name"],
            one["limit"],
            one["unit"],
            one["raise"],
            f"{one['source']}, {one['date']}" if "source" in one else "",
        )
        for name, one in document.items()
    }


def loads(model: Model, workload: Workload, rate: float) -> dict[str, Load]:
    """Return the demand on every quota at a rate of messages.

    Args:
        model: the counts and assumptions; prices are not used.
        workload: the failure rate, latency and express path; batches are assumed to be full.
        rate: messages per second.
    """
    basis = model.basis(workload)
    known = quotas()
    return {name: Load(known[name], n) for name, n in demands(basis, rate).items()}


def binding(loads_of: Mapping[str, Load]) -> list[Load]:
    """Return the loads that reach or exceed their quotas, the largest share first."""
    return sorted(
        (load for load in loads_of.values() if load.share >= 1), key=lambda load: -load.share
    )


def demands(basis: Basis, rate: float) -> dict[str, float]:
    """Return the demand on each quota at a rate of messages, in the unit of the quota."""
    calls = expected_calls(basis.counts, basis.workload)
    batch_seconds = dispatch_ms(basis) / 1000
    left = detached_share(basis)
    # The duration of the batch in which the message of a detached attempt is received again.
    again_seconds = basis.assumptions.functions["Dispatch"].ms / 1000
    retries = calls["lambda.RecordRetry"]
    busiest = max(calls[f"lambda.{name}"] for name in basis.assumptions.functions)
    dead_letters = calls["sqs.deadLetters.send"]
    # The attention index is written when an item is added to it, moved in it or removed.
    index_writes = 2 * retries + dead_letters
    return {
        "api.throttle": rate * calls["api.requests"],
        "api.account": rate * calls["api.requests"],
        "lambda.requests": rate * busiest,
        "sqs.send": rate * calls["sqs.deliveries.send"],
        "sqs.receive": rate * calls["sqs.deliveries.receive"],
        "sqs.inFlight": rate * (batch_seconds + left * basis.assumptions.settings["leftSeconds"]),
        "dispatch.concurrency": (
            rate * calls["lambda.Dispatch"] * (batch_seconds + left * again_seconds)
        ),
        "lambda.concurrency": rate * _lambda_seconds(basis),
        "states.startStandard": rate * calls["standard.executions"],
        "states.transitions": rate * calls["standard.transitions"],
        "states.open": rate * _open_seconds(basis),
        "dynamodb.ledger": rate * (calls["dynamodb.writeUnits"] - 1),
        "dynamodb.messages": rate,
        "dynamodb.attention": rate * index_writes / _INDEX_PARTITIONS,
    }


def _lambda_seconds(basis: Basis) -> float:
    """Return for how long functions run for one message, in seconds."""
    calls = expected_calls(basis.counts, basis.workload)
    longest = {"Dispatch": dispatch_ms(basis)}
    return sum(
        calls[f"lambda.{name}"]
        * longest.get(name, function_ms(function, basis.workload, longest_express_ms=0))
        / 1000
        for name, function in basis.assumptions.functions.items()
    )


def _open_seconds(basis: Basis) -> float:
    """Return for how long Standard executions run for one message on average, in seconds."""
    calls = expected_calls(basis.counts, basis.workload)
    in_express = calls["express.requests"]
    attempts = calls["lambda.Deliver"] - in_express
    attempt_seconds = (basis.workload.latency_ms + 3 * basis.assumptions.express.task_ms) / 1000
    return attempts * attempt_seconds + calls["lambda.RecordRetry"] * _WAIT_SECONDS


def dispatched_per_second(model: Model, workload: Workload, slow_share: float) -> float:
    """Return the messages per second that are dispatched when some endpoints are slow.

    A batch ends when each of its first attempts has ended or was detached. So one slow endpoint
    delays up to nine other deliveries for as long as `dispatch` waits. The message of a detached
    attempt is redelivered, so it is part of a second batch too.

    Args:
        model: counts and assumptions.
        workload: the setting of the express path, and the response time of the other endpoints.
        slow_share: the share of messages to endpoints that are as slow as in `SLOW`. Each of these
            messages goes to a different endpoint, so that no bulkhead defers it.
    """
    slow = model.basis(replace(workload, latency_ms=SLOW.latency_ms))
    # The average number of times that a message is received.
    handed_out = 1 + slow_share * detached_share(slow)
    at_once: float = model.assumptions.settings["dispatchConcurrency"] * workload.batch_size
    return at_once / _batch_ms(model, workload, slow_share / handed_out) * 1000 / handed_out


def _batch_ms(model: Model, workload: Workload, slow_share: float) -> float:
    """Return the duration of a batch with this share of slow deliveries."""
    slow = replace(workload, latency_ms=SLOW.latency_ms)
    times = [
        (share * probability, ms)
        for share, some in ((1 - slow_share, workload), (slow_share, slow))
        for probability, ms in dispatch_waits(model.basis(some))
    ]
    longest_ms = expected_longest(times, workload.batch_size)
    return function_ms(model.assumptions.functions["Dispatch"], workload, longest_ms)

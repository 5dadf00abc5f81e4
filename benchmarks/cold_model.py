"""A model of how long a message waits for a cold function, from the function's processor times.

Assumptions, with their sources:

- While a function initializes on demand it has a whole processor, whatever its memory ("On-demand
  Lambda functions use a full vCPU (non-throttled) but is limited to 10 seconds during its
  initialization phase", AWS, serverlessland.com, "Utilize initialization phase").
- Afterwards it has memory / 1,769 MB of a processor ("At 1,769 MB, a function has the equivalent of
  one vCPU", AWS Lambda developer guide, "Configure Lambda function memory").
- Lambda itself takes 112 ms to start an empty Python function (arm64, 128 MB, median of 147 cold
  starts, aws-powertools/powertools-lambda-layer-cdk, pull request 10).
- `accept` wakes `deliver` and `classify` at the end of its initialization, through an SNS topic
  (docs/decisions/0105), which invokes them 125 ms later (the 90th percentile in eu-west-1; the
  median is 73 ms: bitesizedserverless.com, "Serverless Messaging: Latency Compared", 2022). If the
  message reaches a function that is not ready yet, the message waits as if nothing had woken the
  function, since Lambda starts a second environment for the message.
- Lambda's processors are as fast as the one on which the times were measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT_MS = 112
FULL_MB = 1769
CALL_MS = 7  # how long a function waits for the response to a call to AWS (docs/cost.md)

WAKE_MS = 125  # from publishing a notification to the invocation of a function

# How many responses, one after the other, the first invocation of each function waits for.
CALLS = {"Accept": 3, "Dispatch": 2, "Deliver": 2, "Classify": 0}
# The functions that run after an attempt has failed, which no first message waits for.
CALLS_AFTER = {"ComputeBackoff": 0, "RecordRetry": 1, "OperationalEvents": 2}

WOKEN = ("Deliver", "Classify")  # the functions that `accept` wakes

TARGET_MS = 1500  # the longest that a message may wait for cold functions


class Cost(NamedTuple):
    """The processor times of a function in ms.

    Args:
        init: the time of the import, and of everything else that the function initializes.
        first: the time of the first call.
        warm: the time of a later call.
    """

    init: float
    first: float
    warm: float


def share(memory_mb: int) -> float:
    """Return a function's share of a processor during an invocation, at most one."""
    return min(1.0, memory_mb / FULL_MB)


def first_ms(name: str, cost: Cost, memory_mb: int) -> float:
    """Return how long the first invocation takes, without the response time of the endpoint."""
    return cost.first / share(memory_mb) + (CALLS | CALLS_AFTER)[name] * CALL_MS


def started_ms(name: str, cost: Cost, memory_mb: int) -> float:
    """Return how long a message waits for the start and the first invocation of a cold function."""
    return ENVIRONMENT_MS + cost.init + first_ms(name, cost, memory_mb)


def waits_ms(costs: Mapping[str, Cost], memory_mb: Mapping[str, int]) -> dict[str, float]:
    """Return how long a message waits for each function that handles it, if all of them are cold.

    Args:
        costs: the processor times of each function.
        memory_mb: the memory of each function.
    """
    woken_at = ENVIRONMENT_MS + costs["Accept"].init + WAKE_MS
    waits: dict[str, float] = {}
    for name in CALLS:
        cost, memory = costs[name], memory_mb[name]
        is_ready = woken_at + ENVIRONMENT_MS + cost.init <= sum(waits.values())
        waited = first_ms if name in WOKEN and is_ready else started_ms
        waits[name] = waited(name, cost, memory)
    return waits

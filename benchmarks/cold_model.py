"""A model of how long a message waits for a cold function, from the function's processor times.

Assumptions, with their sources:

- While a function initializes on demand it has a whole processor, whatever its memory ("On-demand
  Lambda functions use a full vCPU (non-throttled) but is limited to 10 seconds during its
  initialization phase", AWS, serverlessland.com, "Utilize initialization phase").
- Afterwards it has memory / 1,769 MB of a processor ("At 1,769 MB, a function has the equivalent of
  one vCPU", AWS Lambda developer guide, "Configure Lambda function memory").
- Lambda itself takes 112 ms to start an empty Python function (arm64, 128 MB, median of 147 cold
  starts, aws-powertools/powertools-lambda-layer-cdk, pull request 10).
- Lambda's processors are as fast as the one on which the times were measured.
"""

from __future__ import annotations

from typing import NamedTuple

ENVIRONMENT_MS = 112
FULL_MB = 1769
CALL_MS = 7  # how long a function waits for the response to a call to AWS (docs/cost.md)

# How many responses, one after the other, the first invocation of each function waits for.
CALLS = {"Accept": 3, "Dispatch": 2, "Deliver": 2, "Classify": 0}
# The functions that run after an attempt has failed, which no first message waits for.
CALLS_AFTER = {"ComputeBackoff": 0, "RecordRetry": 1, "OperationalEvents": 2}

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
    """Return how long a message waits for a cold function: its start and its first invocation."""
    return ENVIRONMENT_MS + cost.init + first_ms(name, cost, memory_mb)

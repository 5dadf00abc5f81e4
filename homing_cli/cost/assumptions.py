"""The assumptions of the cost model, `data/assumptions.json`. docs/cost.md explains every figure.

Times are billed milliseconds, without the response time of endpoints. Sizes are in bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("data") / "assumptions.json"


@dataclass(frozen=True, slots=True)
class Function:
    """The billed time and memory of a Lambda function.

    Args:
        memory_mb: its memory; a test compares it with the stack.
        ms: the time of each invocation, without waits.
        init_ms: the time of a cold start.
        waits: for each setting of the express path, what the function waits for: `endpoint` (a
            response) or `express` (Express executions).
        together_ms: the time, without waits, for ten messages in one request; None if the function
            gets no such requests.
    """

    memory_mb: int
    ms: float
    init_ms: float
    waits: Mapping[str, str]
    together_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Express:
    """How an Express execution is billed: the endpoint's response time, plus `task_ms` per task."""

    memory_mb: int
    rounding_ms: int
    task_ms: float


@dataclass(frozen=True, slots=True)
class Tracing:
    """What X-Ray records.

    Args:
        roots: the calls that decide whether a trace is recorded.
        reservoir_per_second: how many calls of each root are always recorded per second.
        rate: the share of the remaining calls that is recorded.
    """

    roots: tuple[str, ...]
    reservoir_per_second: int
    rate: float


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The assumptions of the cost model.

    Args:
        settings: settings of the stack (batch size, retention, queue type).
        functions: the functions by construct id.
        cold_start_share: the share of invocations with a cold start.
        express: the billing of Express executions.
        sizes: the sizes of items, and of the queue message without the payload.
        tracing: the sampling of X-Ray.
        logs: the sizes of log events.
        monthly: the fixed monthly quantities that a stack is billed for, by the name of their
            price.
        monthly_ingest: the monthly quantities that an ingest queue adds.
    """

    settings: Mapping[str, Any]
    functions: Mapping[str, Function]
    cold_start_share: float
    express: Express
    sizes: Mapping[str, int]
    tracing: Tracing
    logs: Mapping[str, Any]
    monthly: Mapping[str, float]
    monthly_ingest: Mapping[str, float]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Build the assumptions from the content of the JSON file."""
        express, tracing = document["express"], document["tracing"]
        return cls(
            settings=document["settings"],
            functions={
                name: Function(
                    one["memoryMb"], one["ms"], one["initMs"], one["waits"], one.get("togetherMs")
                )
                for name, one in document["functions"].items()
            },
            cold_start_share=document["coldStartShare"],
            express=Express(express["memoryMb"], express["roundingMs"], express["taskMs"]),
            sizes=document["bytes"],
            tracing=Tracing(
                tuple(tracing["roots"]), tracing["reservoirPerSecond"], tracing["rate"]
            ),
            logs=document["logs"],
            monthly=document["monthly"],
            monthly_ingest=document["monthlyIngest"],
        )


def load_assumptions(file: Path = FILE) -> Assumptions:
    """Read the assumptions from their file."""
    return Assumptions.from_document(json.loads(file.read_text()))

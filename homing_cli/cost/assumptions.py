"""What no count can tell: `data/assumptions.json`. docs/cost.md explains every figure.

Times are what AWS bills, in milliseconds, besides the time of the endpoint; sizes are in bytes.
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
    """A Lambda function, as it is billed.

    Args:
        memory_mb: its memory, held to the stack by a test.
        ms: how long it takes by itself.
        init_ms: how long a cold start takes.
        waits: what it also waits for, by express path: `endpoint` or `express`.
    """

    memory_mb: int
    ms: float
    init_ms: float
    waits: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Express:
    """How an Express execution is billed; a task state takes `task_ms` besides the endpoint."""

    memory_mb: int
    rounding_ms: int
    task_ms: float


@dataclass(frozen=True, slots=True)
class Tracing:
    """What X-Ray records.

    Args:
        roots: the calls that decide whether a trace is recorded.
        reservoir_per_second: how many of each are recorded every second.
        rate: the share recorded of all others.
    """

    roots: tuple[str, ...]
    reservoir_per_second: int
    rate: float


@dataclass(frozen=True, slots=True)
class Assumptions:
    """All of them.

    Args:
        settings: what the stack sets (batch size, retention, queue type).
        functions: by construct id.
        cold_start_share: of all invocations.
        express: how Express executions are billed.
        sizes: items, and the queue document without its payload.
        tracing: what X-Ray records.
        logs: bytes of log events.
        monthly: what a stack uses each month, whatever the volume, by the name of its price.
    """

    settings: Mapping[str, Any]
    functions: Mapping[str, Function]
    cold_start_share: float
    express: Express
    sizes: Mapping[str, int]
    tracing: Tracing
    logs: Mapping[str, Any]
    monthly: Mapping[str, float]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read the document of the file."""
        express, tracing = document["express"], document["tracing"]
        return cls(
            settings=document["settings"],
            functions={
                name: Function(one["memoryMb"], one["ms"], one["initMs"], one["waits"])
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
        )


def load_assumptions(file: Path = FILE) -> Assumptions:
    """Read the assumptions."""
    return Assumptions.from_document(json.loads(file.read_text()))

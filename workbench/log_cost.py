"""What logs add, by log level: bytes that CloudWatch takes in, for a million messages.

The levels are those of the functions (the setting `logLevel`) and of the workflows. Lambda writes
its own three lines for each invocation at any level, and API Gateway its access log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.scenario import MILLION, expected_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.bill import Basis
    from workbench.counts import Calls

_GB = 2**30


@dataclass(frozen=True, slots=True)
class LogLevel:
    """What is logged.

    Args:
        name: the level of the functions, and of the workflows.
        application: whether the functions log what they do.
        workflow: whether the workflows log every event.
        data: whether those events carry the delivery document.
    """

    name: str
    application: bool = False
    workflow: bool = False
    data: bool = False


LEVELS = (
    LogLevel("functions WARNING or ERROR, workflows ERROR"),
    LogLevel("functions INFO or DEBUG, workflows ERROR (default)", application=True),
    LogLevel("functions INFO, first attempts ALL", application=True, workflow=True),
    LogLevel(
        "functions INFO, first attempts ALL with data", application=True, workflow=True, data=True
    ),
)


def log_dollars(basis: Basis, level: LogLevel) -> float:
    """Give the dollars per million messages of what CloudWatch takes in at a level."""
    logs = basis.assumptions.logs
    calls = expected_calls(basis.counts, basis.scenario)
    size = _always(logs, calls)
    if level.application:
        size += sum(_event(logs, one, calls) for one in logs["application"])
    if level.workflow:
        document = basis.scenario.payload_bytes + basis.assumptions.sizes["queueDocument"]
        size += _workflow(logs, calls, document if level.data else 0)
    return basis.prices["logs.ingestion"].of(size * MILLION / _GB)


def _always(logs: Mapping[str, Any], calls: Calls) -> float:
    invocations = sum(n for name, n in calls.items() if name.startswith("lambda."))
    lines = logs["invocation"]
    of_lambda: float = invocations * (lines["bytes"] + lines["events"] * logs["eventOverhead"])
    return of_lambda + _event(logs, logs["access"], calls)


def _event(logs: Mapping[str, Any], event: Mapping[str, Any], calls: Calls) -> float:
    size: float = calls[event["per"]] * (event["bytes"] + logs["eventOverhead"])
    return size


def _workflow(logs: Mapping[str, Any], calls: Calls, data: float) -> float:
    """Give the bytes of the Express executions' events."""
    one = logs["workflow"]
    events = (
        calls["express.tasks"] * one["eventsPerTask"]
        + calls["express.requests"] * one["eventsPerExecution"]
    )
    size: float = events * (one["bytes"] + data + logs["eventOverhead"])
    return size

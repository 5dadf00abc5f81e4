"""The cost of logs, by log level: bytes that CloudWatch ingests for a million messages.

The levels are settings of the stack. At any level, Lambda itself writes three lines for each
invocation, and API Gateway writes its access log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homing_cli.cost.workload import MILLION, expected_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing_cli.cost.bill import Basis
    from homing_cli.cost.counts import Calls

_GB = 2**30


@dataclass(frozen=True, slots=True)
class LogLevel:
    """A log level.

    Args:
        name: the settings that select it.
        application: whether the functions log their events.
        workflow: whether the workflow logs every event of first attempts, without its data.
    """

    name: str
    application: bool = False
    workflow: bool = False


LEVELS = (
    LogLevel("`logLevel` WARNING or ERROR"),
    LogLevel("`logLevel` INFO (default) or DEBUG", application=True),
    LogLevel("`logLevel` INFO, `firstAttemptLogLevel` ALL", application=True, workflow=True),
)


def log_dollars(basis: Basis, level: LogLevel) -> float:
    """Return the cost of logs at a log level, in dollars per million messages."""
    logs = basis.assumptions.logs
    calls = expected_calls(basis.counts, basis.workload)
    size = _always(logs, calls)
    if level.application:
        size += sum(_event(logs, one, calls) for one in logs["application"])
    if level.workflow:
        size += _first_attempt(logs, calls)
    return basis.prices["logs.ingestion"].of(size * MILLION / _GB)


def _always(logs: Mapping[str, Any], calls: Calls) -> float:
    invocations = sum(n for name, n in calls.items() if name.startswith("lambda."))
    lines = logs["invocation"]
    of_lambda: float = invocations * (lines["bytes"] + lines["events"] * logs["eventOverhead"])
    return of_lambda + _event(logs, logs["access"], calls)


def _event(logs: Mapping[str, Any], event: Mapping[str, Any], calls: Calls) -> float:
    times = calls[event["per"]] if "per" in event else 1  # by default once per message
    size: float = times * (event["bytes"] + logs["eventOverhead"])
    return size


def _first_attempt(logs: Mapping[str, Any], calls: Calls) -> float:
    one = logs["workflow"]
    events = (
        calls["express.tasks"] * one["eventsPerTask"]
        + calls["express.requests"] * one["eventsPerExecution"]
    )
    size: float = events * (one["bytes"] + logs["eventOverhead"])
    return size

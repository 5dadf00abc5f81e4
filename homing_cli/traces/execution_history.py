"""Derives visits to states, and attempts, from the event history of an execution.

Pure functions; their input is the events that `GetExecutionHistory` returns. The workflow has no
parallel branches, so events are in order, and each state ends before the next begins.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from homing import timestamps
from homing.retry.outcome import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

_FIRST_STATE_OF_AN_ATTEMPT = "WaitUntilDue"
_SEND = "Deliver"


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of an execution to a state of the workflow.

    Args:
        name: the state's name.
        entered: the time at which the state was entered.
        left: the time at which it was left; None while it runs, or if the execution ended in it.
        input: the input of the state.
        output: the output of the state; None while it runs.
        faults: the errors of the state's task in order, each `name: cause`; some may have been
            retried.
    """

    name: str
    entered: datetime
    left: datetime | None
    input: Any
    output: Any
    faults: tuple[str, ...]

    @property
    def milliseconds(self) -> int | None:
        """The duration of the visit in ms; None while the state runs."""
        return None if self.left is None else _milliseconds(self.left - self.entered)

    def to_document(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            "name": self.name,
            "enteredAt": timestamps.to_text(self.entered),
            "leftAt": self.left and timestamps.to_text(self.left),
            "milliseconds": self.milliseconds,
            "faults": list(self.faults),
        }


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: the wait before it, the request, and the decision after it.

    Args:
        number: the number of the attempt, counted from 0.
        visits: its visits to states, from the execution's history.
        entry: the ledger entry of an attempt without a history; else None. First attempts run as
            Express executions, for which Step Functions keeps no history.
    """

    number: int
    visits: tuple[Visit, ...]
    entry: Mapping[str, Any] | None = None

    def result(self, key: str) -> Mapping[str, Any] | None:
        """Return one of the attempt's results: `outcome`, `verdict`, `backoff` or `record`.

        The document that states pass on also contains the results of the previous attempt, so only
        the outputs of this attempt's states count.
        """
        if self.entry is not None:
            return _from_entry(self.entry)[key]
        made: Mapping[str, Any] | None = None
        sent = False
        for visit in self.visits:
            sent = sent or visit.name == _SEND
            if sent and isinstance(visit.output, dict):
                made = visit.output.get(key) if visit.name in _ADDS[key] else made
        return None if made is not None and _is_not_made(made) else made

    def to_document(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            "attemptNumber": self.number,
            "outcome": self.result("outcome"),
            "verdict": self.result("verdict"),
            "backoff": self.result("backoff"),
            "record": self.result("record"),
            "states": [visit.to_document() for visit in self.visits],
        }


def _is_not_made(result: Mapping[str, Any]) -> bool:
    """Return whether a result says that the attempt was not made: superseded or postponed."""
    not_made = {OutcomeKind.SUPERSEDED, OutcomeKind.POSTPONED}
    return result.get("kind") in not_made or result.get("status") in {"SUPERSEDED", "POSTPONED"}


_ADDS: Mapping[str, tuple[str, ...]] = {
    "outcome": ("Deliver",),
    "verdict": ("Classify", "ComputeBackoff"),  # the Catch of ComputeBackoff sets a verdict too
    "backoff": ("ComputeBackoff",),
    "record": ("RecordRetry",),
}


def recorded(entry: Mapping[str, Any]) -> Attempt:
    """Build an attempt from its entry in the ledger record's `retryHistory`."""
    return Attempt(int(entry["attemptNumber"]), (), entry)


def _from_entry(entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any] | None]:
    backoff = {
        "exponentialDelay": entry.get("exponentialDelay"),
        "jitterApplied": entry.get("jitterApplied"),
        "retryAfterSeconds": entry.get("retryAfterSeconds"),
        "nextRetryAt": entry.get("nextRetryTimestamp"),
    }
    return {
        "outcome": {
            "timestamp": entry["timestamp"],
            "responseTime": entry["responseTime"],
            "httpStatus": entry["httpStatus"],
            **({"targetUrl": entry["targetUrl"]} if "targetUrl" in entry else {}),
        },
        "verdict": {
            "category": entry["errorCategory"],
            "reason": entry["errorDetails"]["message"],
        },
        "backoff": backoff if backoff["nextRetryAt"] else None,
        "record": {"result": "RECORDED"},
    }


def visits(events: Iterable[Mapping[str, Any]]) -> tuple[Visit, ...]:
    """Return the visits to states that an execution's events describe, oldest first."""
    found: list[Visit] = []
    entered: Mapping[str, Any] | None = None
    faults: list[str] = []
    for event in events:
        kind = str(event["type"])
        if kind.endswith("StateEntered"):
            entered, faults = event, []
        elif kind in {"TaskFailed", "LambdaFunctionFailed", "TaskTimedOut", "TaskSubmitFailed"}:
            faults.append(_fault(event))
        elif kind.endswith("StateExited") and entered is not None:
            found.append(_visit(entered, event, faults))
            entered = None
    if entered is not None:
        found.append(_visit(entered, None, faults))
    return tuple(found)


def attempts(found: Sequence[Visit]) -> tuple[Attempt, ...]:
    """Group visits to states into attempts. Each attempt begins with the wait before it."""
    groups: list[list[Visit]] = []
    for visit in found:
        if visit.name == _FIRST_STATE_OF_AN_ATTEMPT or not groups:
            groups.append([])
        groups[-1].append(visit)
    return tuple(Attempt(_number(group[0]), tuple(group)) for group in groups)


def _number(first: Visit) -> int:
    return int(first.input["attemptNumber"])


def _visit(
    entered: Mapping[str, Any], left: Mapping[str, Any] | None, faults: Sequence[str]
) -> Visit:
    came = entered["stateEnteredEventDetails"]
    went = left["stateExitedEventDetails"] if left else {}
    return Visit(
        name=came["name"],
        entered=_instant(entered["timestamp"]),
        left=_instant(left["timestamp"]) if left else None,
        input=_document(came.get("input")),
        output=_document(went.get("output")),
        faults=tuple(faults),
    )


def _fault(event: Mapping[str, Any]) -> str:
    details = [value for key, value in event.items() if key.endswith("Details")]
    found: Mapping[str, Any] = details[0] if details else {}
    return f"{found.get('error', event['type'])}: {found.get('cause', '')}".rstrip(": ")


def _document(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _instant(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _milliseconds(span: timedelta) -> int:
    return int(span.total_seconds() * 1000 + 0.5)

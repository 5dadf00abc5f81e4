"""The history of a delivery: the attempts in the ledger, with details from its executions.

The ledger's `retryHistory` has every recorded attempt. Executions contain more details: the states,
the response body, and the current state. But not every execution has a history: first attempts may
run as Express executions, and Step Functions deletes histories after 90 days. Each attempt
therefore combines data of the ledger and, if there is a history, of an execution.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from homing import timestamps
from homing.delivery import Reference
from homing.retry.classification import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from homing_cli.traces.execution_history import Attempt, Visit

# Two states of the definition, with an arrow from the first to the second.
Arrow = tuple[str, str]

_UNTIL_VERDICT = ("Deliver", "Classify", "WhatNext")
_NEVER = "9"  # a text that sorts after every time
_BEFORE_SENDING = frozenset({"WaitUntilDue"})
_AFTERWARDS: Mapping[str, tuple[str, ...]] = {
    Status.DELIVERED: ("RecordDelivered",),
    Status.RETRY_SCHEDULED: ("ComputeBackoff", "RecordRetry", "WaitUntilDue"),
    Status.FAILED: ("RecordFailure", "DeadLetter", "ListFailure", "DeliveryFailed"),
}


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of the delivery.

    Args:
        arn: the ARN of the execution.
        status: `RUNNING`, `SUCCEEDED`, `FAILED`, ...
        visits: the visits to states, oldest first.
        attempts: the same visits, grouped by attempt.
        document: the input of the execution: the delivery document.
    """

    arn: str
    status: str
    visits: tuple[Visit, ...]
    attempts: tuple[Attempt, ...]
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One attempt, with the data of the ledger and of the execution that made it.

    Args:
        number: the number of the attempt, counted from 1.
        at: the time at which the outcome was observed, in ISO 8601; None before that.
        entry: its entry in the ledger; None if there is none.
        outcome: the `outcome` from the execution's history or the dead letter; None if unknown.
        verdict: the `verdict` from the execution.
        backoff: the `backoff` from the execution.
        visits: the visits to states; empty if the execution has no history.
    """

    number: int
    at: str | None
    entry: Mapping[str, Any] | None
    outcome: Mapping[str, Any] | None
    verdict: Mapping[str, Any] | None
    backoff: Mapping[str, Any] | None
    visits: tuple[Visit, ...]

    @property
    def category(self) -> str:
        """The category of the outcome; empty if there is no outcome."""
        entry, verdict = self.entry or {}, self.verdict or {}
        return str(entry.get("errorCategory") or verdict.get("category") or "")

    @property
    def reason(self) -> str:
        """The outcome in words; empty if there is no outcome."""
        details, verdict = (self.entry or {}).get("errorDetails") or {}, self.verdict or {}
        return str(details.get("message") or verdict.get("reason") or "")

    @property
    def is_delivered(self) -> bool:
        """Whether the endpoint accepted the request."""
        return self.category == "SUCCESS"

    @property
    def response_time(self) -> int | None:
        """The response time in milliseconds; None if there is no outcome."""
        found = (self.entry or self.outcome or {}).get("responseTime")
        return None if found is None else int(found)

    @property
    def target_url(self) -> str | None:
        """The URL of the request, if it differs from the delivery's `targetUrl`; else None."""
        found = (self.entry or self.outcome or {}).get("targetUrl")
        return None if found is None else str(found)

    @property
    def response_body(self) -> str | None:
        """The first part of the response body; None if it is unknown."""
        return None if self.outcome is None else str(self.outcome["responseBody"])

    @property
    def next_at(self) -> str | None:
        """The time at which the next attempt was due, in ISO 8601; None if no attempt followed."""
        backoff = self.backoff or {}
        return (self.entry or {}).get("nextRetryTimestamp") or backoff.get("nextRetryAt")

    @property
    def delay(self) -> Mapping[str, Any] | None:
        """The parts of the delay after this attempt, e.g. `exponentialDelay`, `jitterApplied`."""
        entry = self.entry or {}
        return entry if "exponentialDelay" in entry else self.backoff

    @property
    def is_sent(self) -> bool:
        """Whether the request of the attempt has been started."""
        return bool({visit.name for visit in self.visits} - _BEFORE_SENDING)

    @property
    def recorded(self) -> bool:
        """Whether the attempt is in the ledger."""
        return self.entry is not None


@dataclass(frozen=True, slots=True)
class Story:
    """The history of one delivery.

    Args:
        record: the ledger item as plain values; for a queued delivery, a stand-in.
        chapters: the attempts, oldest first.
        executions: the known executions of the delivery, oldest first.
    """

    record: Mapping[str, Any]
    chapters: tuple[Chapter, ...]
    executions: tuple[Execution, ...]

    @property
    def reference(self) -> Reference:
        """The ids of the delivery."""
        return Reference.from_document(self.record)

    @property
    def status(self) -> str:
        """The delivery's status in the ledger."""
        return str(self.record["status"])

    @property
    def ended(self) -> bool:
        """Whether the delivery's status is final and none of its executions is running."""
        return not (self.is_running or self.status in (Status.QUEUED, Status.RETRY_SCHEDULED))

    @property
    def is_running(self) -> bool:
        """Whether an execution is running, even one that started after the delivery had ended."""
        return any(execution.status == "RUNNING" for execution in self.executions)

    @property
    def document(self) -> Mapping[str, Any]:
        """The delivery document, from an execution or from the dead letter in the record."""
        return self.executions[-1].document if self.executions else _dead_letter(self.record)

    @property
    def endpoint_id(self) -> str | None:
        """The endpointId that the delivery is addressed to; None for a plain URL, or if unknown."""
        told: Mapping[str, Any] = self.document.get("reference") or {}
        return self.reference.endpoint_id or told.get("endpointId")

    @property
    def request(self) -> Mapping[str, Any]:
        """What is sent: `payload`, `contentType` and `headers`; empty if unknown."""
        found: Mapping[str, Any] = self.document.get("request") or {}
        return found

    @property
    def next_at(self) -> str | None:
        """The time at which the next attempt is due, in ISO 8601; None if none is due."""
        if self.status not in (Status.RETRY_SCHEDULED, Status.QUEUED):
            return None
        return self.record.get("nextRetryAt") or self.record.get("deliverAt")

    @property
    def events(self) -> list[tuple[str, Any]]:
        """Attempts and redrives in order, as `("attempt", chapter)` and `("redrive", entry)`."""
        redrives = [("redrive", entry) for entry in self.record.get("redriveHistory") or []]
        attempts = [("attempt", chapter) for chapter in self.chapters]
        return sorted([*redrives, *attempts], key=_when)

    @property
    def way(self) -> tuple[str, ...]:
        """The states that the delivery has been in, over all attempts, in order."""
        states: list[str] = []
        for chapter in self.chapters:
            told = [visit.name for visit in chapter.visits] or self._implied(chapter)
            states += told[1:] if states[-1:] == told[:1] else told
        return tuple(states)

    @property
    def arrows(self) -> frozenset[Arrow]:
        """The transitions between states that the delivery has made, as pairs of states."""
        way = self.way
        return frozenset(pairwise(way))

    @property
    def now(self) -> str:
        """The state that the delivery is in, or ended in; empty before the first state."""
        return self.way[-1] if self.way else ""

    def _implied(self, chapter: Chapter) -> list[str]:
        """Return the states that an attempt without a history has passed, as its result shows."""
        if chapter.delay is not None:
            status = Status.RETRY_SCHEDULED
        elif chapter.is_delivered:
            status = Status.DELIVERED
        else:
            status = Status.FAILED  # or MAX_RETRIES_EXCEEDED, which passes the same states
        return [*_UNTIL_VERDICT, *_AFTERWARDS[status]]


def tell(record: Mapping[str, Any], executions: Iterable[Execution]) -> Story:
    """Return the history of a delivery.

    Args:
        record: the ledger item as plain values.
        executions: the known executions of the delivery, in any order.
    """
    known = sorted(executions, key=_begun)
    recorded = {entry["timestamp"]: entry for entry in record.get("retryHistory") or []}
    told = [_from_execution(attempt, recorded) for one in known for attempt in one.attempts]
    by_time = {chapter.at: chapter for chapter in told if chapter.at}
    dead_lettered = _dead_letter(record).get("outcome") or {}
    untold = [
        _from_ledger(entry, dead_lettered) for at, entry in recorded.items() if at not in by_time
    ]
    observed = sorted([*by_time.values(), *untold], key=lambda chapter: chapter.at or "")
    running = [one for one in known if one.status == "RUNNING"]
    under_way = [chapter for one in running[-1:] for chapter in _unobserved(one)]
    return Story(record, (*observed, *under_way), tuple(known))


def _when(event: tuple[str, Any]) -> str:
    kind, told = event
    at = told["timestamp"] if kind == "redrive" else told.at
    return at or _NEVER


def _begun(execution: Execution) -> str:
    return timestamps.to_text(execution.visits[0].entered) if execution.visits else ""


def _unobserved(execution: Execution) -> list[Chapter]:
    return [
        _from_execution(attempt, {})
        for attempt in execution.attempts
        if attempt.result("outcome") is None
    ]


def _from_execution(attempt: Attempt, recorded: Mapping[str, Mapping[str, Any]]) -> Chapter:
    outcome = attempt.result("outcome")
    at = None if outcome is None else str(outcome["timestamp"])
    return Chapter(
        number=attempt.number + 1,
        at=at,
        entry=recorded.get(at or ""),
        outcome=outcome,
        verdict=attempt.result("verdict"),
        backoff=attempt.result("backoff"),
        visits=attempt.visits,
    )


def _from_ledger(entry: Mapping[str, Any], dead_lettered: Mapping[str, Any]) -> Chapter:
    """Build the attempt from a ledger entry, with the outcome if the dead letter contains it."""
    number, at = int(entry["attemptNumber"]) + 1, entry["timestamp"]
    outcome = dead_lettered if dead_lettered.get("timestamp") == at else None
    return Chapter(number, at, entry, outcome, None, None, ())


def _dead_letter(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the dead letter that a ledger record contains after a failed first attempt, or {}."""
    found: Mapping[str, Any] = json.loads(record["deadLetter"]) if "deadLetter" in record else {}
    return found

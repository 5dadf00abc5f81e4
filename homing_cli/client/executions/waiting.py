"""Waiting executions of the Standard workflow, and how to end them without loss (`homing drain`).

Dead-lettering the delivery of an execution takes three steps, each of which may be repeated:

1. one conditional update records the failure and the dead letter, so the execution can no longer
   claim its attempt;
2. the dead letter is sent to the dead-letter queue;
3. the execution is stopped.

If the command fails between two steps, the delivery can be redriven, and the command can be run
again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from homing.delivery import Reference
from homing.ledger.record import FAILED
from homing.ledger.table import Ledger
from homing.queues.dead_letters import DeadLetterQueue
from homing.recovery.interventions import Result
from homing.retry.classification import Category, Status
from homing.timestamps import to_text
from homing_cli.client.recovery import Actions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from homing_cli.client.target import Target

_WAIT = "WaitUntilDue"


class Drained(StrEnum):
    """The result of `homing drain` for one execution."""

    DEAD_LETTERED = "DEAD_LETTERED"
    CANCELLED = "CANCELLED"
    STOPPED = "STOPPED"  # the delivery had already ended
    UNDER_WAY = "UNDER_WAY"  # an attempt is being made, so nothing was changed


@dataclass(frozen=True, slots=True)
class Waiting:
    """An execution of the Standard workflow that has not ended.

    Args:
        arn: the ARN of the execution.
        document: the delivery document, as passed to the execution's latest state.
        waits: whether that state is `WaitUntilDue`; otherwise an attempt is being made.
    """

    arn: str
    document: Mapping[str, Any]
    waits: bool

    @property
    def reference(self) -> Reference:
        """The ids of the delivery."""
        return Reference.from_document(self.document["reference"])

    def to_document(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            "executionArn": self.arn,
            **self.reference.ids(),
            "targetUrl": self.reference.target_url,
            "dueAt": self.document["dueAt"],
            "attempts": self.document["attemptNumber"],
            "waits": self.waits,
        }


class Drain:
    """Lists the waiting executions of the Standard workflow, and ends them.

    Args:
        target: the deployed Homing; the caller needs `states:ListExecutions`,
            `GetExecutionHistory` and `StopExecution`, `dynamodb:GetItem` and `UpdateItem` on the
            ledger, and `sqs:SendMessage` on the dead-letter queue.
        clock: returns the current time.
    """

    def __init__(
        self, target: Target, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._clock = clock
        self._states = target.client("stepfunctions")
        self._machine = target.outputs["StateMachineArn"]
        self._ledger = Ledger(target.outputs["LedgerTable"], target.client("dynamodb"))
        self._queue = DeadLetterQueue(target.outputs["DeadLetterQueueUrl"], target.client("sqs"))
        self._actions = Actions(target, clock)

    def waiting(self) -> Iterator[Waiting]:
        """Yield every execution that has not ended."""
        pages = self._states.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine, statusFilter="RUNNING"
        )
        for page in pages:
            for execution in page["executions"]:
                found = self._look(execution["executionArn"])
                if found is not None:
                    yield found

    def dead_letter(self, one: Waiting) -> Drained:
        """Dead-letter the delivery of an execution and stop the execution."""
        dead_letter = _dead_letter(one.document)
        is_ours = one.waits and self._ledger.dead_letter(
            one.reference, dead_letter, one.arn.rpartition(":")[2], at=to_text(self._clock())
        )
        status = Status.FAILED if is_ours else self._end_on_record(one)
        if status is None:
            return Drained.UNDER_WAY
        if status in FAILED and one.waits:
            self._queue.send(dead_letter)  # sent again if an earlier run was interrupted
        self._stop(one, "dead-lettered")
        return Drained.DEAD_LETTERED if status in FAILED else Drained.STOPPED

    def cancel(self, one: Waiting) -> Drained:
        """Cancel the delivery of an execution and stop the execution."""
        if not one.waits:
            return Drained.UNDER_WAY
        done = self._actions.cancel(one.reference)
        self._stop(one, "cancelled")
        return Drained.CANCELLED if done.result is Result.CANCELLED else Drained.STOPPED

    def _end_on_record(self, one: Waiting) -> Status | None:
        """Return the delivery's final status in the ledger; None if the ledger has none."""
        record = self._ledger.read(one.reference)
        return record.status if record and one.waits and not record.is_waiting else None

    def _look(self, arn: str) -> Waiting | None:
        """Return an execution with the input of its latest state; None if it has ended."""
        newest = self._states.get_execution_history(
            executionArn=arn, reverseOrder=True, maxResults=20
        )["events"]
        for event in newest:
            if event["type"].startswith("Execution") and event["type"] != "ExecutionStarted":
                return None
            if "stateEnteredEventDetails" in event:
                entered = event["stateEnteredEventDetails"]
                return Waiting(arn, json.loads(entered["input"]), entered["name"] == _WAIT)
        started = newest[-1].get("executionStartedEventDetails", {})
        return Waiting(arn, json.loads(started["input"]), waits=False) if started else None

    def _stop(self, one: Waiting, what: str) -> None:
        self._states.stop_execution(
            executionArn=one.arn, error="Drained", cause=f"{what} by `homing drain`"
        )


def _dead_letter(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dead letter of a delivery whose next attempt will not be made."""
    return {
        **document,
        "verdict": {
            "decision": "GIVE_UP",
            "category": Category.INTERNAL_ERROR.value,
            "status": Status.FAILED.value,
            "reason": "taken out of the workflow by `homing drain` before it was due",
        },
    }

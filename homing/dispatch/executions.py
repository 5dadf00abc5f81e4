"""The delivery workflow, as `dispatch` uses it: no execution is started twice."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homing import aws
from homing.errors import UnsettledError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mypy_boto3_stepfunctions import SFNClient

# How many seconds Step Functions may take to report that it has ended an execution.
_ANSWER_SECONDS = 10

# After the dead letter is sent, the state `DeliveryFailed` ends the execution with the status of
# the delivery as its error.
_DEAD_LETTERED = frozenset({"FAILED", "MAX_RETRIES_EXCEEDED"})


# The values of `end` in the output of an execution whose message has arrived.
_DELIVERED = frozenset({"DELIVERED", "DELIVERED_SUPERSEDED"})


@dataclass(frozen=True, slots=True)
class Execution:
    """A Standard execution.

    Args:
        is_running: whether it is under way.
        document: the document that it was started with.
        stopped_at: when it ended; None while it is under way.
        has_delivered: whether it ended after its message had arrived.
        has_dead_lettered: whether it ended after it had dead-lettered its message.
    """

    is_running: bool
    document: dict[str, Any]
    stopped_at: datetime | None = None
    has_delivered: bool = False
    has_dead_lettered: bool = False


class Workflow:
    """Starts and runs executions.

    Args:
        state_machine_arn: the Standard state machine.
        client: a Step Functions client; by default a new one.
    """

    def __init__(self, state_machine_arn: str, client: SFNClient | None = None) -> None:
        self._state_machine_arn = state_machine_arn
        self._client: SFNClient = client or aws.client("stepfunctions", read_seconds=3, tries=3)

    def start(self, delivery_id: str, document: str) -> bool:
        """Start the Standard execution of a delivery, named after it; return whether it is new.

        If the name is taken, the delivery was already handed off, which counts as success.

        Raises:
            botocore.exceptions.ClientError: when the execution could not be started.
        """
        try:
            self._client.start_execution(
                stateMachineArn=self._state_machine_arn, name=delivery_id, input=document
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def describe(self, name: str) -> Execution | None:
        """Return an execution; None if there is none, or it has expired (90 days).

        Raises:
            botocore.exceptions.ClientError: when Step Functions cannot be reached.
        """
        machine = self._state_machine_arn.replace(":stateMachine:", ":execution:")
        try:
            found = self._client.describe_execution(executionArn=f"{machine}:{name}")
        except self._client.exceptions.ExecutionDoesNotExist:
            return None
        output = json.loads(found.get("output") or "{}")
        return Execution(
            is_running=found["status"] == "RUNNING",
            document=json.loads(found["input"]),
            stopped_at=found.get("stopDate"),
            has_delivered=output.get("end") in _DELIVERED,
            has_dead_lettered=found.get("error") in _DEAD_LETTERED,
        )


@dataclass(frozen=True, slots=True)
class FirstAttempt:
    """The result of a first attempt: how it ended, and how long its endpoint took.

    Args:
        end: DELIVERED, HANDED_OFF, POSTPONED, SUPERSEDED, DELIVERED_SUPERSEDED or DEAD_LETTERED.
        response_time: the time that the endpoint took, in ms, without the start of the function;
            None if unknown.
        following: if POSTPONED, the fields of the delivery document that the wait changes.
    """

    end: str
    response_time: int | None = None
    following: Mapping[str, Any] = field(default_factory=dict)


class FirstAttempts:
    """Runs first attempts as Express executions and waits for their end.

    Args:
        state_machine_arn: the Express state machine.
        timeout_seconds: how long an execution may take before Step Functions ends it.
        client: a Step Functions client; by default a new one.
        at_once: how many executions may be waited for at a time, each over its own connection.
    """

    def __init__(
        self,
        state_machine_arn: str,
        timeout_seconds: float,
        client: SFNClient | None = None,
        at_once: int = 10,
    ) -> None:
        self._state_machine_arn = state_machine_arn
        # The client waits longer than an execution may take. It makes no second try, because that
        # could send the webhook twice. The connect timeout is short because an attempt that is
        # detached before its connection is open is made only when Lambda resumes the thread,
        # perhaps minutes later.
        self._client: SFNClient = client or aws.client(
            "stepfunctions",
            read_seconds=timeout_seconds + _ANSWER_SECONDS,
            tries=1,
            connections=at_once,
        )

    def look(self) -> None:
        """Open a connection to Step Functions, by a call with an invalid ARN that AWS refuses.

        `StartSyncExecution` has its own host name, and no call at this host only reads.

        Raises:
            botocore.exceptions.ClientError: always.
        """
        self._client.start_sync_execution(stateMachineArn="-")

    def run(self, delivery_id: str, document: str) -> FirstAttempt:
        """Run one first attempt and return how it ended.

        Returns:
            DELIVERED, HANDED_OFF or DEAD_LETTERED; POSTPONED if the delivery must wait and no
            execution has it. SUPERSEDED means that another execution has the delivery or had
            already recorded this attempt. DELIVERED_SUPERSEDED means the same, except that the
            endpoint has accepted the message.

        Raises:
            UnsettledError: when the execution fails or times out without any such result.
            botocore.exceptions.ClientError: when it could not be started.
        """
        execution = self._client.start_sync_execution(
            stateMachineArn=self._state_machine_arn, name=delivery_id, input=document
        )
        # StartSyncExecution returns 200 even if the execution has failed.
        if execution["status"] == "SUCCEEDED":
            output = json.loads(execution["output"])
            following = output.get("next", {})
            return FirstAttempt(output["end"], output.get("responseTime"), following)
        if execution["status"] == "FAILED" and execution.get("error") in _DEAD_LETTERED:
            return FirstAttempt("DEAD_LETTERED", _time_out_of(execution))
        raise UnsettledError(
            f"first attempt {execution['status']}: {execution.get('error', 'no error given')}"
        )


def _time_out_of(execution: Mapping[str, Any]) -> int | None:
    """Return the duration, in ms, of an execution whose attempt timed out; None if it did not."""
    if not execution.get("cause", "").startswith("TIMEOUT"):
        return None
    return int((execution["stopDate"] - execution["startDate"]).total_seconds() * 1000)

"""The delivery workflow, as `dispatch` sees it: executions that are started once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from homing.errors import UnsettledError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 4})

# `DeliveryFailed` ends an execution with the ledger status as its error, after the dead letter.
_PARKED = frozenset({"FAILED", "MAX_RETRIES_EXCEEDED"})


@dataclass(frozen=True, slots=True)
class Execution:
    """A Standard execution: whether it is under way, and the document that it was started with."""

    is_running: bool
    document: dict[str, Any]


class Workflow:
    """Starts and runs executions.

    Args:
        state_machine_arn: the Standard state machine.
        client: a Step Functions client; made where none is given.
    """

    def __init__(self, state_machine_arn: str, client: SFNClient | None = None) -> None:
        self._state_machine_arn = state_machine_arn
        self._client = client or boto3.client("stepfunctions", config=_CONFIG)

    def start(self, delivery_id: str, document: str) -> bool:
        """Start the Standard execution of a delivery, named after it; tell whether it is new.

        A name that is taken means that the delivery had been handed over before, which is success.

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

    def is_under_way(self, delivery_id: str) -> bool:
        """Tell whether the Standard execution of a delivery has been started, ended or not.

        Raises:
            botocore.exceptions.ClientError: when Step Functions does not say.
        """
        return self.describe(delivery_id) is not None

    def describe(self, name: str) -> Execution | None:
        """Look at an execution; None where there is none, or none any more (90 days).

        Raises:
            botocore.exceptions.ClientError: when Step Functions cannot be asked.
        """
        machine = self._state_machine_arn.replace(":stateMachine:", ":execution:")
        try:
            found = self._client.describe_execution(executionArn=f"{machine}:{name}")
        except self._client.exceptions.ExecutionDoesNotExist:
            return None
        return Execution(found["status"] == "RUNNING", json.loads(found["input"]))


class FirstAttempts:
    """Runs first attempts as Express executions and waits for their end.

    Args:
        state_machine_arn: the Express state machine.
        timeout_seconds: how long an execution may take before Step Functions ends it.
        client: a Step Functions client; made where none is given.
    """

    def __init__(
        self, state_machine_arn: str, timeout_seconds: float, client: SFNClient | None = None
    ) -> None:
        self._state_machine_arn = state_machine_arn
        self._client = client or boto3.client("stepfunctions", config=_patient(timeout_seconds))

    def run(self, delivery_id: str, document: str) -> str:
        """Run one first attempt; give its end: DELIVERED, HANDED_OFF, OVERTAKEN or DEAD_LETTERED.

        Raises:
            UnsettledError: when the execution broke or timed out before one of these ends.
            botocore.exceptions.ClientError: when it could not be started.
        """
        execution = self._client.start_sync_execution(
            stateMachineArn=self._state_machine_arn, name=delivery_id, input=document
        )
        # StartSyncExecution answers 200 however the execution ended.
        if execution["status"] == "SUCCEEDED":
            end: str = json.loads(execution["output"])["end"]
            return end
        if execution["status"] == "FAILED" and execution.get("error") in _PARKED:
            return "DEAD_LETTERED"
        raise UnsettledError(
            f"first attempt {execution['status']}: {execution.get('error', 'no error given')}"
        )


def _patient(timeout_seconds: float) -> Config:
    """Wait longer than the execution may live, and never call twice: a repeat would send twice."""
    return Config(
        connect_timeout=2,
        read_timeout=timeout_seconds + 10,
        retries={"total_max_attempts": 1},
        max_pool_connections=10,
    )

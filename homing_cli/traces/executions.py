"""Finds the executions of a delivery and reads their histories."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from homing.delivery import Reference
from homing.ledger.generation import execution_name, generation_of
from homing_cli.traces import execution_history
from homing_cli.traces.story import Execution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homing_cli.client.target import Target


# How many generations of a delivery are searched for executions, the latest ones first.
_GENERATIONS = 3


class Executions:
    """Reads the executions of the Standard workflow of a deployed Homing.

    Args:
        target: the deployed Homing.
    """

    def __init__(self, target: Target) -> None:
        self._client = target.client("stepfunctions")
        arn = target.outputs["StateMachineArn"]
        self._prefix = arn.replace(":stateMachine:", ":execution:")
        self._region = arn.split(":")[3]
        self._is_local = target.endpoint is not None

    def of_delivery(self, record: Mapping[str, Any]) -> list[Execution]:
        """Return the executions of a delivery.

        There are none if the delivery never waited, or if they have been deleted.
        """
        found = (self._find(f"{self._prefix}:{name}") for name in names(record))
        return [one for one in found if one]

    def reference(self, delivery_id: str) -> Mapping[str, Any] | None:
        """Return the `reference` in the input of a delivery's execution; None if not found."""
        found = self._describe(f"{self._prefix}:{delivery_id}")
        if found is None:
            return None
        reference: Mapping[str, Any] = json.loads(found["input"])["reference"]
        return reference

    def console_link(self, arn: str) -> str | None:
        """Return the address of an execution in the AWS console; None for the local cloud."""
        if self._is_local:
            return None
        host = f"https://{self._region}.console.aws.amazon.com"
        return f"{host}/states/home?region={self._region}#/v2/executions/details/{arn}"

    def _find(self, arn: str) -> Execution | None:
        described = self._describe(arn)
        if described is None:
            return None
        visits = execution_history.visits(self._events(arn))
        return Execution(
            arn=arn,
            status=described["status"],
            visits=visits,
            attempts=execution_history.attempts(visits),
            document=json.loads(described["input"]),
        )

    def _describe(self, arn: str) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self._client.describe_execution(executionArn=arn)
        except (
            self._client.exceptions.ExecutionDoesNotExist,
            self._client.exceptions.InvalidArn,
        ):
            return None
        return found

    def _events(self, arn: str) -> Iterator[Mapping[str, Any]]:
        pages = self._client.get_paginator("get_execution_history").paginate(executionArn=arn)
        for page in pages:
            yield from page["events"]


def names(record: Mapping[str, Any]) -> list[str]:
    """Return the names that the executions of a delivery may have, given its ledger record.

    Each redrive or immediate retry starts an execution of the next generation. After an immediate
    retry, the name also contains the number of the attempt.
    """
    delivery_id = Reference.from_document(record).delivery_id
    reached = generation_of(record)
    attempts = range(len(record.get("retryHistory") or []) + 1)
    later = [
        execution_name(delivery_id, generation, attempt)
        for generation in range(max(reached - _GENERATIONS, 0) + 1, reached + 1)
        for attempt in (None, *attempts)
    ]
    in_hand = str(record.get("executionName", delivery_id))
    return list(dict.fromkeys([delivery_id, *later, in_hand]))

"""Finding the executions of a delivery and reading their histories."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from workbench import history
from workbench.console.story import Execution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homing.delivery import Reference
    from workbench.target import Target


class Executions:
    """The executions of a target's state machine.

    Args:
        target: the deployed Homing.
    """

    def __init__(self, target: Target) -> None:
        self._client = target.client("stepfunctions")
        arn = target.outputs["StateMachineArn"]
        self._prefix = arn.replace(":stateMachine:", ":execution:")
        self._region = arn.split(":")[3]
        self._is_local = target.endpoint is not None

    def of_delivery(self, record: Mapping[str, Any], reference: Reference) -> list[Execution]:
        """Give those that are known; none where the delivery never had to wait, or is forgotten."""
        names = [reference.delivery_id, *further_names(record, reference)]
        return [found for name in names if (found := self._find(f"{self._prefix}:{name}"))]

    def reference(self, delivery_id: str) -> Mapping[str, Any] | None:
        """Give the `reference` of the delivery that an execution of this name is of, or None."""
        found = self._describe(f"{self._prefix}:{delivery_id}")
        return None if found is None else json.loads(found["input"])["reference"]

    def console_link(self, arn: str) -> str | None:
        """Give the address of an execution in the AWS console; None for the local cloud."""
        if self._is_local:
            return None
        host = f"https://{self._region}.console.aws.amazon.com"
        return f"{host}/states/home?region={self._region}#/v2/executions/details/{arn}"

    def _find(self, arn: str) -> Execution | None:
        described = self._describe(arn)
        if described is None:
            return None
        visits = history.visits(self._events(arn))
        return Execution(
            arn=arn,
            status=described["status"],
            visits=visits,
            attempts=history.attempts(visits),
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


def further_names(record: Mapping[str, Any], reference: Reference) -> Iterator[str]:
    """Give the names that executions which sent it again may have."""
    del record, reference
    yield from ()

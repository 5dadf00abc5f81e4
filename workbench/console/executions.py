"""Finding the executions of a delivery and reading their histories."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

from workbench import history
from workbench.console.actions import execution_name
from workbench.console.story import Execution

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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

    def of_delivery(self, delivery_id: str) -> list[Execution]:
        """Give those that are known; none where the delivery never had to wait, or is forgotten."""
        own = self._find(f"{self._prefix}:{delivery_id}")
        return [*([own] if own else []), *self._sent_again(delivery_id)]

    def reference(self, delivery_id: str) -> Mapping[str, Any] | None:
        """Give the `reference` of the delivery that an execution of this name is of, or None."""
        found = self._describe(f"{self._prefix}:{delivery_id}")
        if found is None:
            return None
        reference: Mapping[str, Any] = json.loads(found["input"])["reference"]
        return reference

    def console_link(self, arn: str) -> str | None:
        """Give the address of an execution in the AWS console; None for the local cloud."""
        if self._is_local:
            return None
        host = f"https://{self._region}.console.aws.amazon.com"
        return f"{host}/states/home?region={self._region}#/v2/executions/details/{arn}"

    def _sent_again(self, delivery_id: str) -> Iterator[Execution]:
        for number in count(1):
            found = self._find(f"{self._prefix}:{execution_name(delivery_id, number)}")
            if found is None:
                return
            yield found

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

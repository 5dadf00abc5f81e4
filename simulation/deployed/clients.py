"""Simulated boto3 clients, with the methods that Homing calls and the errors that it handles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ReadTimeoutError

from simulation.engine.clock import SECOND
from simulation.engine.faults import (
    ConditionFailedError,
    CrashedError,
    NameTakenError,
    NoExecutionError,
    ServiceError,
    UnavailableError,
)
from simulation.engine.replay import TAPE

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long all tries of one call may take together, in milliseconds, as the deployed boto3 clients
# are configured.
_DYNAMODB_TIMEOUT = 6 * SECOND
_TIMEOUT = 20 * SECOND

_MAX_INPUT_BYTES = 262_144


class ConditionalCheckFailedException(ClientError):  # noqa: N818  # botocore's name
    """The error with which DynamoDB refuses a write whose condition does not hold."""


class ExecutionAlreadyExists(ClientError):  # noqa: N818  # botocore's name
    """The error with which Step Functions refuses an execution name that was used before."""


class ExecutionDoesNotExist(ClientError):  # noqa: N818  # botocore's name
    """The error that Step Functions returns if no execution has the requested name."""


class DynamoDB:
    """A stand-in for a DynamoDB client."""

    class exceptions:  # noqa: N801  # botocore's name
        """The errors that callers catch by name."""

        ConditionalCheckFailedException = ConditionalCheckFailedException

    def update_item(self, **arguments: Any) -> Any:
        """Change an item."""
        return _call("dynamodb.update_item", arguments, _DYNAMODB_TIMEOUT)

    def put_item(self, **arguments: Any) -> Any:
        """Put an item."""
        return _call("dynamodb.put_item", arguments, _DYNAMODB_TIMEOUT)

    def get_item(self, **arguments: Any) -> Any:
        """Read an item."""
        return _call("dynamodb.get_item", arguments, _DYNAMODB_TIMEOUT)

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803  # botocore's name
        """Read items of one table."""
        ((table, request),) = RequestItems.items()
        return _call("dynamodb.batch_get_item", {"TableName": table, **request}, _DYNAMODB_TIMEOUT)

    def query(self, **arguments: Any) -> Any:
        """Query an index."""
        return _call("dynamodb.query", arguments, _DYNAMODB_TIMEOUT)

    def delete_item(self, **arguments: Any) -> Any:
        """Remove an item."""
        return _call("dynamodb.delete_item", arguments, _DYNAMODB_TIMEOUT)

    def scan(self, **arguments: Any) -> Any:
        """Read a table."""
        return _call("dynamodb.scan", arguments, _DYNAMODB_TIMEOUT)

    def get_paginator(self, operation: str) -> _Pages:
        """Return a paginator for an operation."""
        return _Pages(operation)


class _Pages:
    def __init__(self, operation: str) -> None:
        self._operation = operation

    def paginate(self, **arguments: Any) -> Iterator[Any]:
        """Yield one page, which contains all items."""
        yield _call(f"dynamodb.{self._operation}", arguments, _DYNAMODB_TIMEOUT)


class SQS:
    """A stand-in for an SQS client."""

    def send_message(self, **arguments: Any) -> Any:
        """Send a message."""
        return _call("sqs.send_message", arguments, _TIMEOUT)

    def receive_message(self, **arguments: Any) -> Any:
        """Receive undispatched messages."""
        return _call("sqs.receive_message", arguments, _TIMEOUT)

    def delete_message(self, **arguments: Any) -> Any:
        """Delete an undispatched message."""
        return _call("sqs.delete_message", arguments, _TIMEOUT)

    def send_message_batch(self, **arguments: Any) -> Any:
        """Send messages."""
        return _call("sqs.send_message_batch", arguments, _TIMEOUT)

    def change_message_visibility(self, **arguments: Any) -> Any:
        """Change the time at which a message in flight is redelivered."""
        return _call("sqs.change_message_visibility", arguments, _TIMEOUT)


class StepFunctions:
    """A stand-in for a Step Functions client.

    Args:
        sync_timeout: how long the client waits for StartSyncExecution, in milliseconds.
    """

    class exceptions:  # noqa: N801  # botocore's name
        """The errors that callers catch by name."""

        ExecutionAlreadyExists = ExecutionAlreadyExists
        ExecutionDoesNotExist = ExecutionDoesNotExist

    def __init__(self, sync_timeout: int) -> None:
        self._sync_timeout = sync_timeout

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> Any:  # noqa: A002, N803
        """Start a Standard execution."""
        arguments = {"StateMachineArn": stateMachineArn, "Name": name, "Input": _read_input(input)}
        return _call("states.start_execution", arguments, _TIMEOUT)

    def describe_execution(self, *, executionArn: str) -> Any:  # noqa: N803
        """Return the state of a Standard execution."""
        return _call("states.describe_execution", executionArn, _TIMEOUT)

    def start_sync_execution(self, *, stateMachineArn: str, name: str, input: str) -> Any:  # noqa: A002, N803
        """Run an Express execution to its end."""
        arguments = {"StateMachineArn": stateMachineArn, "Name": name, "Input": _read_input(input)}
        return _call("states.start_sync_execution", arguments, self._sync_timeout)


def _read_input(text: str) -> Any:
    """Parse the input of an execution. Like Step Functions, refuse an input that is too long."""
    if len(text.encode()) > _MAX_INPUT_BYTES:
        raise ClientError(_answer("ValidationException"), "StartExecution")
    return json.loads(text)


def _call(operation: str, arguments: Any, timeout: int) -> Any:
    try:
        return TAPE.call(operation, arguments, timeout)
    except ServiceError as error:
        raise _as_botocore(error, operation) from error


def _as_botocore(error: ServiceError, operation: str) -> Exception:
    match error:
        case ConditionFailedError(item=item):
            return ConditionalCheckFailedException(
                _answer(
                    "ConditionalCheckFailedException", **({} if item is None else {"Item": item})
                ),
                operation,
            )
        case NameTakenError():
            return ExecutionAlreadyExists(_answer("ExecutionAlreadyExists"), operation)
        case NoExecutionError():
            return ExecutionDoesNotExist(_answer("ExecutionDoesNotExist"), operation)
        case CrashedError():
            return ClientError(_answer("InternalFailure"), operation)
        case UnavailableError():
            return ClientError(_answer("ThrottlingException"), operation)
        case _:
            return ReadTimeoutError(endpoint_url=f"https://{operation}")


def _answer(code: str, **more: Any) -> Any:
    return {"Error": {"Code": code, "Message": ""}, **more}

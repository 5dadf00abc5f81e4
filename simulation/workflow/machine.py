"""Step Functions: executes a compiled definition, one state after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from simulation.engine.clock import SECOND, from_iso, to_iso
from simulation.engine.faults import (
    ConditionFailedError,
    CrashedError,
    NameTakenError,
    ServiceError,
    UnavailableError,
)
from simulation.engine.process import Call, Sleep
from simulation.workflow.definition import (
    ALL_ERRORS,
    NEVER_ALL,
    QUERY_ERROR,
    Choice,
    Fail,
    Succeed,
    Task,
    Wait,
)
from simulation.workflow.expressions import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from simulation.engine.chance import Chance
    from simulation.workflow.definition import Definition, Retrier, State

Steps: TypeAlias = "Generator[Call | Sleep, Any, Any]"

# The statuses of dead-lettered deliveries. They are also the error names with which executions fail
# on purpose, after they have sent the dead letter.
DEAD_LETTERED = frozenset({"FAILED", "MAX_RETRIES_EXCEEDED"})

# By resource: the operation, and AWS's error names for a call that is refused and for one that
# times out.
_SERVICES = {
    "arn:${Partition}:states:::lambda:invoke": (
        "lambda.invoke",
        "Lambda.TooManyRequestsException",
        "Lambda.SdkClientException",
    ),
    "arn:${Partition}:states:::dynamodb:updateItem": (
        "dynamodb.update_item",
        "DynamoDB.ProvisionedThroughputExceededException",
        "DynamoDB.SdkClientException",
    ),
    "arn:${Partition}:states:::dynamodb:getItem": (
        "dynamodb.get_item",
        "DynamoDB.ProvisionedThroughputExceededException",
        "DynamoDB.SdkClientException",
    ),
    "arn:${Partition}:states:::sqs:sendMessage": (
        "sqs.send_message",
        "SQS.SqsException",
        "SQS.SdkClientException",
    ),
    "arn:${Partition}:states:::states:startExecution": (
        "states.start_execution",
        "StepFunctions.SfnException",
        "StepFunctions.SdkClientException",
    ),
}
_CALL_TIMEOUT = 5 * SECOND


class ExecutionFailedError(Exception):
    """Raised when an execution fails; `state` is the failed state, `data` its input."""

    def __init__(self, error: str, cause: str, state: str, data: Any) -> None:
        super().__init__(f"{error} in {state}: {cause}")
        self.error = error
        self.cause = cause
        self.state = state
        self.data = data


class ExecutionStoppedError(Exception):
    """Raised when an execution is stopped from outside."""


@dataclass(slots=True)
class Execution:
    """One execution, with data that services and invariants need.

    Args:
        label: the label of its process.
        document: the input of the execution.
        delivery: the id of the delivery.
        is_express: whether it is an Express execution.
        set_out: for each attempt, the number of the event in which it was decided to make it.
        attempt: the number of the current attempt.
        path: the names of the states that were entered, each with `!` at its end if the state's
            Catch was taken.
        failed: how the execution failed, if it did.
        output: the output of the execution, if it succeeded.
        running: whether it is still running.
        ended_at: when it ended.
        name: the name with which the execution was started; empty for an Express execution.
        run: how often the delivery had been redriven before the execution was started.
    """

    label: str
    document: Any
    delivery: str
    is_express: bool
    set_out: dict[int, int] = field(default_factory=dict)
    attempt: int = 0
    path: list[str] = field(default_factory=list)
    failed: ExecutionFailedError | None = None
    output: Any = None
    running: bool = True
    ended_at: int | None = None
    name: str = ""
    run: int = 0

    @property
    def was_stopped(self) -> bool:
        """Whether it is a Standard execution that was stopped, from outside or after a year."""
        stopped = self.failed is not None and self.failed.error in {"Stopped", "Sandbox.Timedout"}
        return stopped and not self.is_express

    @property
    def has_ended_delivery(self) -> bool:
        """Whether the execution delivered or dead-lettered its message."""
        if self.failed is not None:
            return self.failed.error in DEAD_LETTERED
        return self.output is not None and self.output["end"] == "DELIVERED"

    @property
    def hurried(self) -> bool:
        """Whether an operator's immediate retry started the execution."""
        generation, attempt = self.document.get("generation", 0), self.document["attemptNumber"]
        return bool(generation) and self.name == f"{self.delivery}-{generation}-{attempt}"


class Observer:
    """Methods that are called as an execution proceeds. In this base class they do nothing."""

    def entered(self, execution: Execution, state: str, data: Any) -> None:
        """Handle the entry of an execution into a state."""

    def task_failed(self, execution: Execution, state: str, data: Any, error: str) -> None:
        """Handle a failed try of a Task state."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Executes a definition.

    Args:
        definition: the definition.
        chance: draws the jitter of retries.
        now: the service's clock, in milliseconds.
        observer: called at every step.
    """

    definition: Definition
    chance: Chance
    now: Callable[[], int]
    observer: Observer

    def execute(self, execution: Execution, data: Any) -> Steps:
        """Run an execution.

        Returns:
            The output of the execution.

        Raises:
            ExecutionFailedError: when the execution fails, at a Fail state or otherwise.
        """
        name: str | None = self.definition.start_at
        while name is not None:
            state = self.definition.states[name]
            execution.path.append(name)
            self.observer.entered(execution, name, data)
            context = {
                "Execution": {"Name": execution.name or execution.label},
                "State": {"EnteredTime": to_iso(self.now()), "Name": name},
            }
            states = {"input": data, "context": context}
            try:
                name, data = yield from self._step(state, states, execution)
            except QueryError as error:
                raise ExecutionFailedError(QUERY_ERROR, str(error), state.name, data) from error
        return data

    def _step(
        self, state: State, states: dict[str, Any], execution: Execution
    ) -> Generator[Call | Sleep, Any, tuple[str | None, Any]]:
        match state:
            case Task():
                return (yield from self._task(state, states, execution))
            case Choice():
                return _choose(state, states)
            case Wait(timestamp=timestamp, next=following):
                # A Wait state truncates milliseconds (Step Functions developer guide, "Wait").
                yield Sleep(from_iso(timestamp(states)) // SECOND * SECOND)
                return following, states["input"]
            case Succeed(output=output):
                return None, states["input"] if output is None else output(states)
            case Fail(name=name, error=error, cause=cause):
                raise ExecutionFailedError(error(states), cause(states), name, states["input"])

    def _task(
        self, task: Task, states: dict[str, Any], execution: Execution
    ) -> Generator[Call | Sleep, Any, tuple[str | None, Any]]:
        tries = [0] * len(task.retriers)
        while True:
            try:
                result = yield from _invoke(task, states)
                states["result"] = result
                output = result if task.output is None else task.output(states)
            except (ServiceError, QueryError) as failed:
                error = _name_of(failed, task)
                cause = str(failed)
            else:
                return task.next, output
            self.observer.task_failed(execution, task.name, states["input"], error)
            delay = self._retry_delay(task, error, tries, execution)
            if delay is None:
                caught = _caught(task, states, error, cause)
                execution.path[-1] = f"{task.name}!"
                return caught
            yield Sleep(self.now() + delay)

    def _retry_delay(
        self, task: Task, error: str, tries: list[int], execution: Execution
    ) -> int | None:
        """Return the milliseconds until the next try; None if there is no further try."""
        for index, retrier in enumerate(task.retriers):
            if not _matches(retrier.errors, error):
                continue
            if tries[index] >= retrier.max_attempts:
                return None
            draw = f"{execution.label}/{task.name}/{len(execution.path)}/{tries}"
            delay = _delay(retrier, tries[index]) * SECOND
            tries[index] += 1
            return int(delay * self.chance.unit(draw)) if retrier.full_jitter else int(delay)
        return None


def _choose(choice: Choice, states: dict[str, Any]) -> tuple[str, Any]:
    for rule in choice.rules:
        holds = rule.condition(states)
        if holds is True:
            return rule.next, states["input"] if rule.output is None else rule.output(states)
        if holds is not False:
            raise QueryError(f"a condition gave {holds!r}")
    return choice.default, states["input"]


def _invoke(task: Task, states: dict[str, Any]) -> Generator[Call, Any, Any]:
    operation, _, _ = _SERVICES[task.resource]
    return (yield Call(operation, task.arguments(states), _CALL_TIMEOUT))


def _name_of(error: ServiceError | QueryError, task: Task) -> str:
    _, refused, silent = _SERVICES[task.resource]
    match error:
        case QueryError():
            return QUERY_ERROR
        case CrashedError(error=name):
            return name
        case ConditionFailedError():
            return "DynamoDB.ConditionalCheckFailedException"
        case NameTakenError():
            return "StepFunctions.ExecutionAlreadyExistsException"
        case UnavailableError():
            return refused
        case _:
            return silent


def _matches(errors: frozenset[str], error: str) -> bool:
    return error in errors or (ALL_ERRORS in errors and error not in NEVER_ALL)


def _delay(retrier: Retrier, tries: int) -> float:
    delay = retrier.interval * retrier.rate**tries
    return delay if retrier.max_delay is None else min(delay, retrier.max_delay)


def _caught(task: Task, states: dict[str, Any], error: str, cause: str) -> tuple[str, Any]:
    for catcher in task.catchers:
        if _matches(catcher.errors, error):
            states["errorOutput"] = {"Error": error, "Cause": cause}
            output = catcher.output
            return catcher.next, states["errorOutput"] if output is None else output(states)
    raise ExecutionFailedError(error, cause, task.name, states["input"])

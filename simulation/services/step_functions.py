"""AWS Step Functions: starts, runs and stops Standard and Express executions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from simulation.engine.clock import DAY, from_iso, to_datetime
from simulation.engine.faults import (
    CrashedError,
    Fault,
    FaultKind,
    NameTakenError,
    NoAnswerError,
    NoExecutionError,
)
from simulation.engine.process import Outcome, Process
from simulation.journal import Planned, Settling
from simulation.scenario import host_of
from simulation.workflow.machine import (
    Execution,
    ExecutionFailedError,
    ExecutionStoppedError,
    Machine,
    Observer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulation.engine.chance import Chance
    from simulation.engine.process import Call, Respond
    from simulation.engine.scheduler import Scheduler
    from simulation.journal import Journal
    from simulation.workflow.definition import Definition

_RECORDS = frozenset({"RecordRetry", "RecordDelivered", "RecordFailure"})
_LONGEST_LIFE = 365 * DAY  # the longest duration of a Standard execution (Step Functions quotas)
_CONDITION_FAILED = "DynamoDB.ConditionalCheckFailedException"


class StepFunctions(Observer):
    """Runs executions.

    Args:
        scheduler: runs the processes of executions.
        standard: the definition of the Standard workflow.
        express: the definition of the Express workflow.
        chance: draws the jitter of retries within a state.
        journal: gets the executions, and the facts about their steps that invariants need.
        stops: whether faults may stop Standard executions.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        standard: Definition,
        express: Definition,
        chance: Chance,
        journal: Journal,
        *,
        stops: bool = False,
    ) -> None:
        self._stops = stops
        self._processes: dict[str, Process] = {}
        self._scheduler = scheduler
        self._journal = journal
        self._chance = chance
        self._standard = self._machine(standard)
        self._express = self._machine(express)
        self._names: dict[str, Execution] = {}
        self._runs: dict[str, int] = {}

    def deploy_express(self, express: Definition) -> None:
        """Use another definition for future Express executions."""
        self._express = self._machine(express)

    def _machine(self, definition: Definition) -> Machine:
        return Machine(definition, self._chance, lambda: self._scheduler.now, self)

    def start_execution(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Start a Standard execution.

        Raises:
            NameTakenError: when another execution had the name. If that execution is still running
                and has the same input, the call succeeds and changes nothing, as on AWS.
        """
        document = call.arguments["Input"]
        name = call.arguments.get("Name") or f"unnamed-{label}"
        standing = self._names.get(name)
        if standing is None:
            self._start(name, document)
        elif not standing.running or standing.document != document:
            raise NameTakenError
        respond(Outcome({"executionArn": name}))

    def describe_execution(
        self, process: Process, call: Call, label: str, respond: Respond
    ) -> None:
        """Respond with a description of a Standard execution.

        Raises:
            NoExecutionError: when there is no execution with that name.
        """
        _, _, name = call.arguments.rpartition(":")
        if name not in self._names:
            raise NoExecutionError
        respond(Outcome(_description(self._names[name])))

    def start_sync_execution(
        self, process: Process, call: Call, label: str, respond: Respond
    ) -> None:
        """Run an Express execution, and respond with its result.

        The execution continues even if its caller times out.
        """
        document = call.arguments["Input"]
        delivery = name_of(document)
        run = self._runs[delivery] = self._runs.get(delivery, 0) + 1
        execution = self._execution(f"express:{delivery}#{run}", document, is_express=True)
        attempt = document["attemptNumber"]
        execution.set_out[attempt] = _set_out_of(process.about, self._scheduler.steps)

        def ended(outcome: Outcome) -> None:
            _close(execution, outcome, self._scheduler.now)
            respond(Outcome(_sync_answer(execution, outcome)))

        steps = self._express.execute(execution, document)
        started = Process(execution.label, steps, ended, about=execution)
        scheduler = self._scheduler
        timed_out = Outcome(error=NoAnswerError("timed out"))
        scheduler.at(scheduler.now + call.timeout, respond, timed_out)
        scheduler.start(started, timeout=self._express_timeout())

    def entered(self, execution: Execution, state: str, data: Any) -> None:
        """Record facts about the step for the invariants; stop the execution if a fault is planned.

        Raises:
            ExecutionStoppedError: when the execution is stopped at this state.
        """
        if "attemptNumber" in data:
            execution.attempt = data["attemptNumber"]
        if state == "Deliver" and not execution.is_express:
            execution.set_out[data["attemptNumber"]] = self._scheduler.steps
        elif state == "RecordRetry":
            due = from_iso(data["backoff"]["nextRetryAt"])
            attempt, by = data["attemptNumber"], execution.label
            self._journal.planned.append(
                Planned(execution.delivery, execution.run, attempt, due, by)
            )
        if self._scheduler.trace is not None:
            self._scheduler.note(execution.label, f"-> {state}")
        if self._stops and not execution.is_express:
            self._stop(execution, state)

    def _stop(self, execution: Execution, state: str) -> None:
        label = f"{execution.label}@{len(execution.path)}:{state}"
        match self._scheduler.stop_at(label):
            case Fault(kind=FaultKind.STOPPED):
                raise ExecutionStoppedError
            case Fault(delay=delay):
                stopped = Outcome(error=ExecutionStoppedError())
                process = self._processes[execution.label]
                self._scheduler.at(
                    self._scheduler.now + delay, self._scheduler.end, process, stopped
                )

    def task_failed(self, execution: Execution, state: str, data: Any, error: str) -> None:
        """Record that an attempt may be missing from the ledger. On AWS, a metric reports this."""
        if state in _RECORDS and error != _CONDITION_FAILED:
            gap = execution.delivery, execution.run, data["attemptNumber"]
            self._journal.gaps.add(gap)
        if self._scheduler.trace is not None:
            self._scheduler.note(execution.label, f"{state} failed: {error}")

    def _express_timeout(self) -> int | None:
        timeout = self._express.definition.timeout
        return None if timeout is None else int(timeout * 1000)

    def _start(self, name: str, document: Any) -> None:
        # The suffix that the name has if the execution is of a later generation; otherwise empty.
        later = name.removeprefix(document["reference"]["deliveryId"])
        label = f"standard:{name_of(document)}{later}"
        execution = self._execution(label, document, is_express=False)
        execution.name = name
        self._names[name] = execution
        self._run(execution, document)

    def _execution(self, label: str, document: Any, *, is_express: bool) -> Execution:
        delivery = document["reference"]["deliveryId"]
        run = self._journal.run_of(delivery, document.get("generation", 0))
        execution = Execution(label, document, delivery, is_express, run=run)
        self._journal.executions.append(execution)
        return execution

    def _run(self, execution: Execution, data: Any) -> None:
        execution.running = True
        steps = self._standard.execute(execution, data)

        def ended(outcome: Outcome) -> None:
            _close(execution, outcome, self._scheduler.now)

        process = Process(execution.label, steps, ended, can_crash=False, about=execution)
        self._processes[execution.label] = process
        self._scheduler.start(process, timeout=_LONGEST_LIFE)


def _set_out_of(starter: Any, now: int) -> int:
    """Return the number of the event that led to a first attempt.

    That is the last read of the ledger before the attempt, or the current event if there was none.

    Args:
        starter: the attribute `about` of the process that starts the Express execution.
        now: the number of the current event.
    """
    if isinstance(starter, Settling) and starter.read is not None:
        return starter.read
    return now


def _description(execution: Execution) -> dict[str, Any]:
    """Return the response of DescribeExecution for an execution."""
    found = {"name": execution.name, "input": json.dumps(execution.document)}
    if execution.running or execution.ended_at is None:
        return {**found, "status": "RUNNING"}
    ended = {**found, "stopDate": to_datetime(execution.ended_at)}
    if execution.failed is None:
        return {**ended, "status": "SUCCEEDED", "output": json.dumps(execution.output)}
    return {**ended, "status": "FAILED", "error": execution.failed.error}


def _close(execution: Execution, outcome: Outcome, now: int) -> None:
    execution.running = False
    execution.ended_at = now
    error = outcome.error
    if error is None:
        execution.output = outcome.value
    elif isinstance(error, ExecutionFailedError):
        execution.failed = error
    elif isinstance(error, ExecutionStoppedError):
        execution.failed = ExecutionFailedError("Stopped", "", execution.path[-1], None)
    elif isinstance(error, CrashedError):
        state = execution.path[-1] if execution.path else ""
        execution.failed = ExecutionFailedError(error.error, "", state, None)
    else:
        raise error  # an error of the simulation itself


def _sync_answer(execution: Execution, outcome: Outcome) -> dict[str, Any]:
    failed = execution.failed
    if failed is None:
        return {"status": "SUCCEEDED", "output": json.dumps(execution.output)}
    if isinstance(outcome.error, CrashedError) and outcome.error.error == "Sandbox.Timedout":
        return {"status": "TIMED_OUT"}
    return {"status": "FAILED", "error": failed.error, "cause": failed.cause}


def name_of(document: Mapping[str, Any]) -> str:
    """Return a readable name for a delivery."""
    reference = document["reference"]
    return f"{reference['messageId']}@{host_of(reference['targetUrl'])}"

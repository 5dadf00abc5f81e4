"""AWS Lambda: invocations are processes that return, crash or time out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from botocore.exceptions import ClientError, HTTPClientError

from homing.errors import HomingError, SettingsError
from simulation.engine.faults import CrashedError, ServiceError
from simulation.engine.process import Outcome, Process
from simulation.engine.replay import TAPE, replayed
from simulation.errors import SimulationError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulation.engine.process import Call, Respond, Steps
    from simulation.engine.scheduler import Scheduler

Handler: TypeAlias = "Callable[[dict[str, Any]], Any]"

# The errors with which a handler may fail, since faults cause them. Any other error is a bug in a
# handler or in the simulation.
_MAY_FAIL_WITH = (ServiceError, ClientError, HTTPClientError, HomingError)


@dataclass(slots=True)
class Invocation:
    """One invocation of a function.

    Args:
        event: its input.
        clock: the clock of the function, which may be wrong.
        caller: the attribute `about` of the calling process.
        label: the name of the invocation.
    """

    event: Any
    clock: Callable[[], int]
    caller: Any
    label: str
    process: Process = field(init=False)


@dataclass(frozen=True, slots=True)
class Function:
    """A simulated Lambda function.

    Args:
        timeout: the time-out in milliseconds.
        handler: the real handler, or a function in its place; it may call the simulated clients.
        steps: returns the steps of an invocation; for a function that has no handler.
        calls: whether the function calls services; if not, the handler is run in one step.
    """

    timeout: int
    handler: Handler | None = None
    steps: Callable[[Invocation], Steps] | None = None
    calls: bool = True


class LambdaService:
    """Runs functions.

    Args:
        scheduler: runs the processes of invocations.
        functions: the functions by name; more may be added.
        skews: the error of each function's clock, in milliseconds.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        functions: dict[str, Function],
        skews: Mapping[str, int],
    ) -> None:
        self._scheduler = scheduler
        self.functions = functions
        self._skews = skews

    def invoke(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Run a function, and respond with its result in the form that the AWS SDK returns."""
        name = call.arguments["FunctionName"]
        function = self.functions[name]
        skew = self._skews.get(name, 0)
        invocation = Invocation(
            call.arguments["Payload"], lambda: self._scheduler.now + skew, process.about, label
        )
        if not function.calls and function.handler is not None:
            respond(_run(function.handler, invocation))
            return
        steps = _steps_of(function, invocation)
        invocation.process = Process(label, steps, partial(_answer, respond), about=invocation)
        self._scheduler.start(invocation.process, timeout=function.timeout)


def _steps_of(function: Function, invocation: Invocation) -> Steps:
    if function.steps is not None:
        return function.steps(invocation)
    handler = function.handler
    if handler is None:
        raise SimulationError("a function without a handler")
    event = _round_trip(invocation.event)
    return replayed(lambda: handler(event), label=invocation.label, clock=invocation.clock)


def _run(handler: Handler, invocation: Invocation) -> Outcome:
    TAPE.load([], invocation.label, invocation.clock())
    try:
        return _payload(handler(_round_trip(invocation.event)))
    except SimulationError:
        raise
    except Exception as error:  # noqa: BLE001  # as Lambda reports any exception
        return Outcome(error=CrashedError(type(error).__name__, str(error)))


def _answer(respond: Respond, outcome: Outcome) -> None:
    error = outcome.error
    if error is None:
        respond(_payload(outcome.value))
    elif isinstance(error, CrashedError):
        respond(outcome)
    elif isinstance(error, _MAY_FAIL_WITH) and not isinstance(error, SettingsError):
        respond(Outcome(error=CrashedError(type(error).__name__, str(error))))
    else:
        raise UnsupportedError(f"a handler failed with {type(error).__name__}: {error}") from error


def _payload(value: Any) -> Outcome:
    return Outcome({"StatusCode": 200, "Payload": _round_trip(value)})


def _round_trip(value: Any) -> Any:
    """Return a value after a round trip through JSON."""
    return json.loads(json.dumps(value))

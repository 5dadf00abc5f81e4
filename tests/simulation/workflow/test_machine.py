"""How a definition is executed: retries, catches, waits, choices and ends."""

from __future__ import annotations

from typing import Any

import pytest

from simulation.engine.chance import Chance
from simulation.engine.clock import SECOND, from_iso
from simulation.engine.faults import (
    ConditionFailedError,
    CrashedError,
    NameTakenError,
    NoAnswerError,
    ServiceError,
    UnavailableError,
)
from simulation.engine.process import Call, Sleep
from simulation.workflow.definition import load_definition
from simulation.workflow.machine import Execution, ExecutionFailedError, Machine, Observer

NOON = from_iso("2025-12-28T12:00:00.000Z")
INVOKE = "arn:${Partition}:states:::lambda:invoke"


class Stage:
    """Runs a definition with given responses, one after the other, and a clock of its own."""

    def __init__(self, states: dict[str, Any], start: str = "A") -> None:
        self.now = NOON
        self.calls: list[Call] = []
        self.waits: list[float] = []
        self.execution = Execution("test", {}, "id", is_express=False)
        definition = load_definition(
            {"QueryLanguage": "JSONata", "StartAt": start, "States": states}
        )
        self._machine = Machine(definition, Chance(1), lambda: self.now, Observer())

    def run(self, data: Any, *answers: Any) -> Any:
        steps = self._machine.execute(self.execution, data)
        left = list(answers)
        answer = None
        while True:
            try:
                failed = isinstance(answer, ServiceError)
                request = steps.throw(answer) if failed else steps.send(answer)
            except StopIteration as stop:
                assert left == []
                return stop.value
            if isinstance(request, Sleep):
                self.waits.append((request.until - self.now) / SECOND)
                self.now = max(self.now, request.until)
                answer = None
            else:
                self.calls.append(request)
                answer = left.pop(0)


END = {"Type": "Succeed"}


def task(**more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": INVOKE, "Arguments": {"FunctionName": "f"}, **more}


def test_a_task_passes_on_its_result_or_the_output_made_of_it() -> None:
    assert Stage({"A": task(Next="E"), "E": END}).run({}, {"Payload": 1}) == {"Payload": 1}
    made = task(Output="{% $states.result.Payload %}", Next="E")
    assert Stage({"A": made, "E": END}).run({}, {"Payload": 1}) == 1


def retry(**more: Any) -> dict[str, Any]:
    return {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "BackoffRate": 3.0, **more}


def test_a_retry_waits_longer_each_time_up_to_its_bound() -> None:
    stage = Stage({"A": task(Retry=[retry(MaxAttempts=4, MaxDelaySeconds=10)], Next="E"), "E": END})
    down = UnavailableError("refused")
    assert stage.run({}, down, down, down, down, "at last") == "at last"
    assert stage.waits == [2, 6, 10, 10]


def test_full_jitter_waits_at_most_as_long() -> None:
    policy = retry(MaxAttempts=3, JitterStrategy="FULL")
    stage = Stage({"A": task(Retry=[policy], Next="E"), "E": END})
    stage.run({}, *[UnavailableError("refused")] * 3, "at last")
    assert all(0 <= wait < full for wait, full in zip(stage.waits, (2, 6, 18), strict=True))
    assert len(set(stage.waits)) == 3


def test_the_first_retrier_that_fits_decides_even_if_it_says_never() -> None:
    never = {"ErrorEquals": ["Lambda.TooManyRequestsException"], "MaxAttempts": 0}
    stage = Stage({"A": task(Retry=[never, retry()], Next="E"), "E": END})
    with pytest.raises(ExecutionFailedError) as failed:
        stage.run({}, UnavailableError("refused"))
    assert failed.value.error == "Lambda.TooManyRequestsException"


def test_a_caught_error_goes_on_where_the_catch_says_with_what_it_makes_of_it() -> None:
    catch = {
        "ErrorEquals": ["States.ALL"],
        "Output": "{% $merge([$states.input, {'error': $states.errorOutput.Error}]) %}",
        "Next": "E",
    }
    stage = Stage({"A": task(Catch=[catch], Next="E"), "E": END})
    assert stage.run({"a": 1}, CrashedError("Boom")) == {"a": 1, "error": "Boom"}
    assert stage.execution.path == ["A!", "E"]


def test_a_catch_without_an_output_passes_on_the_error() -> None:
    catch = {"ErrorEquals": ["Boom"], "Next": "E"}
    stage = Stage({"A": task(Catch=[catch], Next="E"), "E": END})
    assert stage.run({}, CrashedError("Boom", "why"))["Error"] == "Boom"


@pytest.mark.parametrize("error", ["States.Runtime", "States.DataLimitExceeded"])
def test_states_all_does_not_stand_for_everything(error: str) -> None:
    catch = {"ErrorEquals": ["States.ALL"], "Next": "E"}
    with pytest.raises(ExecutionFailedError, match=error):
        Stage({"A": task(Catch=[catch], Next="E"), "E": END}).run({}, CrashedError(error))


@pytest.mark.parametrize(
    ("resource", "failure", "name"),
    [
        ("lambda:invoke", NoAnswerError(), "Lambda.SdkClientException"),
        (
            "dynamodb:updateItem",
            ConditionFailedError(None),
            "DynamoDB.ConditionalCheckFailedException",
        ),
        ("dynamodb:getItem", NoAnswerError(), "DynamoDB.SdkClientException"),
        ("sqs:sendMessage", UnavailableError(), "SQS.SqsException"),
        (
            "states:startExecution",
            NameTakenError(),
            "StepFunctions.ExecutionAlreadyExistsException",
        ),
    ],
)
def test_errors_have_the_names_that_aws_uses(
    resource: str, failure: ServiceError, name: str
) -> None:
    states = {
        "A": {**task(Next="E"), "Resource": f"arn:${{Partition}}:states:::{resource}"},
        "E": END,
    }
    with pytest.raises(ExecutionFailedError) as failed:
        Stage(states).run({}, failure)
    assert (failed.value.error, failed.value.state) == (name, "A")


def test_a_wait_cuts_the_milliseconds_off() -> None:
    wait = {"Type": "Wait", "Timestamp": "{% $states.input.dueAt %}", "Next": "E"}
    stage = Stage({"A": wait, "E": END})
    stage.run({"dueAt": "2025-12-28T12:00:07.990Z"})
    assert stage.now == NOON + 7 * SECOND


@pytest.mark.parametrize(("given", "end"), [("x", "first"), ("y", "second"), ("z", "default")])
def test_the_first_condition_that_holds_decides(given: str, end: str) -> None:
    rules = [
        {"Condition": "{% $states.input.a = 'x' %}", "Output": {"end": "first"}, "Next": "E"},
        {"Condition": "{% $states.input.a = 'y' %}", "Next": "Second"},
    ]
    states = {
        "A": {"Type": "Choice", "Choices": rules, "Default": "Other"},
        "Second": {"Type": "Succeed", "Output": {"end": "second"}},
        "Other": {"Type": "Succeed", "Output": {"end": "default"}},
        "E": END,
    }
    assert Stage(states).run({"a": given}) == {"end": end}


def test_a_condition_that_is_no_truth_value_fails_the_execution() -> None:
    rule = {"Condition": "{% $states.input.a %}", "Next": "E"}
    stage = Stage({"A": {"Type": "Choice", "Choices": [rule], "Default": "E"}, "E": END})
    with pytest.raises(ExecutionFailedError, match="QueryEvaluationError"):
        stage.run({"a": "yes"})


def test_a_fail_state_ends_with_its_error() -> None:
    fail = {"Type": "Fail", "Error": "{% $states.input.a %}", "Cause": "because"}
    with pytest.raises(ExecutionFailedError) as failed:
        Stage({"A": fail}).run({"a": "GONE"})
    assert (failed.value.error, failed.value.cause) == ("GONE", "because")


def test_the_time_of_entry_is_in_the_context() -> None:
    end = {"Type": "Succeed", "Output": "{% $states.context.State.EnteredTime %}"}
    assert Stage({"A": end}).run({}) == "2025-12-28T12:00:00.000Z"

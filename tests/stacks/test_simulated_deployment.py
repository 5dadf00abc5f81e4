"""The simulation runs the stack's definitions and uses the stack's settings."""

from __future__ import annotations

import json
from typing import Any

from homing.retry.policy import Policy
from simulation.deployment import Deployment
from simulation.engine.clock import SECOND
from simulation.workflow.definition import delivery_document, first_attempt_document

FIGURES = Deployment()
FUNCTION = "AWS::Lambda::Function"


def test_the_definitions_are_those_that_are_deployed(stack: Any) -> None:
    machines = stack.resources("AWS::StepFunctions::StateMachine").values()
    deployed = {
        machine["Properties"]["StateMachineType"]: json.loads(
            machine["Properties"]["DefinitionString"]
        )
        for machine in machines
    }
    timeout = FIGURES.express_timeout // SECOND
    assert deployed == {
        "STANDARD": delivery_document(),
        "EXPRESS": first_attempt_document(timeout),
    }


def test_functions_have_as_long_as_they_are_deployed_with(stack: Any) -> None:
    timeouts = {
        path: stack.properties(FUNCTION, path)["Timeout"] * SECOND
        for path in (
            *("Reception/Accept", "Reception/Dispatch", "Workflow/Deliver"),
            *("Workflow/Classify", "Workflow/ComputeBackoff", "Workflow/RecordRetry"),
        )
    }
    assert timeouts == {
        "Reception/Accept": FIGURES.accept_timeout,
        "Reception/Dispatch": FIGURES.dispatch_timeout,
        "Workflow/Deliver": FIGURES.deliver_timeout,
        "Workflow/Classify": FIGURES.function_timeout,
        "Workflow/ComputeBackoff": FIGURES.function_timeout,
        "Workflow/RecordRetry": FIGURES.function_timeout,
    }


def test_the_queue_is_the_one_that_is_deployed(stack: Any) -> None:
    queue = stack.properties("AWS::SQS::Queue", "Reception/Deliveries")
    assert queue["FifoQueue"] is FIGURES.queue_is_fifo
    assert queue["VisibilityTimeout"] * SECOND == FIGURES.visibility_timeout
    assert queue["RedrivePolicy"]["maxReceiveCount"] == FIGURES.max_receive_count
    mappings = stack.resources("AWS::Lambda::EventSourceMapping").values()
    (mapping,) = (
        one["Properties"]
        for one in mappings
        if stack.referred(one["Properties"]["EventSourceArn"]) == "Reception/Deliveries"
    )
    assert mapping["BatchSize"] == FIGURES.batch_size
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_policy_deadline_and_retention_are_those_that_are_deployed(stack: Any) -> None:
    accept = stack.properties(FUNCTION, "Reception/Accept")["Environment"]["Variables"]
    deliver = stack.properties(FUNCTION, "Workflow/Deliver")["Environment"]["Variables"]
    assert Policy.from_document(json.loads(accept["DEFAULT_POLICY"])) == FIGURES.policy
    assert int(accept["RETENTION_DAYS"]) == FIGURES.retention_days
    assert float(deliver["ATTEMPT_TIMEOUT_SECONDS"]) * SECOND == FIGURES.attempt_timeout
    dispatch = stack.properties(FUNCTION, "Reception/Dispatch")["Environment"]["Variables"]
    assert float(dispatch["SLOW_THRESHOLD_SECONDS"]) * SECOND == FIGURES.slow_threshold

"""The state machine: its definition with all names, its logs without payloads, its dead letters."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tuned import TUNED

from stacks.workflow.express_path import first_attempt_definition

if TYPE_CHECKING:
    from collections.abc import Callable

DEFINITION = Path(__file__).resolve().parents[3] / "statemachine" / "delivery.asl.json"
MACHINE, FILTER = "AWS::StepFunctions::StateMachine", "AWS::Logs::MetricFilter"


STANDARD, EXPRESS = "StateMachine", "FirstAttempts"
BOTH = pytest.mark.parametrize("name", [STANDARD, EXPRESS])


def machine(stack: Any, name: str = STANDARD) -> dict[str, Any]:
    properties: dict[str, Any] = stack.properties(MACHINE, f"Workflow/{name}")
    return properties


@BOTH
def test_every_placeholder_is_filled_and_every_filling_is_used(stack: Any, name: str) -> None:
    placeholders = set(re.findall(r"\$\{(\w+)\}", machine(stack, name)["DefinitionString"]))
    filled = dict(machine(stack, name)["DefinitionSubstitutions"])
    assert set(filled) == placeholders
    assert filled.pop("Partition") == {"Ref": "AWS::Partition"}
    hand_off = {"DeliveryStateMachine": "Workflow/StateMachine"} if name == EXPRESS else {}
    assert {name: stack.referred(value) for name, value in filled.items()} == {
        "DeliverFunction": "Workflow/Deliver",
        "ClassifyFunction": "Workflow/Classify",
        "ComputeBackoffFunction": "Workflow/ComputeBackoff",
        "RecordRetryFunction": "Workflow/RecordRetry",
        "LedgerTable": "Ledger/Deliveries",
        "DeadLetterQueue": "Workflow/DeadLetters",
        **hand_off,
    }


def test_the_definition_is_the_file_unchanged(stack: Any) -> None:
    assert json.loads(machine(stack)["DefinitionString"]) == json.loads(DEFINITION.read_text())


def test_first_attempts_run_the_same_definition_made_fit_for_express(stack: Any) -> None:
    deployed = json.loads(machine(stack, EXPRESS)["DefinitionString"])
    made = first_attempt_definition(
        json.loads(DEFINITION.read_text()), timeout_seconds=deployed["TimeoutSeconds"]
    )
    assert deployed == made


def test_with_the_express_path_off_there_is_only_the_standard_workflow(
    synthesize: Callable[..., Any],
) -> None:
    stack = synthesize(expressPath="false")
    assert list(stack.resources(MACHINE)) == ["Workflow/StateMachine"]
    dispatch = stack.properties("AWS::Lambda::Function", "Reception/Dispatch")
    assert dispatch["Environment"]["Variables"]["FIRST_ATTEMPT_ARN"] == ""
    assert "FirstAttemptArn" not in stack.template["Outputs"]


@pytest.mark.parametrize(("name", "kind"), [(STANDARD, "STANDARD"), (EXPRESS, "EXPRESS")])
def test_executions_are_of_their_kind_and_traced_if_they_wait(
    stack: Any, name: str, kind: str
) -> None:
    assert machine(stack, name)["StateMachineType"] == kind
    assert machine(stack, name)["TracingConfiguration"] == {"Enabled": name == STANDARD}


@pytest.mark.parametrize(("given", "level"), [({}, "ERROR"), (TUNED, "ALL")])
def test_the_steps_of_first_attempts_are_logged_on_request(
    synthesize: Callable[..., Any], given: dict[str, str], level: str
) -> None:
    assert machine(synthesize(**given), EXPRESS)["LoggingConfiguration"]["Level"] == level


@BOTH
def test_payloads_never_reach_the_logs(stack: Any, name: str) -> None:
    """Neither as the data of events nor as events that consist of data."""
    logging = machine(stack, name)["LoggingConfiguration"]
    assert logging["IncludeExecutionData"] is False
    assert logging["Level"] == "ERROR"
    (destination,) = logging["Destinations"]
    group = destination["CloudWatchLogsLogGroup"]["LogGroupArn"]
    assert stack.referred(group) == "Workflow/Logs"


def test_dead_letters_wait_as_long_as_sqs_can_keep_them(stack: Any) -> None:
    queue = stack.properties("AWS::SQS::Queue", "Workflow/DeadLetters")
    assert queue["MessageRetentionPeriod"] == 14 * 86_400


def test_failed_tries_of_a_ledger_write_are_counted_but_failed_conditions_are_not(
    stack: Any,
) -> None:
    found = stack.properties(FILTER, "Workflow/LedgerTryFailed")
    assert stack.referred(found["LogGroupName"]) == "Workflow/Logs"
    pattern = found["FilterPattern"]
    assert '$.details.resource = "updateItem"' in pattern
    assert '$.details.error != "DynamoDB.ConditionalCheckFailedException"' in pattern
    states = json.loads(DEFINITION.read_text())["States"]
    writers = [s for s in states.values() if s.get("Resource", "").endswith(":updateItem")]
    assert len(writers) == 3
    assert all("DynamoDB.ConditionalCheckFailedException" in json.dumps(s) for s in writers)


def test_an_execution_counts_as_broken_unless_it_ended_as_a_dead_lettered_delivery(
    stack: Any,
) -> None:
    """The state `DeliveryFailed` makes the ledger status the error of the execution."""
    pattern = stack.properties(FILTER, "Workflow/ExecutionBroken")["FilterPattern"]
    for status in ("FAILED", "MAX_RETRIES_EXCEEDED"):
        assert f'$.details.error != "{status}"' in pattern
    states = json.loads(DEFINITION.read_text())["States"]
    assert states["DeliveryFailed"]["Error"] == "{% $states.input.verdict.status %}"
    assert [name for name, state in states.items() if state["Type"] == "Fail"] == ["DeliveryFailed"]


def test_counts_of_a_stage_stay_its_own(synthesize: Any) -> None:
    for stage, namespace in (("default", "Homing"), ("test", "Homing-test")):
        stack = synthesize(stage=stage)
        for path in ("Workflow/LedgerTryFailed", "Workflow/ExecutionBroken"):
            (transformation,) = stack.properties(FILTER, path)["MetricTransformations"]
            assert transformation["MetricNamespace"] == namespace
        function = stack.properties("AWS::Lambda::Function", "Workflow/RecordRetry")
        variables = function["Environment"]["Variables"]
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == namespace


@BOTH
def test_the_definition_is_bound_to_no_partition(stack: Any, name: str) -> None:
    assert "arn:aws" not in machine(stack, name)["DefinitionString"]

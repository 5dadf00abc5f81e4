"""The app as people and the CDK CLI run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[2]
OUTPUTS = {
    "ApiUrl": "Intake/Api",
    "SenderApiUrl": "Senders/Api",
    "MessagesUrl": "Intake/Accept/FunctionUrl",
    "AcceptArn": "Intake/Accept",
    "KeysTable": "Registry/Keys",
    "EndpointsTable": "Registry/Endpoints",
    "SecretsTable": "Registry/Secrets",
    "LedgerTable": "Ledger/Deliveries",
    "MessagesTable": "Ledger/Messages",
    "DeliveryQueueUrl": "Intake/Deliveries",
    "DeadLetterQueueUrl": "Workflow/DeadLetters",
    "IntakeDeadLetterQueueUrl": "Intake/DeadLetters",
    "PayloadBucket": "Workflow/Payloads/Bucket",
    "StateMachineArn": "Workflow/StateMachine",
    "FirstAttemptArn": "Workflow/FirstAttempts",
    "DashboardName": "Dashboard/Dashboard",
    "AlarmTopicArn": "Alarms/Topic",
    "MetricsNamespace": "Homing",
    "AttemptLogGroups": "Workflow/ClassifyLogs,Workflow/ComputeBackoffLogs",
}


def test_outputs_lead_to_what_the_command_line_needs(stack: Any) -> None:
    outputs = stack.template["Outputs"]
    assert {name: stack.referred(output["Value"]) for name, output in outputs.items()} == OUTPUTS


@pytest.mark.parametrize(("stage", "name"), [("default", "Homing"), ("test", "Homing-test")])
def test_stages_are_stacks_of_their_own(
    synthesize: Callable[..., Any], stage: str, name: str
) -> None:
    assert synthesize(stage=stage).name == name


def test_nothing_has_a_physical_name(stack: Any) -> None:
    """So that several stages fit into one account, and any resource can be replaced."""
    names = {
        "AWS::DynamoDB::Table": "TableName",
        "AWS::Lambda::Function": "FunctionName",
        "AWS::SQS::Queue": "QueueName",
        "AWS::SNS::Topic": "TopicName",
        "AWS::IAM::Role": "RoleName",
        "AWS::Logs::LogGroup": "LogGroupName",
        "AWS::CloudWatch::Alarm": "AlarmName",
        "AWS::CloudWatch::Dashboard": "DashboardName",
        "AWS::StepFunctions::StateMachine": "StateMachineName",
    }
    for kind, name in names.items():
        resources = stack.resources(kind).values()
        assert resources
        assert not any(name in one.get("Properties", {}) for one in resources)


def test_every_log_group_forgets(synthesize: Callable[..., Any]) -> None:
    for given, days in (({}, 30), ({"logRetentionDays": "7"}, 7)):
        groups = synthesize(**given).resources("AWS::Logs::LogGroup").values()
        assert {group["Properties"]["RetentionInDays"] for group in groups} == {days}


def test_there_is_a_log_group_for_each_function_the_workflow_and_the_api(stack: Any) -> None:
    groups = set(stack.resources("AWS::Logs::LogGroup"))
    functions = {f"{path}Logs" for path in stack.resources("AWS::Lambda::Function")}
    assert groups == functions | {"Workflow/Logs", "Intake/AccessLogs", "Senders/AccessLogs"}


def test_the_stack_itself_is_protected_as_its_tables_are(synthesize: Callable[..., Any]) -> None:
    assert synthesize().termination_protection
    assert not synthesize(deletionProtection="false").termination_protection


HOLDERS = {
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::StepFunctions::StateMachine",
}


@pytest.mark.parametrize(("protected", "policy"), [("true", "Retain"), ("false", "Delete")])
def test_what_holds_accepted_messages_outlives_the_stack_if_it_is_protected(
    synthesize: Callable[..., Any], protected: str, policy: str
) -> None:
    resources = synthesize(deletionProtection=protected).template["Resources"].values()
    holders = [one for one in resources if one["Type"] in HOLDERS]
    assert {one["Type"] for one in holders} == HOLDERS
    for one in holders:
        is_brief = one["Properties"].get("StateMachineType") == "EXPRESS"
        expected = "Delete" if is_brief else policy
        assert (one["DeletionPolicy"], one["UpdateReplacePolicy"]) == (expected, expected), one


def test_the_template_is_bound_to_no_account_and_no_region(stack: Any) -> None:
    text = json.dumps(stack.template)
    assert "us-east-1" not in text
    assert "000000000000" not in text


def run_app(context: dict[str, str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run the app by the command of cdk.json, in a shell that knows nothing of the environment."""
    command = json.loads((PROJECT / "cdk.json").read_text())["app"]
    return subprocess.run(  # noqa: S603 -- our own command
        ["/bin/sh", "-c", command],  # as the CDK CLI does
        cwd=PROJECT,
        env={
            "PATH": os.defpath,
            "CDK_CONTEXT_JSON": json.dumps(context),
            "CDK_OUTDIR": str(directory),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_app_runs_in_a_plain_shell(tmp_path: Path) -> None:
    done = run_app({"stage": "plain"}, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "Homing-plain.template.json").is_file()


def test_bad_context_is_told_in_two_lines_and_not_in_a_traceback(tmp_path: Path) -> None:
    done = run_app({"maxAttempts": "0"}, tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "The context cannot be used:",
        "  maxAttempts: '0' cannot be used; give 1 to 20 (default 3)",
    ]


def test_cfn_lint_accepts_the_template(stack: Any) -> None:
    template = stack.directory / f"{stack.name}.template.json"
    done = subprocess.run(  # noqa: S603 -- the environment's own cfn-lint
        [str(Path(sys.prefix, "bin", "cfn-lint")), str(template)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr

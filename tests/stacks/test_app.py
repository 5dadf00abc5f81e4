"""The app, run as by users and the CDK CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tuned import TUNED

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[2]
OUTPUTS = {
    "ApiUrl": "Reception/Api",
    "SenderApiUrl": "Senders/Api",
    "MessagesUrl": "Reception/Accept/FunctionUrl",
    "AcceptArn": "Reception/Accept",
    "KeysTable": "Registry/Keys",
    "EndpointsTable": "Registry/Endpoints",
    "SecretsTable": "Registry/Secrets",
    "LedgerTable": "Ledger/Deliveries",
    "MessagesTable": "Ledger/Messages",
    "DeliveryQueueUrl": "Reception/Deliveries",
    "BulkQueueUrl": "Reception/Bulk",
    "DeadLetterQueueUrl": "Workflow/DeadLetters",
    "UndispatchedQueueUrl": "Reception/Undispatched",
    "PayloadBucket": "Workflow/Payloads/Bucket",
    "StateMachineArn": "Workflow/StateMachine",
    "RedrivesTable": "Ledger/Redrives",
    "LinesTable": "Ledger/Lines",
    "PlacesTable": "Ledger/Places",
    "WatchdogArn": "Watchdog/Watchdog",
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
    """So several stages can be in one account, and any resource can be replaced.

    Names that AWS requires contain the id of the stack.
    """
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
        given = [one["Properties"][name] for one in resources if name in one.get("Properties", {})]
        assert all("AWS::StackId" in json.dumps(each) for each in given), given


def test_every_log_group_has_a_retention(synthesize: Callable[..., Any]) -> None:
    for given, days in (({}, 30), (TUNED, 7)):
        groups = synthesize(**given).resources("AWS::Logs::LogGroup").values()
        assert {group["Properties"]["RetentionInDays"] for group in groups} == {days}


def test_there_is_a_log_group_for_each_function_the_workflow_and_the_api(stack: Any) -> None:
    groups = set(stack.resources("AWS::Logs::LogGroup"))
    functions = {f"{path}Logs" for path in stack.resources("AWS::Lambda::Function")}
    assert groups == functions | {"Workflow/Logs", "Reception/AccessLogs", "Senders/AccessLogs"}


def test_what_aws_services_log_to_takes_no_room_in_the_resource_policy_of_the_account(
    stack: Any,
) -> None:
    """The names are unique to the stack, so that none is that of a log group another stack left."""
    groups = stack.resources("AWS::Logs::LogGroup")
    for path, service in {
        "Workflow/Logs": "states",
        "Reception/AccessLogs": "apis",
        "Senders/AccessLogs": "apis",
    }.items():
        parts = groups[path]["Properties"]["LogGroupName"]["Fn::Join"][1]
        assert parts[0].startswith(f"/aws/vendedlogs/{service}/Homing-")
        assert parts[1] == {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}


def test_a_first_deployment_that_fails_can_be_retried(stack: Any) -> None:
    """The failed deployment leaves nothing, and neither the stack nor a table refuses deletion.

    A stack whose creation was rolled back must be deleted before it can be created again.
    """
    assert not stack.termination_protection
    assert all(
        one.get("DeletionPolicy") != "Retain" for one in stack.template["Resources"].values()
    )
    tables = stack.resources("AWS::DynamoDB::Table").values()
    assert not any(table["Properties"]["DeletionProtectionEnabled"] for table in tables)


def test_termination_protection_protects_the_stack_and_its_tables(
    synthesize: Callable[..., Any],
) -> None:
    protected = synthesize(terminationProtection="true")
    assert protected.termination_protection
    tables = protected.resources("AWS::DynamoDB::Table").values()
    assert all(table["Properties"]["DeletionProtectionEnabled"] for table in tables)


def test_a_deletion_policy_never_changes_alone(stack: Any, synthesize: Callable[..., Any]) -> None:
    """CloudFormation ignores such a change alone, so metadata changes with it."""
    bare = synthesize(deletionProtection="false").template["Resources"]
    for name, kept in stack.template["Resources"].items():
        if kept.get("DeletionPolicy") != bare[name].get("DeletionPolicy"):
            assert kept["Metadata"] != bare[name]["Metadata"], name


HOLDERS = {
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::StepFunctions::StateMachine",
}


@pytest.mark.parametrize(
    ("protected", "policies"),
    [("true", ("RetainExceptOnCreate", "Retain")), ("false", ("Delete", "Delete"))],
)
def test_what_holds_accepted_messages_outlives_the_stack_if_it_is_protected(
    synthesize: Callable[..., Any], protected: str, policies: tuple[str, str]
) -> None:
    resources = synthesize(deletionProtection=protected).template["Resources"].values()
    holders = [one for one in resources if one["Type"] in HOLDERS]
    assert {one["Type"] for one in holders} == HOLDERS
    for one in holders:
        is_brief = one["Properties"].get("StateMachineType") == "EXPRESS"
        expected = ("Delete", "Delete") if is_brief else policies
        assert (one["DeletionPolicy"], one["UpdateReplacePolicy"]) == expected, one


def test_the_template_is_bound_to_no_account_and_no_region(stack: Any) -> None:
    text = json.dumps(stack.template)
    assert "us-east-1" not in text
    assert "000000000000" not in text


def run_app(context: dict[str, str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run the app by the command in cdk.json, in a shell where the environment is not activated."""
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


@pytest.mark.slow
def test_the_app_runs_in_a_plain_shell(tmp_path: Path) -> None:
    done = run_app({"stage": "plain"}, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "Homing-plain.template.json").is_file()


@pytest.mark.slow
def test_bad_context_is_reported_in_two_lines_without_a_traceback(tmp_path: Path) -> None:
    done = run_app({"maxAttempts": "0"}, tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "The context is not valid:",
        "  maxAttempts: '0' is not valid; use 1 to 20 (default 3)",
    ]


@pytest.mark.slow
def test_cfn_lint_accepts_the_template(stack: Any, tmp_path: Path) -> None:
    """The partition is filled in: cfn-lint knows no substitutions, and only `aws`."""
    text = (stack.directory / f"{stack.name}.template.json").read_text()
    template = tmp_path / "template.json"
    template.write_text(text.replace("${Partition}", "aws"))
    done = subprocess.run(  # noqa: S603 -- the environment's own cfn-lint
        [str(Path(sys.prefix, "bin", "cfn-lint")), str(template)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr

"""Figures in docs/operations.md that follow from the template."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from homing.payloads.reference import LIFETIMES
from homing.queues.visibility import seconds_until_over

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
QUEUES = {
    "deliveries not yet started": "Reception/Deliveries",
    "dead letters": "Workflow/DeadLetters",
    "undispatched messages": "Reception/Undispatched",
}


def test_the_page_says_how_long_five_tries_of_dispatch_take(stack: Any) -> None:
    queue = stack.properties("AWS::SQS::Queue", "Reception/Deliveries")
    function = stack.properties("AWS::Lambda::Function", "Reception/Dispatch")
    lasts = float(function["Environment"]["Variables"]["FIRST_ATTEMPT_TIMEOUT_SECONDS"])
    tries = queue["RedrivePolicy"]["maxReceiveCount"]
    first, later = seconds_until_over(lasts), queue["VisibilityTimeout"]
    assert tries == 5
    minutes = (first + (tries - 1) * later) // 60
    told = " ".join(PAGE.split())
    assert f"in five tries, which with the defaults take about {minutes} minutes" in told
    assert (
        f"({first} seconds after the first, {later / 60:g} minutes after each of the others)"
        in told
    )


@pytest.mark.parametrize(("what", "path"), list(QUEUES.items()))
def test_the_page_says_how_long_a_queue_keeps(stack: Any, what: str, path: str) -> None:
    seconds = stack.properties("AWS::SQS::Queue", path)["MessageRetentionPeriod"]
    (row,) = re.findall(rf"^\| {what} \|.*$", PAGE, re.MULTILINE)
    assert f"| {seconds // 86_400} days" in row


def test_the_page_says_how_long_large_payloads_are_kept() -> None:
    (row,) = re.findall(r"^\| payloads above 200 KiB \|.*$", PAGE, re.MULTILINE)
    assert {int(days) for days in re.findall(r"(\d+) days", row)} == {
        life.days for life in LIFETIMES.values()
    }


KINDS = {
    "DynamoDB tables": "AWS::DynamoDB::Table",
    "SQS queues": "AWS::SQS::Queue",
    "S3 buckets": "AWS::S3::Bucket",
    "KMS keys": "AWS::KMS::Key",
    "Step Functions state machines": "AWS::StepFunctions::StateMachine",
    "CloudWatch log groups": "AWS::Logs::LogGroup",
}


def test_the_page_says_what_a_protected_stack_leaves_behind(stack: Any) -> None:
    section = PAGE.split("## Removing it")[1].split("\n## ")[0]
    told = {
        KINDS[what]: int(count)
        for what, count in re.findall(r"^\| ([\w ]+) \| (\d+) \|", section, re.MULTILINE)
    }
    resources = stack.template["Resources"].values()
    kept = Counter(one["Type"] for one in resources if "Retain" in one.get("DeletionPolicy", ""))
    assert told == kept


def test_without_protection_nothing_is_detached_and_the_bucket_must_be_empty(
    synthesize: Callable[..., Any],
) -> None:
    bare = synthesize(deletionProtection="false")
    resources = bare.template["Resources"].values()
    assert {one.get("DeletionPolicy", "Delete") for one in resources} == {"Delete"}
    # Whatever would empty the bucket, or another window than 30 days, would be in the template.
    assert not any(one["Type"].startswith("Custom::") for one in resources)
    (bucket,) = bare.resources("AWS::S3::Bucket").values()
    assert "VersioningConfiguration" not in bucket["Properties"]
    (key,) = bare.resources("AWS::KMS::Key").values()
    assert "PendingWindowInDays" not in key["Properties"]


def test_the_page_names_every_table_without_ttl(stack: Any) -> None:
    tables = stack.resources("AWS::DynamoDB::Table")
    lasting = {
        path for path, one in tables.items() if "TimeToLiveSpecification" not in one["Properties"]
    }
    assert lasting == {"Registry/Keys", "Registry/Endpoints", "Registry/Secrets"}
    assert "three DynamoDB tables | until they are deleted" in PAGE

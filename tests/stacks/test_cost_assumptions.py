"""The cost model's assumptions about the stack are true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from homing.queues.visibility import seconds_until_over
from homing_cli.cost.assumptions import load_assumptions
from homing_cli.cost.model import load_model
from homing_cli.cost.workload import DEFAULT_RATE
from tools.scale import quotas

PROJECT = Path(__file__).resolve().parents[2]
# Words in handlers that look like names of metrics but are not.
OTHER = {"Timestamp", "Records"}
ASSUMED = load_assumptions()
PATHS = {
    "Accept": "Reception/Accept",
    "Dispatch": "Reception/Dispatch",
    "Deliver": "Workflow/Deliver",
    "Classify": "Workflow/Classify",
    "ComputeBackoff": "Workflow/ComputeBackoff",
    "RecordRetry": "Workflow/RecordRetry",
    "OperationalEvents": "Events/OperationalEvents",
}
# Functions that a message does not invoke on its way.
NOT_ON_THE_WAY = {
    "Reception/GetMessage",
    "Reception/Redrive",
    "Endpoints/Endpoints",
    "Senders/Authorize",
    "Watchdog/Watchdog",
    "Ordering/Release",
}


def function(stack: Any, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = stack.properties("AWS::Lambda::Function", PATHS[name])
    return properties


def test_slow_threshold_and_what_comes_after_it_are_those_that_are_deployed(stack: Any) -> None:
    variables = function(stack, "Dispatch")["Environment"]["Variables"]
    assert float(variables["SLOW_THRESHOLD_SECONDS"]) == ASSUMED.settings["slowThresholdSeconds"]
    first_attempt = float(variables["FIRST_ATTEMPT_TIMEOUT_SECONDS"])
    assert seconds_until_over(first_attempt) == ASSUMED.settings["leftSeconds"]


def test_every_function_on_a_messages_way_is_billed(stack: Any) -> None:
    assert set(stack.resources("AWS::Lambda::Function")) == {*PATHS.values(), *NOT_ON_THE_WAY}
    # The latter exists only on demand: test_ingest.py.
    assert set(ASSUMED.functions) == {*PATHS, "Ingest"}


@pytest.mark.parametrize("name", PATHS)
def test_a_function_is_billed_at_its_memory_and_architecture(stack: Any, name: str) -> None:
    properties = function(stack, name)
    assert properties["MemorySize"] == ASSUMED.functions[name].memory_mb
    assert properties["Architectures"] == [ASSUMED.settings["architecture"]]


@pytest.mark.parametrize("name", PATHS)
def test_a_function_starts_traces_of_its_own_only_where_that_is_billed(
    stack: Any, name: str
) -> None:
    """A function that a workflow invokes belongs to the workflow's trace."""
    mode = function(stack, name)["TracingConfig"]["Mode"]
    invoked_by_a_workflow = PATHS[name].startswith("Workflow/")
    starts_traces = mode == "Active" and not invoked_by_a_workflow
    assert (f"lambda.{name}" in ASSUMED.tracing.roots) == starts_traces


def test_batches_and_their_concurrency_are_the_event_sources(stack: Any) -> None:
    sources = stack.resources("AWS::Lambda::EventSourceMapping").values()
    for source in (one["Properties"] for one in sources):
        if "FilterCriteria" in source:
            continue
        assert source["BatchSize"] == ASSUMED.settings["batchSize"]
        concurrency = source["ScalingConfig"]["MaximumConcurrency"]
        assert concurrency == ASSUMED.settings["dispatchConcurrency"]
        assert concurrency == quotas()["dispatch.concurrency"].limit


def test_the_delivery_queue_is_priced_as_what_it_is(stack: Any) -> None:
    queue = stack.properties("AWS::SQS::Queue", "Reception/Deliveries")
    assert ("fifo" if queue.get("FifoQueue") else "standard") == ASSUMED.settings["queue"]


def test_records_are_kept_as_long_as_is_paid_for(stack: Any) -> None:
    variables = function(stack, "Accept")["Environment"]["Variables"]
    assert variables["RETENTION_DAYS"] == str(ASSUMED.settings["retentionDays"])


def test_messages_arrive_as_fast_as_the_api_lets_them_in(stack: Any) -> None:
    throttle = stack.properties("AWS::ApiGatewayV2::Stage", "Reception/Stage")[
        "DefaultRouteSettings"
    ]
    assert throttle["ThrottlingRateLimit"] == DEFAULT_RATE
    assert throttle["ThrottlingRateLimit"] == quotas()["api.throttle"].limit


def test_alarms_and_dashboards_are_counted(stack: Any) -> None:
    alarms, dashboards = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"
    assert len(stack.resources(alarms)) == ASSUMED.monthly["cloudwatch.alarms"]
    assert len(stack.resources(dashboards)) == ASSUMED.monthly["cloudwatch.dashboards"]


def test_metrics_of_our_own_are_counted(stack: Any) -> None:
    """Both metrics that handlers embed in log lines and metrics from filters of logs."""
    source = "".join(path.read_text() for path in (PROJECT / "lambdas").glob("*.py"))
    embedded = {name for name in re.findall(r'"((?:[A-Z][a-z]+)+)"', source) if name not in OTHER}
    filtered = {
        one["Properties"]["MetricTransformations"][0]["MetricName"]
        for one in stack.resources("AWS::Logs::MetricFilter").values()
    }
    assert {"AttemptMade", "KeyRefused"} <= embedded
    assert filtered == {"ExecutionBroken", "LedgerTryFailed"}
    assert len(embedded | filtered) == ASSUMED.monthly["cloudwatch.metrics"]


def test_keys_are_counted(stack: Any) -> None:
    assert len(stack.resources("AWS::KMS::Key")) == ASSUMED.monthly["kms.keys"]


def test_the_readme_says_what_a_stack_by_itself_costs() -> None:
    dollars = sum(line.dollars for line in load_model("us-east-1").monthly())
    readme = " ".join((PROJECT / "README.md").read_text().split())
    assert f"about ${dollars:.0f} a month" in readme


def test_the_standard_workflow_alone_is_traced(stack: Any) -> None:
    machines = stack.resources("AWS::StepFunctions::StateMachine")
    assert len(machines) == 2, json.dumps(sorted(machines))
    traced = {
        one["Properties"]["StateMachineType"]
        for one in machines.values()
        if one["Properties"].get("TracingConfiguration", {}).get("Enabled")
    }
    assert traced == {"STANDARD"}
    assert ASSUMED.tracing.roots == ("standard.executions",)

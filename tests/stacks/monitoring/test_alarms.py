"""The alarms: what they watch, and where it can be seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tuned import TUNED

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[3]
ALARM, TOPIC_POLICY = "AWS::CloudWatch::Alarm", "AWS::SNS::TopicPolicy"
FUNCTIONS = [
    "Reception/Accept",
    "Reception/GetMessage",
    "Reception/Redrive",
    "Endpoints/Endpoints",
    "Senders/Authorize",
    "Reception/Dispatch",
    "Workflow/Deliver",
    "Workflow/Classify",
    "Workflow/ComputeBackoff",
    "Workflow/RecordRetry",
    "Watchdog/Watchdog",
    "Events/OperationalEvents",
    "Ordering/Release",
]
DAY = 86_400

# name of the alarm -> namespace, metric, the construct that its dimension names, threshold
WATCHED: dict[str, tuple[str, str, str | None, float]] = {
    "DeadLetters": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Workflow/DeadLetters", 1),
    "DeadLettersExpiring": (
        "AWS/SQS",
        "ApproximateAgeOfOldestMessage",
        "Workflow/DeadLetters",
        10 * DAY,
    ),
    "UndispatchedMessages": (
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        "Reception/Undispatched",
        1,
    ),
    "UndispatchedMessagesExpiring": (
        "AWS/SQS",
        "ApproximateAgeOfOldestMessage",
        "Reception/Undispatched",
        10 * DAY,
    ),
    "ExecutionsFailed": ("AWS/States", "ExecutionsFailed", "Workflow/StateMachine", 1),
    "FirstAttemptsFailed": ("AWS/States", "ExecutionsFailed", "Workflow/FirstAttempts", 1),
    "ExecutionsAborted": ("AWS/States", "ExecutionsAborted", "Workflow/StateMachine", 1),
    "ExecutionsTimedOut": ("AWS/States", "ExecutionsTimedOut", "Workflow/StateMachine", 1),
    "ExecutionsBroken": ("Homing", "ExecutionBroken", None, 1),
    "LinesBlocked": ("Homing", "LineBlocked", "homing", 1),
    "DeliveriesTakenUp": ("Homing", "DeliveryTakenUp", "homing", 1),
    "DeliveriesLost": ("Homing", "DeliveryLost", "homing", 1),
    "WatchdogSilent": ("AWS/Lambda", "Invocations", "Watchdog/Watchdog", 1),
    "WatchdogFailed": ("Homing", "WatchdogFailed", "homing", 1),
    "LedgerWriteFailed": ("Homing", "LedgerWriteFailed", "homing", 1),
    "LedgerTriesFailed": ("Homing", "LedgerTryFailed", None, 4),
    "DispatchFailed": ("Homing", "DispatchFailed", "homing", 1),
    "QueueAge": ("AWS/SQS", "ApproximateAgeOfOldestMessage", "Reception/Deliveries", 300),
    "BulkQueueAge": ("AWS/SQS", "ApproximateAgeOfOldestMessage", "Reception/Bulk", 300),
    "ApiErrors": ("AWS/ApiGateway", "5xx", "Reception/Api", 1),
    "SenderApiErrors": ("AWS/ApiGateway", "5xx", "Senders/Api", 1),
    "MessagesUrlErrors": ("AWS/Lambda", "Url5xxCount", "Reception/Accept", 1),
    **{
        f"{path.partition('/')[2]}{metric}": ("AWS/Lambda", metric, path, 1)
        for path in FUNCTIONS
        for metric in ("Errors", "Throttles")
    },
}

EXPECTED = {"WatchdogSilent"}  # these must happen, so that missing data is the fault


def alarms(stack: Any) -> dict[str, dict[str, Any]]:
    found = stack.resources(ALARM).items()
    return {path.removeprefix("Alarms/"): alarm["Properties"] for path, alarm in found}


def test_these_are_all_the_alarms_there_are(stack: Any) -> None:
    assert set(alarms(stack)) == set(WATCHED)


def test_the_failures_of_every_workflow_are_watched(synthesize: Callable[..., Any]) -> None:
    """An alarm on failures is needed since `DeadLetters` stays in alarm as long as one is left."""
    for express_path in ("true", "false"):
        stack = synthesize(expressPath=express_path)
        watched = {
            stack.referred(alarm["Dimensions"][0]["Value"])
            for alarm in alarms(stack).values()
            if alarm["MetricName"] == "ExecutionsFailed"
        }
        assert watched == set(stack.resources("AWS::StepFunctions::StateMachine"))


@pytest.mark.parametrize(("name", "watched"), WATCHED.items())
def test_an_alarm_watches_its_resource_and_tells_the_topic(
    stack: Any, name: str, watched: tuple[str, str, str | None, float]
) -> None:
    namespace, metric, target, threshold = watched
    alarm = alarms(stack)[name]
    assert (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric)
    assert alarm["Threshold"] == threshold
    assert alarm["ComparisonOperator"] == (
        "LessThanThreshold" if name in EXPECTED else "GreaterThanOrEqualToThreshold"
    )
    assert [stack.referred(action) for action in alarm["AlarmActions"]] == ["Alarms/Topic"]
    leads_to = [stack.referred(dimension["Value"]) for dimension in alarm.get("Dimensions", [])]
    assert leads_to[:1] == ([target] if target else [])


def test_an_hour_without_a_run_of_the_watchdog_is_an_alarm(stack: Any) -> None:
    alarm = alarms(stack)["WatchdogSilent"]
    assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == ("Sum", 3600, 1)
    assert alarm["TreatMissingData"] == "breaching"


@pytest.mark.parametrize("name", sorted(WATCHED.keys() - EXPECTED))
def test_silence_is_no_alarm(stack: Any, name: str) -> None:
    """Faults are only counted when they occur, and an idle queue has no metrics."""
    assert alarms(stack)[name]["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize("name", WATCHED)
def test_an_alarm_uses_no_metric_math_which_the_local_cloud_refuses(stack: Any, name: str) -> None:
    assert "Metrics" not in alarms(stack)[name]


@pytest.mark.parametrize("name", WATCHED)
def test_an_alarm_says_where_to_read_what_to_do_and_it_is_written_there(
    stack: Any, name: str
) -> None:
    pages = (PROJECT / "docs" / "operations.md").read_text()
    *_, heading = alarms(stack)[name]["AlarmDescription"].split(", ")
    chapter = pages.partition(f"### {heading.rstrip('.')}\n")[2].partition("\n### ")[0]
    assert chapter
    assert heading == f"{name}." or f"`{name}`" in chapter


@pytest.mark.parametrize("name", WATCHED)
def test_an_alarm_says_how_to_see_what_is_wrong(stack: Any, name: str) -> None:
    assert "homing console --stack Homing. " in alarms(stack)[name]["AlarmDescription"]


def test_every_record_that_could_not_be_written_raises_the_alarm_on_failed_tries(
    stack: Any,
) -> None:
    """All tries of one record fall into at most two periods, so one period has at least half."""
    states = json.loads((PROJECT / "statemachine" / "delivery.asl.json").read_text())["States"]
    for name in ("RecordDelivered", "RecordFailure"):
        (retry,) = [r for r in states[name]["Retry"] if r["ErrorEquals"] == ["States.ALL"]]
        tries = 1 + retry["MaxAttempts"]
        longest = sum(
            retry["IntervalSeconds"] * retry["BackoffRate"] ** n
            for n in range(retry["MaxAttempts"])
        )
        alarm = alarms(stack)["LedgerTriesFailed"]
        assert longest < alarm["Period"]
        assert alarm["Threshold"] <= -(-tries // 2)


def test_cloudwatch_of_this_account_may_publish_to_the_topic_and_plain_http_may_not(
    stack: Any,
) -> None:
    """A topic with its own policy lacks the default policy, which lets CloudWatch publish."""
    policy = stack.properties(TOPIC_POLICY, "Alarms/Topic/Policy")["PolicyDocument"]
    deny, allow = sorted(policy["Statement"], key=lambda one: one["Effect"] == "Allow")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_topic_has_subscribers_only_where_an_address_is_given(
    synthesize: Callable[..., Any],
) -> None:
    def subscribers(stack: Any) -> list[tuple[str, str]]:
        of_any_topic = stack.resources("AWS::SNS::Subscription").values()
        found = [one["Properties"] for one in of_any_topic]
        ours = [one for one in found if stack.referred(one["TopicArn"]) == "Alarms/Topic"]
        return [(one["Protocol"], one["Endpoint"]) for one in ours]

    assert subscribers(synthesize()) == []
    assert subscribers(synthesize(**TUNED)) == [("email", "ops@example.com")]

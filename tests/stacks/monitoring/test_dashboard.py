"""The dashboard, which a person opens after an alarm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[3]


def widgets(stack: Any) -> list[dict[str, Any]]:
    """The dashboard's widgets, with construct paths instead of names that AWS assigns."""
    (board,) = stack.resources("AWS::CloudWatch::Dashboard").values()
    body: dict[str, Any] = json.loads(stack.referred(board["Properties"]["DashboardBody"]))
    return [widget["properties"] for widget in body["widgets"]]


def figures(stack: Any) -> set[tuple[str, str]]:
    """The (metric, statistic) pairs that the dashboard shows."""
    return {(line[1], line[-1].get("stat", "Average")) for line in lines(stack) if len(line) > 1}


def lines(stack: Any) -> list[list[Any]]:
    """The lines of all graphs; a line with a single member is a formula."""
    return [line for widget in widgets(stack) for line in widget.get("metrics", [])]


@pytest.mark.parametrize(
    ("metric", "statistic"),
    [
        ("MessageAccepted", "Sum"),
        ("MessageDuplicate", "Sum"),
        ("MessageUnmatched", "Sum"),
        ("MessageRejected", "Sum"),
        ("AcceptanceFailed", "Sum"),
        ("DispatchFailed", "Sum"),
        ("Count", "SampleCount"),
        ("5xx", "Sum"),
        ("UrlRequestCount", "Sum"),
        ("Url4xxCount", "Sum"),
        ("Url5xxCount", "Sum"),
        ("UrlRequestLatency", "Maximum"),
        ("AttemptMade", "Sum"),
        ("Delivered", "Sum"),
        ("RetryScheduled", "Sum"),
        ("DeliveryFailed", "Sum"),
        ("AttemptLatency", "p50"),
        ("AttemptLatency", "p90"),
        ("AttemptLatency", "p99"),
        ("LedgerWriteFailed", "Sum"),
        ("LedgerTryFailed", "Sum"),
        ("ExecutionBroken", "Sum"),
        ("ExecutionsStarted", "Sum"),
        ("ExecutionsFailed", "Sum"),
        ("ApproximateNumberOfMessagesVisible", "Maximum"),
        ("ApproximateAgeOfOldestMessage", "Maximum"),
        ("ConsumedWriteCapacityUnits", "Sum"),
    ],
)
def test_the_dashboard_shows_it(stack: Any, metric: str, statistic: str) -> None:
    assert (metric, statistic) in figures(stack)


def test_the_dashboard_shows_errors_and_throttles_of_every_function(stack: Any) -> None:
    functions = set(stack.resources("AWS::Lambda::Function"))
    for metric in ("Errors", "Throttles"):
        shown = [line[3] for line in lines(stack) if line[:2] == ["AWS/Lambda", metric]]
        assert sorted(shown) == sorted(functions)


@pytest.mark.parametrize(
    ("title", "api"),
    [("API under IAM", "Reception/Api"), ("API of senders with keys", "Senders/Api")],
)
def test_the_dashboard_shows_what_happens_at_each_api(stack: Any, title: str, api: str) -> None:
    (widget,) = [each for each in widgets(stack) if each.get("title") == title]
    shown = {(line[1], line[line.index("ApiId") + 1]) for line in widget["metrics"]}
    assert shown == {(metric, api) for metric in ("Count", "4xx", "5xx", "Latency")}


def test_the_dashboard_does_without_a_url_that_is_not_there(
    synthesize: Callable[..., Any],
) -> None:
    titles = {each.get("title") for each in widgets(synthesize(messagesUrl="false"))}
    assert "Messages at the function URL" not in titles
    assert {"API under IAM", "API of senders with keys"} <= titles


def test_the_dashboard_shows_the_failures_of_every_workflow(stack: Any) -> None:
    shown = {line[3] for line in lines(stack) if line[1:2] == ["ExecutionsFailed"]}
    assert shown == set(stack.resources("AWS::StepFunctions::StateMachine"))


def test_the_dashboard_leads_with_the_state_of_every_alarm(stack: Any) -> None:
    assert set(widgets(stack)[0]["alarms"]) == set(stack.resources("AWS::CloudWatch::Alarm"))


def test_the_dashboard_says_how_to_see_what_is_wrong(stack: Any) -> None:
    assert widgets(stack)[1]["markdown"].endswith("`homing console --stack Homing`")


def test_every_metric_of_ours_that_is_shown_is_emitted_by_a_handler(stack: Any) -> None:
    shown = {line[1] for line in lines(stack) if line[0] == "Homing" and "service" in line}
    handlers = "".join(path.read_text() for path in (PROJECT / "lambdas").glob("*.py"))
    assert "AttemptMade" in shown
    assert [name for name in sorted(shown) if f'"{name}"' not in handlers] == []


def test_the_dashboard_shows_the_share_of_deliveries_that_ended_well(stack: Any) -> None:
    (formula,) = [line[0]["expression"] for line in lines(stack) if len(line) == 1]
    assert formula == "100 * delivered / (delivered + failed)"


def test_the_dashboard_shows_how_deep_retries_go_from_the_logs_of_attempts(stack: Any) -> None:
    (query,) = [widget["query"] for widget in widgets(stack) if "query" in widget]
    assert "count(*) as attempts by attempt, decision" in query
    assert "Workflow/ClassifyLogs" in query
    assert "Workflow/ComputeBackoffLogs" in query

"""The saved queries of Logs Insights: each reads the log groups with the data that it needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from homing_cli.local.deployment import LOCAL_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[3]
NAMES = {
    "Homing/One message, attempt by attempt",
    "Homing/What failed for good",
    "Homing/Which endpoints fail most",
    "Homing/Which endpoints are slow",
    "Homing/How deep retries go",
    "Homing/Everything about one message",
    "Homing/Errors of our own",
    "Homing/Attempts missing from the ledger",
}
BROKEN = "Homing/Broken executions"
# The fields that Logs Insights and the logger add themselves.
BUILT_IN = {"timestamp", "message", "log", "level", "exception"}


def queries(stack: Any) -> dict[str, dict[str, Any]]:
    found = stack.resources("AWS::Logs::QueryDefinition").values()
    return {query["Properties"]["Name"]: query["Properties"] for query in found}


def test_the_usual_questions_are_saved_in_a_folder_of_the_stack(stack: Any) -> None:
    assert queries(stack).keys() == NAMES | {BROKEN}


def test_a_stage_has_a_folder_of_its_own(synthesize: Callable[..., Any]) -> None:
    names = queries(synthesize(stage="test"))
    assert {name.split("/")[0] for name in names} == {"Homing-test"}


def test_the_local_cloud_does_without(synthesize: Callable[..., Any]) -> None:
    assert queries(synthesize(**LOCAL_CONTEXT)) == {}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_query_asks_for_fields_that_are_logged(stack: Any, name: str) -> None:
    text = queries(stack)[name]["QueryString"]
    bare = re.sub(r"'[^']*'|/[^/]*/|as \w+|\w+\(|\*", " ", text)
    words = set(re.findall(r"\b[a-z][A-Za-z]+\b", bare))
    commands = {
        "fields",
        "filter",
        "stats",
        "sort",
        "limit",
        "by",
        "asc",
        "desc",
        "in",
        "like",
        "or",
    }
    named = set(re.findall(r"as (\w+)", text))
    logged = "".join(path.read_text() for path in (PROJECT / "lambdas").glob("*.py"))
    unknown = {
        word for word in words - commands - named - BUILT_IN if not re.search(rf"\b{word}=", logged)
    }
    assert unknown == set()


def test_attempts_are_asked_where_attempts_are_logged(stack: Any) -> None:
    groups = queries(stack)["Homing/What failed for good"]["LogGroupNames"]
    assert {stack.referred(group) for group in groups} == {
        "Workflow/ClassifyLogs",
        "Workflow/ComputeBackoffLogs",
    }


@pytest.mark.parametrize("name", ["Everything about one message", "Errors of our own"])
def test_what_may_be_anywhere_is_asked_of_every_function(stack: Any, name: str) -> None:
    asked = [stack.referred(group) for group in queries(stack)[f"Homing/{name}"]["LogGroupNames"]]
    functions = stack.resources("AWS::Lambda::Function")
    assert sorted(asked) == sorted(f"{path}Logs" for path in functions)


def test_broken_executions_are_those_that_the_alarm_counts(stack: Any) -> None:
    """The query reads Step Functions' own events in the log that both workflows share."""
    query = queries(stack)[BROKEN]
    assert [stack.referred(group) for group in query["LogGroupNames"]] == ["Workflow/Logs"]
    counted = stack.properties("AWS::Logs::MetricFilter", "Workflow/ExecutionBroken")
    events = re.compile(r"Execution\w+")
    asked, filtered = query["QueryString"], counted["FilterPattern"]
    assert set(events.findall(asked)) == set(events.findall(filtered))
    for end in ("'FAILED'", "'MAX_RETRIES_EXCEEDED'"):
        assert end in query["QueryString"]
        assert end.replace("'", '"') in counted["FilterPattern"]

"""Homing as a construct in another project's stack, without the feature flags of our app."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from homing.stack_outputs import homing_outputs
from stacks import HomingSettings
from stacks.settings import InvalidSettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTION, ALARM = "AWS::Lambda::Function", "AWS::CloudWatch::Alarm"
NAMES = {"Webhooks": "Homing/Shop/Webhooks", "Partners/Webhooks": "Homing/Shop/Partners/Webhooks"}


def policy_of(stack: Any, role: str) -> list[dict[str, Any]]:
    (policy,) = (
        one
        for one in stack.resources("AWS::IAM::Policy").values()
        if role in [stack.referred(each) for each in one["Properties"]["Roles"]]
    )
    statements: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    return statements


def kinds(stack: Any, inside: str = "") -> Counter[str]:
    return Counter(
        one["Type"]
        for name, one in stack.template["Resources"].items()
        if stack.path_of(name).startswith(inside)
    )


def test_each_of_two_homings_has_everything_that_a_stack_of_its_own_has(
    stack: Any, synthesize: Callable[..., Any], theirs: Any
) -> None:
    without_url = synthesize(messagesUrl="false")
    assert kinds(theirs, "Webhooks/") == kinds(stack)
    assert kinds(theirs, "Partners/Webhooks/") == kinds(without_url)


@pytest.mark.parametrize(("path", "name"), NAMES.items())
def test_its_metrics_queries_and_log_groups_are_told_apart_by_its_path(
    theirs: Any, path: str, name: str
) -> None:
    variables = theirs.properties(FUNCTION, f"{path}/Workflow/Deliver")["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == name
    queries = theirs.resources("AWS::Logs::QueryDefinition").items()
    of_this = [one["Properties"]["Name"] for at, one in queries if at.startswith(f"{path}/")]
    assert of_this
    assert all(each.startswith(f"{name}/") for each in of_this)
    log_group = theirs.properties("AWS::Logs::LogGroup", f"{path}/Workflow/Logs")
    assert json.dumps(log_group["LogGroupName"]).count(f"/aws/vendedlogs/states/{name}-") == 1


@pytest.mark.parametrize("construct", ["Webhooks", "Partners/Webhooks", "PartnersWebhooks"])
def test_the_command_line_finds_each_by_its_path(theirs: Any, construct: str) -> None:
    values = {name: one["Value"] for name, one in theirs.template["Outputs"].items()}
    found = homing_outputs(values, construct)
    path = "Webhooks" if construct == "Webhooks" else "Partners/Webhooks"
    assert theirs.referred(found["LedgerTable"]) == f"{path}/Ledger/Deliveries"
    assert theirs.referred(found["ApiUrl"]) == f"{path}/Reception/Api"
    assert theirs.referred(found["SenderApiUrl"]) == f"{path}/Senders/Api"
    assert ("MessagesUrl" in found) == (path == "Webhooks")


def test_who_may_send_may_call_the_function_url_and_nothing_else(theirs: Any) -> None:
    statements = policy_of(theirs, "Checkout")
    accept = "Webhooks/Reception/Accept"
    assert [(one["Action"], theirs.referred(one["Resource"])) for one in statements] == [
        ("lambda:InvokeFunctionUrl", accept),
        ("lambda:InvokeFunction", accept),
    ]
    assert [one["Condition"] for one in statements] == [
        {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}},
        {"Bool": {"lambda:InvokedViaFunctionUrl": True}},
    ]


def test_without_a_function_url_who_may_send_may_call_the_two_routes_of_the_api(
    theirs: Any,
) -> None:
    (statement,) = policy_of(theirs, "Partner")
    assert statement["Action"] == "execute-api:Invoke"
    for resource, path in zip(statement["Resource"], ["", "/batch"], strict=True):
        on = theirs.referred(resource)
        assert on.endswith(f"Partners/Webhooks/Reception/Api/*/POST/v1/messages{path}")


def test_the_url_to_send_to_is_the_function_url_or_else_the_api(theirs: Any) -> None:
    urls = {name: one["Value"] for name, one in theirs.template["Outputs"].items()}
    exported = {name: urls for name, urls in urls.items() if "Export" in name}
    assert {theirs.referred(each) for each in exported.values()} == {
        "Webhooks/Reception/Accept/FunctionUrl",
        "Partners/Webhooks/Reception/Api",
    }


@pytest.mark.parametrize(
    ("alarm", "metric", "where"),
    [
        ("delivered", "Delivered", "Homing/Shop/Webhooks"),
        ("attempt_duration", "AttemptLatency", "Homing/Shop/Webhooks"),
        ("dead_lettered", "NumberOfMessagesSent", "AWS/SQS"),
    ],
)
def test_metrics_can_be_watched_by_their_own_alarms(
    theirs: Any, alarm: str, metric: str, where: str
) -> None:
    properties = theirs.properties(ALARM, f"Checkout-{alarm}")
    assert (properties["MetricName"], properties["Namespace"]) == (metric, where)
    assert properties["Period"] == 60


def test_settings_are_given_by_their_names_in_python() -> None:
    settings = HomingSettings(max_attempts=8, schedule="5,300")
    assert (settings.policy.max_attempts, settings.policy.waits) == (8, (5, 300))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"max_attempts": 0}, "max_attempts: 0 is not valid; use 1 to 20"),
        ({"max_attemps": 5}, "max_attemps: no such setting; did you mean max_attempts?"),
        ({"maxAttempts": 5}, "maxAttempts: no such setting; did you mean max_attempts?"),
        ({"stage": "test"}, "stage: no such setting"),
        (
            {"base_delay_seconds": 9, "max_delay_seconds": 8},
            "max_delay_seconds: 8 is not valid; use base_delay_seconds to 31536000 (a year)",
        ),
        (
            {"preset": "standard-webhooks", "schedule": "5"},
            "preset: cannot be combined with schedule; give one of them",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_that_name_with_what_it_may_be(
    given: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        HomingSettings(**given)
    (line,) = str(refused.value).splitlines()[1:]
    assert line.removeprefix("  ").partition(" (default")[0] == problem


@pytest.mark.parametrize("by", [{"logLevel": "DEBUG"}, {"logLevel": "DEBUG", "maxAttempts": "8"}])
def test_the_context_overrides_settings_that_python_gives(by: dict[str, Any]) -> None:
    settings = HomingSettings(log_level="ERROR", max_attempts=8).overridden(by)
    assert settings == HomingSettings(log_level="DEBUG", max_attempts=8)


def test_an_override_that_cannot_be_used_is_named_as_in_the_context() -> None:
    with pytest.raises(InvalidSettingsError, match="did you mean maxAttempts"):
        HomingSettings().overridden({"max_attempts": 8})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("found", "complaint"),
    [("{", "homing:settings is not valid JSON"), ("[]", "is not a JSON object of settings")],
)
def test_overrides_that_are_no_object_are_refused_at_synth(found: str, complaint: str) -> None:
    from aws_cdk import App, Stack  # noqa: PLC0415 -- starts Node

    from stacks import Homing  # noqa: PLC0415 -- as above

    stack = Stack(App(context={"homing:settings": found}), "Shop")
    with pytest.raises(InvalidSettingsError, match=complaint):
        Homing(stack, "Webhooks")

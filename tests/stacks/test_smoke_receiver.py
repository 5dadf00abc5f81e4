"""The receiver of `homing smoke`: public, and without permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROLE, LOGS = "Smoke/SmokeReceiverRole", "Smoke/SmokeReceiverLogs"
FUNCTION, STAGE, ROUTE = (
    "AWS::Lambda::Function",
    "AWS::ApiGatewayV2::Stage",
    "AWS::ApiGatewayV2::Route",
)


@pytest.fixture
def smoke(synthesize: Callable[..., Any]) -> Any:
    return synthesize(smokeEndpoint="true")


def test_without_the_setting_there_is_none(stack: Any) -> None:
    assert "SmokeUrl" not in stack.template["Outputs"]
    assert not any("Smoke" in name for name in stack.template["Resources"])


def test_with_it_nothing_else_in_the_stack_differs(stack: Any, smoke: Any) -> None:
    other = {name: one for name, one in smoke.template["Resources"].items() if "Smoke" not in name}
    assert other == stack.template["Resources"]
    assert smoke.template["Outputs"].keys() - stack.template["Outputs"].keys() == {"SmokeUrl"}


def test_its_function_may_write_its_log_and_nothing_else(smoke: Any) -> None:
    assert smoke.properties(FUNCTION, "Smoke/SmokeReceiver")["Handler"] == (
        "lambdas.smoke_receiver.handler"
    )
    statements = [
        (str(statement["Action"]), smoke.referred(statement["Resource"]))
        for policy in smoke.resources("AWS::IAM::Policy").values()
        if [smoke.referred(role) for role in policy["Properties"]["Roles"]] == [ROLE]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    assert {where for action, where in statements if "logs:" in action} == {LOGS}
    assert all("logs:" in action or "xray:" in action for action, _ in statements)


def test_it_is_reached_by_one_open_route_at_a_low_rate(smoke: Any) -> None:
    (route,) = [
        route["Properties"]
        for route in smoke.resources(ROUTE).values()
        if smoke.referred(route["Properties"]["ApiId"]) == "Smoke/Api"
    ]
    assert (route["RouteKey"], route["AuthorizationType"]) == ("POST /smoke", "NONE")
    stage = smoke.properties(STAGE, "Smoke/Stage")
    assert stage["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 2}
    assert "AccessLogSettings" in stage


def test_its_url_is_no_host_that_homing_refuses(smoke: Any) -> None:
    """The stack's other APIs are still refused."""
    value = smoke.template["Outputs"]["SmokeUrl"]["Value"]
    variables = smoke.properties(FUNCTION, "Workflow/Deliver")["Environment"]["Variables"]
    assert "Smoke/Api" in smoke.referred(value)
    assert "Smoke/Api" not in smoke.referred(variables["OWN_HOSTS"])
    assert "Reception/Api" in smoke.referred(variables["OWN_HOSTS"])

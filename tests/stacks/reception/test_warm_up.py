"""The topic by which a cold `accept` wakes the functions that its message reaches last."""

from __future__ import annotations

from typing import Any

import pytest

TOPIC = "Reception/WarmUp/Topic"
WOKEN = ["Workflow/Deliver", "Workflow/Classify"]


def about(stack: Any, kind: str, function: str, name: str = "FunctionName") -> dict[str, Any]:
    """Return the one resource of this type that refers to the function."""
    found = [one["Properties"] for one in stack.resources(kind).values()]
    (only,) = [one for one in found if stack.referred(one.get(name)) == function]
    return only


@pytest.mark.parametrize("function", WOKEN)
def test_the_topic_and_no_other_invokes_the_function(stack: Any, function: str) -> None:
    subscription = about(stack, "AWS::SNS::Subscription", function, "Endpoint")
    assert subscription["Protocol"] == "lambda"
    assert stack.referred(subscription["TopicArn"]) == TOPIC
    allowed = about(stack, "AWS::Lambda::Permission", function)
    assert (allowed["Principal"], allowed["Action"]) == (
        "sns.amazonaws.com",
        "lambda:InvokeFunction",
    )
    assert stack.referred(allowed["SourceArn"]) == TOPIC


@pytest.mark.parametrize("function", WOKEN)
def test_an_invocation_by_the_topic_is_not_repeated(stack: Any, function: str) -> None:
    config = about(stack, "AWS::Lambda::EventInvokeConfig", function)
    assert config["MaximumRetryAttempts"] == 0
    assert config["MaximumEventAgeInSeconds"] == 60  # the least that Lambda takes


def test_the_topic_refuses_plain_http(stack: Any) -> None:
    policy = stack.properties("AWS::SNS::TopicPolicy", f"{TOPIC}/Policy")["PolicyDocument"]
    (deny,) = policy["Statement"]
    assert deny["Effect"] == "Deny"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

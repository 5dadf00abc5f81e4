"""Warm-up on the local cloud: the topic invokes the functions of the workflow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homing_cli.client.target import Target

WOKEN = ("deliver", "classify")
LIMIT_SECONDS = 30


def functions(cloud: Target) -> dict[str, dict[str, Any]]:
    """Return the deployed functions by their module."""
    pages = cloud.client("lambda").get_paginator("list_functions").paginate()
    return {one["Handler"].split(".")[1]: one for page in pages for one in page["Functions"]}


def lines(cloud: Target, function: dict[str, Any]) -> list[str]:
    """Return all log lines of a function."""
    group = function["LoggingConfig"]["LogGroup"]
    pages = cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return [event["message"] for page in pages for event in page["events"]]


def ended(found: list[str]) -> int:
    return sum(line.startswith("END") for line in found)


def test_a_notification_invokes_deliver_and_classify_and_they_log_nothing(cloud: Target) -> None:
    found = functions(cloud)
    topic = found["accept"]["Environment"]["Variables"]["WARM_UP_TOPIC_ARN"]
    sns = cloud.client("sns")
    subscribed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert {one["Endpoint"] for one in subscribed} == {found[name]["FunctionArn"] for name in WOKEN}
    before = {name: lines(cloud, found[name]) for name in WOKEN}
    sns.publish(TopicArn=topic, Message="warm-up")
    end = time.monotonic() + LIMIT_SECONDS
    for name in WOKEN:
        while ended(lines(cloud, found[name])) == ended(before[name]):
            assert time.monotonic() < end, f"{name} was not invoked"
            time.sleep(0.05)
        # A retry of an earlier test may have invoked the function as well. `Deliver` logs only what
        # fails, and `Classify` last attempts.
        new = lines(cloud, found[name])[len(before[name]) :]
        assert {line.split()[0] for line in new if not line.startswith("{")} <= {
            "START",
            "END",
            "REPORT",
        }

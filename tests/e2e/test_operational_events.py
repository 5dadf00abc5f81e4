"""Operational events on the local cloud: failures and recoveries reach a queue by a rule."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from homing_cli.local.faulty_cloud import FaultyCloud, faulty_cloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import BusEvents, KeyApi, Settle

    from homing_cli.client.target import Target
    from homing_cli.receiver.server import Receiver

# Long, for a busy machine, and since the emulator polls queues and streams in one thread.
MARGIN_SECONDS = 3
FAST = {"baseDelaySeconds": 0, "maxDelaySeconds": 0, "jitter": "none"}


@pytest.mark.slow
def test_what_fails_and_recovers_reaches_a_rule_and_what_is_delivered_at_once_does_not(
    enter: Callable[[str], KeyApi], receiver: Receiver, settle: Settle, bus_events: BusEvents
) -> None:
    shop = enter("ops")
    scripts = {"fine": "200", "once": "503,200", "late": "503,503,200", "gone": "400"}
    for name, script in scripts.items():
        url = f"{receiver.url}/script/{script}/{name}"
        shop("PUT", f"/v1/endpoints/{name}", {"url": url, "policy": FAST})
        body = {"endpointId": name, "messageId": name, "payload": {}, "eventType": "order.paid"}
        assert shop("POST", "/v1/messages", body)[0] == 202
    quiet = {"endpointId": "gone", "messageId": "quiet", "payload": {}, "eventType": "homing.x"}
    assert shop("POST", "/v1/messages", quiet)[0] == 202
    for name in (*scripts, "quiet"):
        settle(shop, name)
    expected = {
        ("Delivery Failing", "late"),
        ("Delivery Recovered", "late"),
        ("Delivery Failed", "gone"),
    }
    found = bus_events(expected)
    assert found.keys() == expected
    failed = found["Delivery Failed", "gone"]
    assert (failed["endpointId"], failed["eventType"]) == ("gone", "order.paid")
    assert (failed["status"], failed["reason"]) == ("FAILED", "HTTP 400")
    assert found["Delivery Recovered", "late"]["attempts"] == 3


@pytest.fixture
def bus(cloud: Target) -> Iterator[FaultyCloud]:
    """Have the function for operational events call the event bus through a faulty cloud."""
    functions = cloud.client("lambda")
    (function,) = [
        found
        for page in functions.get_paginator("list_functions").paginate()
        for found in page["Functions"]
        if found["Handler"] == "lambdas.operational_events.handler"
    ]
    variables = function["Environment"]["Variables"]

    def configure(**more: str) -> None:
        functions.update_function_configuration(
            FunctionName=function["FunctionName"], Environment={"Variables": {**variables, **more}}
        )

    assert cloud.endpoint
    assert cloud.key
    with faulty_cloud(cloud.endpoint, cloud.key) as faulty:
        configure(AWS_ENDPOINT_URL_EVENTBRIDGE=faulty.endpoint)
        yield faulty
        configure()


def counted(cloud: Target, metric: str) -> int:
    """Return the sum of a metric that the function for operational events has recorded."""
    logs = cloud.client("logs")
    groups = logs.describe_log_groups()["logGroups"]
    (group,) = [each["logGroupName"] for each in groups if "OperationalEvents" in str(each)]
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    lines = [event["message"] for page in pages for event in page["events"]]
    return sum(sum(json.loads(line).get(metric, [])) for line in lines if line.startswith("{"))


def test_a_bus_that_refuses_delays_no_delivery_is_counted_and_gets_the_events_later(
    cloud: Target,
    enter: Callable[[str], KeyApi],
    receiver: Receiver,
    settle: Settle,
    bus_events: BusEvents,
    bus: FaultyCloud,
) -> None:
    shop = enter("bus")
    scripts = {"fine": "200", "late": "503,503,200", "gone": "400"}
    for name, script in scripts.items():
        url = f"{receiver.url}/script/{script}/{name}"
        shop("PUT", f"/v1/endpoints/{name}", {"url": url, "policy": FAST})

    def seconds_of(when: str) -> dict[str, float]:
        """Send one message after the other; return how long each took until it ended."""
        seconds = {}
        for name in scripts:
            body: Any = {"endpointId": name, "messageId": f"{name}-{when}", "payload": {}}
            before = time.monotonic()
            assert shop("POST", "/v1/messages", body)[0] == 202
            assert settle(shop, f"{name}-{when}")["attempts"] == len(script_of(name))
            seconds[name] = time.monotonic() - before
        return seconds

    def script_of(name: str) -> list[str]:
        return scripts[name].split(",")

    seconds_of("warm")
    usual = seconds_of("before")
    refused = counted(cloud, "OperationalEventRefused")
    bus.refuse("PutEvents", 10_000, error="ThrottlingException")
    beside = seconds_of("meanwhile")
    for name, took in beside.items():
        assert took < usual[name] + MARGIN_SECONDS, name
    deadline = time.monotonic() + 30
    while counted(cloud, "OperationalEventRefused") == refused and time.monotonic() < deadline:
        time.sleep(0.5)
    assert counted(cloud, "OperationalEventRefused") > refused
    late = {
        ("Delivery Failing", "late-meanwhile"),
        ("Delivery Recovered", "late-meanwhile"),
        ("Delivery Failed", "gone-meanwhile"),
    }
    bus.refuse("PutEvents", 0, error="ThrottlingException")
    assert late <= bus_events(late).keys()

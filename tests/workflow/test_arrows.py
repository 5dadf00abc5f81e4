"""Every arrow of the delivery workflow is taken on the local cloud and found in a history."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.delivery import Delivery

DEFINITION: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "statemachine" / "delivery.asl.json").read_text()
)

NOWHERE = "arn-less-table-that-is-not-there"
ATTEMPT = ("WaitUntilDue", "Deliver", "Classify", "WhatNext")
UNJUDGED = ("WaitUntilDue", "Deliver", "Classify!", "WhatNext")
RETRY = (*ATTEMPT, "ComputeBackoff", "RecordRetry")
DEAD_LETTERED = ("DeadLetter", "ListFailure", "DeliveryFailed")
NOT_ON_RECORD = ("DeadLetter", "ListFailure!", "DeliveryFailed")
NOON = "2025-12-28T12:00:00.000Z"
ANOTHERS: dict[str, Any] = {
    "attempts": {"N": "1"},
    "ttl": {"N": "4102444800"},
    "retryHistory": {
        "L": [
            {
                "M": {
                    "attemptNumber": {"N": "0"},
                    "errorCategory": {"S": "GONE"},
                    "errorDetails": {"M": {"message": {"S": "HTTP 410"}}},
                    "exponentialDelay": {"N": "1"},
                    "jitterApplied": {"N": "0"},
                }
            }
        ]
    },
}


@dataclass(frozen=True)
class Scenario:
    """A delivery, what is broken on its way, and the states that it must pass.

    Args:
        script: the script of the receiver.
        path: the states, with `!` after one that is left by a Catch.
        status: the ledger status at the end; None for no record.
        broken: the states whose function raises, or whose table is missing; with `claim`, attempts
            are made without a claim, as while the ledger is down, with `first claim` only the
            first.
        unread: the states whose arguments cannot be evaluated.
        recorded: the status that another execution has recorded for attempt 0.
        recorded_by: the name of that execution; None for the express path.
        max_attempts: the limit of attempts in the policy.
        crowded: whether the endpoint allows one concurrent attempt and has one for six seconds;
            however often the delivery is postponed until then, `path` contains that once.
    """

    script: str
    path: tuple[str, ...]
    status: str | None
    broken: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    recorded: str | None = None
    recorded_by: str | None = None
    max_attempts: int = 3
    crowded: bool = False


SCENARIOS = {
    "delivered at once": Scenario("200", (*ATTEMPT, "RecordDelivered"), "DELIVERED"),
    "delivered at the third attempt": Scenario(
        "503,503,200", (*RETRY, *RETRY, *ATTEMPT, "RecordDelivered"), "DELIVERED"
    ),
    "postponed, since the endpoint has no room": Scenario(
        "200", (*ATTEMPT, *ATTEMPT, "RecordDelivered"), "DELIVERED", crowded=True
    ),
    "not worth another attempt": Scenario(
        "410", (*ATTEMPT, "RecordFailure", *DEAD_LETTERED), "FAILED"
    ),
    "limit reached": Scenario(
        "500",
        (*RETRY, *RETRY, *ATTEMPT, "RecordFailure", *DEAD_LETTERED),
        "MAX_RETRIES_EXCEEDED",
    ),
    "deliver breaks": Scenario(
        "200",
        ("WaitUntilDue", "Deliver!", "Classify", "WhatNext", "RecordFailure", *DEAD_LETTERED),
        "MAX_RETRIES_EXCEEDED",
        broken=("Deliver",),
        max_attempts=1,
    ),
    "classify breaks": Scenario(
        "500", (*UNJUDGED, "RecordFailure", *DEAD_LETTERED), "FAILED", broken=("Classify",)
    ),
    "classify breaks, but a 2xx is a 2xx": Scenario(
        "200", (*UNJUDGED, "RecordDelivered"), "DELIVERED", broken=("Classify",)
    ),
    "classify breaks, though there is nothing to judge": Scenario(
        "200",
        (*UNJUDGED, "Superseded"),
        "CANCELLED",
        broken=("Classify",),
        recorded="CANCELLED",
    ),
    "classify breaks while the endpoint has no room": Scenario(
        "500",
        (*UNJUDGED, *UNJUDGED, "RecordFailure", *DEAD_LETTERED),
        "FAILED",
        broken=("Classify",),
        crowded=True,
    ),
    "compute backoff breaks": Scenario(
        "500",
        (*ATTEMPT, "ComputeBackoff!", "RecordFailure", *DEAD_LETTERED),
        "FAILED",
        broken=("ComputeBackoff",),
    ),
    "record retry breaks": Scenario(
        "500,200",
        (
            *(*ATTEMPT, "ComputeBackoff", "RecordRetry!"),
            *(*ATTEMPT, "RecordDelivered"),
        ),
        "DELIVERED",
        broken=("RecordRetry",),
    ),
    "ended while it slept": Scenario(
        "200", (*ATTEMPT, "Superseded"), "CANCELLED", recorded="CANCELLED"
    ),
    "another worker recorded the retry": Scenario(
        "500",
        (*RETRY, *ATTEMPT, "Superseded"),
        "RETRY_SCHEDULED",
        broken=("first claim",),
        recorded="RETRY_SCHEDULED",
        recorded_by="another",
    ),
    "another worker recorded the delivery": Scenario(
        "200",
        (*ATTEMPT, "RecordDelivered!", "Delivered"),
        "DELIVERED",
        broken=("claim",),
        recorded="DELIVERED",
    ),
    "delivered while the ledger is down": Scenario(
        "200",
        (*ATTEMPT, "RecordDelivered!", "Delivered"),
        "QUEUED",
        broken=("claim", "RecordDelivered"),
    ),
    "our own failure had been recorded before": Scenario(
        "410",
        (*ATTEMPT, "RecordFailure!", "ReadRecord", "RecordedByUs", *DEAD_LETTERED),
        "FAILED",
        recorded="FAILED",
        broken=("claim",),
    ),
    "another worker delivered what failed here": Scenario(
        "410",
        (*ATTEMPT, "RecordFailure!", "ReadRecord", "RecordedByUs", "Superseded"),
        "DELIVERED",
        recorded="DELIVERED",
        broken=("claim",),
    ),
    "failed while the ledger is down": Scenario(
        "410",
        (*ATTEMPT, "RecordFailure!", *NOT_ON_RECORD),
        "QUEUED",
        broken=("claim", "RecordFailure"),
    ),
    "a retry cannot be evaluated": Scenario(
        "500,200",
        (
            *(*ATTEMPT, "ComputeBackoff", "RecordRetry!"),
            *(*ATTEMPT, "RecordDelivered"),
        ),
        "DELIVERED",
        unread=("RecordRetry",),
    ),
    "the record of a delivery cannot be evaluated": Scenario(
        "200",
        (*ATTEMPT, "RecordDelivered!", "Delivered"),
        "QUEUED",
        unread=("RecordDelivered",),
    ),
    "the record of a failure cannot be evaluated": Scenario(
        "410",
        (*ATTEMPT, "RecordFailure!", *NOT_ON_RECORD),
        "QUEUED",
        unread=("RecordFailure",),
    ),
    "the record cannot be read": Scenario(
        "410",
        (*ATTEMPT, "RecordFailure!", "ReadRecord!", "RecordedByUs", *NOT_ON_RECORD),
        "DELIVERED",
        broken=("claim", "ReadRecord"),
        recorded="DELIVERED",
    ),
}


def arrows(path: tuple[str, ...]) -> set[tuple[str, str]]:
    """Return the arrows of a path, without the mark of a Catch at their ends."""
    return {(source, target.rstrip("!")) for source, target in pairwise(path)}


def arrows_of_definition() -> set[tuple[str, str]]:
    found = set()
    for name, state in DEFINITION["States"].items():
        found |= {(name, state[arrow]) for arrow in ("Next", "Default") if arrow in state}
        found |= {(name, choice["Next"]) for choice in state.get("Choices", [])}
        found |= {(f"{name}!", catch["Next"]) for catch in state.get("Catch", [])}
    return found


def test_the_scenarios_take_every_arrow_of_the_definition() -> None:
    taken = set().union(*(arrows(scenario.path) for scenario in SCENARIOS.values()))
    assert taken == arrows_of_definition()


def told_once(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path with only one of its postponements."""
    while path[: 3 * len(ATTEMPT)] == 3 * path[: len(ATTEMPT)]:
        path = path[len(ATTEMPT) :]
    return path


def leave_out_claim(deliver: dict[str, Any], *, only_first: bool) -> None:
    payload = deliver["Arguments"]["Payload"]
    claim = payload.pop("claim")
    if only_first:
        more = "$states.input.attemptNumber > 0 ? {'claim': " + constructed(claim) + "} : {}"
        made = "{% $merge([" + constructed(payload) + ", " + more + "]) %}"
        deliver["Arguments"]["Payload"] = made


def constructed(template: dict[str, str]) -> str:
    """Return a template of expressions as one expression."""
    members = (f"'{name}': {value.strip('{% }')}" for name, value in template.items())
    return "{" + ", ".join(members) + "}"


def breaking(scenario: Scenario, broken_function: str) -> Callable[[dict[str, Any]], None]:
    def change(states: dict[str, Any]) -> None:
        for name in scenario.broken:
            if name.endswith("claim"):
                leave_out_claim(states["Deliver"], only_first=name == "first claim")
                continue
            arguments = states[name]["Arguments"]
            if "FunctionName" in arguments:
                arguments["FunctionName"] = broken_function
            else:
                arguments["TableName"] = NOWHERE
                states[name]["Retry"] = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}]
        for name in scenario.unread:
            arguments = states[name]["Arguments"]
            (resource,) = arguments.keys() & {"FunctionName", "TableName"}
            arguments[resource] = "{% $states.input.nothing %}"

    return change


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_delivery_takes_the_way_it_should(
    bench: Any, deliver_to: Callable[..., Delivery], name: str
) -> None:
    scenario = SCENARIOS[name]
    delivery = deliver_to(scenario.script, scenario.max_attempts)
    if scenario.crowded:
        delivery = bench.crowded(delivery, timedelta(seconds=6))
    if scenario.recorded:
        bench.put_record(
            delivery.reference,
            status={"S": scenario.recorded},
            createdAt={"S": delivery.reference.created_at},
            lastUpdatedAt={"S": NOON},
            **ANOTHERS,
            **({"nextRetryAt": {"S": NOON}} if scenario.recorded == "RETRY_SCHEDULED" else {}),
            **({"executionName": {"S": scenario.recorded_by}} if scenario.recorded_by else {}),
        )
    run = bench.run(delivery, breaking(scenario, bench.broken_function))
    assert (told_once(run.path) if scenario.crowded else run.path) == scenario.path
    assert run.status == ("FAILED" if scenario.path[-1] == "DeliveryFailed" else "SUCCEEDED")
    assert (run.record and run.record["status"]) == scenario.status
    assert len(run.dead_letters) == scenario.path.count("DeadLetter")
    for dead in run.dead_letters:
        assert dead["request"] == delivery.to_document()["request"]


@pytest.mark.parametrize(
    ("script", "status", "attempts", "category", "exceeded"),
    [
        ("204", "DELIVERED", 1, "SUCCESS", None),
        ("410", "FAILED", 1, "GONE", False),
        ("500", "MAX_RETRIES_EXCEEDED", 3, "SERVER_ERROR", True),
    ],
)
def test_a_terminal_record_is_the_full_account(
    bench: Any,
    deliver_to: Callable[..., Delivery],
    script: str,
    status: str,
    attempts: int,
    category: str,
    exceeded: bool | None,
) -> None:
    delivery = deliver_to(script)
    record = bench.run(delivery).record
    history = record.pop("retryHistory")
    last = history[-1]
    reference = delivery.reference.to_document()
    expected = {
        **{name: reference[name] for name in reference if name != "deliveryId"},
        "endpointId": None,
        "eventType": None,
        "status": status,
        "attempts": attempts,
        "lastUpdatedAt": last["timestamp"],
        "generation": 0,
        "executionName": delivery.reference.delivery_id,
        "claimedAttempt": attempts - 1,
    }
    if exceeded is None:
        expected["deliveredAt"] = last["timestamp"]
    else:
        expected["maxRetriesExceeded"] = exceeded
        partition = f"{status}#{delivery.reference.delivery_id[0]}"
        expected["attention"] = partition
        expected["senderAttention"] = f"{delivery.reference.sender_id}#{partition}"
        expected["cause"] = {"category": category, "reason": last["errorDetails"]["message"]}
        expected["attentionAt"] = last["timestamp"]
    if exceeded:
        expected["maxRetriesExceededAt"] = last["timestamp"]
    assert record.pop("ttl") >= delivery.expires_at or attempts > 1
    assert record == expected
    assert [entry["attemptNumber"] for entry in history] == list(range(attempts))
    assert last == {
        "attemptNumber": attempts - 1,
        "timestamp": last["timestamp"],
        "errorCategory": category,
        "errorDetails": {"message": f"HTTP {script}"},
        "responseTime": last["responseTime"],
        "httpStatus": int(script),
        "correlationId": "trace-7",
    }

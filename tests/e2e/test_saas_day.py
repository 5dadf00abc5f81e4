"""A day in the life of a SaaS platform: three tenants, twelve endpoints, 500 events in batches."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Homing, KeyApi

    from homing_cli.client.target import Target
    from homing_cli.receiver.server import Receiver

    Event = dict[str, Any]

TYPES = ("order.paid", "order.sent.late", "cart.left", "user.added")
BATCH = 50
SETTLED = {"DELIVERED", "FAILED"}


@dataclass(frozen=True)
class Wants:
    """The subscription of an endpoint, and a function that says which events it covers.

    Args:
        settings: the endpoint's `eventTypes` and `filter`.
        gets: returns whether the endpoint should get an event.
    """

    settings: dict[str, Any]
    gets: Callable[[Event], bool]


def total(event: Event) -> int:
    return int(event["payload"]["total"])


BIG = {"payload": {"total": [{"numeric": [">=", 90]}]}}
WANTS = {
    "acme": {
        "paid": Wants({"eventTypes": ["order.paid"]}, lambda e: e["eventType"] == "order.paid"),
        "big": Wants({"eventTypes": ["*"], "filter": BIG}, lambda e: total(e) >= 90),
        "off": Wants({"eventTypes": ["user.*"]}, lambda e: e["eventType"] == "user.added"),
        "mute": Wants({}, lambda _: False),
    },
    "bolt": {
        "moved": Wants({"eventTypes": ["order.*"]}, lambda e: e["eventType"].startswith("order.")),
        # A mistake of the sender, who means `total`: the filter is valid but matches nothing.
        "wrong": Wants(
            {"eventTypes": ["*"], "filter": {"payload": {"totals": [{"exists": True}]}}},
            lambda _: False,
        ),
        "carts": Wants({"eventTypes": ["cart.left"]}, lambda e: e["eventType"] == "cart.left"),
        "exact": Wants({"eventTypes": ["order.sent"]}, lambda _: False),
    },
    "crux": {
        "eu": Wants(
            {"eventTypes": ["*"], "filter": {"payload": {"region": [{"prefix": "eu-"}]}}},
            lambda e: e["payload"]["region"].startswith("eu-"),
        ),
        "either": Wants(
            {
                "eventTypes": ["cart.*", "user.*"],
                "filter": {"payload": {"$or": [{"total": [7]}, {"region": ["us-1"]}]}},
            },
            lambda e: (
                e["eventType"] in {"cart.left", "user.added"}
                and (total(e) == 7 or e["payload"]["region"] == "us-1")
            ),
        ),
        "late": Wants(
            {"eventTypes": ["order.sent.*"], "filter": {"eventType": [{"suffix": ".late"}]}},
            lambda e: e["eventType"] == "order.sent.late",
        ),
        "none": Wants(
            {"eventTypes": ["*"], "filter": {"senderId": [{"prefix": "acme"}]}}, lambda _: False
        ),
    },
}
COUNTS = {"acme": 200, "bolt": 200, "crux": 100}


def events_of(tenant: str) -> list[Event]:
    return [
        {
            "messageId": f"{tenant}-{number}",
            "eventType": TYPES[number % len(TYPES)],
            "payload": {"total": number * 7 % 101, "region": ("eu-1", "us-1")[number // 5 % 2]},
        }
        for number in range(COUNTS[tenant])
    ]


def expected(tenant: str, events: list[Event]) -> set[tuple[str, str]]:
    """Return the deliveries that there should be, as (endpoint, message)."""
    return {
        (name, event["messageId"])
        for event in events
        for name, wants in WANTS[tenant].items()
        if wants.gets(event)
    }


def send(tenant: KeyApi, events: list[Event]) -> set[tuple[str, str]]:
    """Send events in batches; return the deliveries that the responses name."""
    named = set()
    for start in range(0, len(events), BATCH):
        batch = events[start : start + BATCH]
        status, answer = tenant("POST", "/v1/messages/batch", {"messages": batch})
        assert status == 200
        assert {each["status"] for each in answer["results"]} == {202}
        named |= {
            (delivery["endpointId"], each["message"]["messageId"])
            for each in answer["results"]
            for delivery in each["message"]["deliveries"]
        }
    return named


def statuses(cloud: Target, run_id: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the ledger status of each delivery of this test's tenants."""
    pages = (
        cloud.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=cloud.outputs["LedgerTable"],
            FilterExpression="contains(senderId, :run)",
            ExpressionAttributeValues={":run": {"S": run_id}},
        )
    )
    for page in pages:
        for item in page["Items"]:
            yield (item["endpointId"]["S"], item["messageId"]["S"]), item["status"]["S"]


def settled(cloud: Target, run_id: str, deliveries: int) -> dict[tuple[str, str], str]:
    """Wait until this many deliveries have ended, and return the status of each."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found = dict(statuses(cloud, run_id))
        if sum(status in SETTLED for status in found.values()) >= deliveries:
            return found
        time.sleep(0.5)
    raise AssertionError(f"{deliveries} deliveries have not ended: {Counter(found.values())}")


@pytest.mark.slow
def test_every_event_of_a_day_is_where_it_should_be_and_nowhere_else(
    enter: Callable[[str], KeyApi],
    receiver: Receiver,
    cloud: Target,
    homing: Homing,
    forget: Callable[[], None],
    run_id: str,
) -> None:
    tenants = {name: enter(name) for name in WANTS}
    for tenant, endpoints in WANTS.items():
        for name, wants in endpoints.items():
            body = {"url": f"{receiver.url}/{tenant}/{name}", **wants.settings}
            assert tenants[tenant]("PUT", f"/v1/endpoints/{name}", body)[0] == 201
    assert tenants["acme"]("PATCH", "/v1/endpoints/off", {"enabled": False})[0] == 200

    day = {tenant: events_of(tenant) for tenant in WANTS}
    assert sum(map(len, day.values())) == 500
    morning = {tenant: events[: len(events) // 2] for tenant, events in day.items()}
    evening = {tenant: events[len(events) // 2 :] for tenant, events in day.items()}

    due = 0
    for tenant, events in morning.items():
        assert send(tenants[tenant], events) == expected(tenant, events)
        due += len(expected(tenant, events))
    settled(cloud, run_id, due)
    moved = {"url": f"{receiver.url}/bolt/moved-to"}
    assert tenants["bolt"]("PATCH", "/v1/endpoints/moved", moved)[0] == 200
    forget()
    for tenant, events in evening.items():
        assert send(tenants[tenant], events) == expected(tenant, events)
        due += len(expected(tenant, events))
    found = settled(cloud, run_id, due)

    every = {pair for tenant, events in day.items() for pair in expected(tenant, events)}
    assert found.keys() == every
    assert all((status == "FAILED") == (name == "off") for (name, _), status in found.items())

    arrived = {(each.path, each.message_id) for each in receiver.arrivals}
    where = {
        (f"/{tenant}/{name}{'-to' if name == 'moved' and later else ''}", message)
        for later, half in enumerate((morning, evening))
        for tenant, events in half.items()
        for name, message in expected(tenant, events)
        if name != "off"
    }
    assert arrived == where

    for tenant, endpoints in WANTS.items():
        for event in day[tenant][: len(TYPES)]:
            done = homing(
                *("endpoints", "match", "--sender", f"{tenant}-{run_id}", "--json"),
                *("--event-type", event["eventType"]),
                *("--payload", json.dumps(event["payload"])),
            )
            assert done.exit_code == 0, done.stderr
            told = {each["endpointId"]: each for each in json.loads(done.stdout)["endpoints"]}
            assert told.keys() == endpoints.keys()
            for name, wants in endpoints.items():
                assert told[name]["matches"] is wants.gets(event), (tenant, name, event)
                assert bool(told[name].get("mismatches")) is not wants.gets(event)

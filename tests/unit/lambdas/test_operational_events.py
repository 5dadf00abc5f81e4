"""The function `operational_events`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import DependencyError
from homing.items import to_dynamodb
from homing.operational_events.bus import EventBus
from lambdas import operational_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.delivery import Delivery

    Logged = Callable[[], list[dict[str, Any]]]

NOON = "2025-12-28T12:00:00.000Z"


class Bus:
    """An EventBridge client that accepts all events, or none."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.is_broken = False

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 -- boto3's
        if self.is_broken:
            refused = [{"ErrorCode": "InternalFailure"} for _ in Entries]
            return {"FailedEntryCount": len(Entries), "Entries": refused}
        self.told += [(each["DetailType"], json.loads(each["Detail"])) for each in Entries]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in Entries]}


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    bus = Bus()
    monkeypatch.setenv("LEDGER_TABLE", "ledger")
    monkeypatch.setenv("ENDPOINTS_TABLE", "endpoints")
    monkeypatch.setenv("DELIVERED_EVENTS", "false")
    operational_events._settings.cache_clear()  # the test starts with a new container
    monkeypatch.setattr(operational_events, "_bus", lambda: EventBus(bus))
    return bus


def changed(table: str, before: Any, after: Any) -> dict[str, Any]:
    images = {"OldImage": before, "NewImage": after}
    return {
        "eventSourceARN": f"arn:aws:dynamodb:us-east-1:123456789012:table/{table}/stream/2025",
        "dynamodb": {name: to_dynamodb(each)["M"] for name, each in images.items() if each},
    }


@pytest.fixture
def failed(delivery: Delivery) -> dict[str, Any]:
    entry = {
        "timestamp": NOON,
        "errorCategory": "GONE",
        "errorDetails": {"message": "HTTP 410"},
    }
    record = delivery.reference.to_document() | {
        "status": "FAILED",
        "attempts": 1,
        "lastUpdatedAt": NOON,
        "ttl": 0,
        "retryHistory": [entry],
    }
    return changed("ledger", None, record)


@pytest.fixture
def disabled() -> dict[str, Any]:
    before = {
        "pk": "shop",
        "sk": "orders",
        "url": "https://example.com/",
        "description": "",
        "policy": {},
        "headerNames": [],
        "signing": "v1",
        "createdAt": NOON,
        "updatedAt": NOON,
        "enabled": True,
        "version": 1,
    }
    after = before | {"enabled": False, "disabledAt": NOON, "disabledReason": "410 Gone"}
    return changed("endpoints", before, after)


def test_changes_of_both_tables_reach_the_bus_and_are_logged(
    bus: Bus, failed: dict[str, Any], disabled: dict[str, Any], logged: Logged
) -> None:
    operational_events.handler({"Records": [failed, disabled]}, None)
    assert [kind for kind, _ in bus.told] == ["Delivery Failed", "Endpoint Disabled"]
    assert bus.told[0][1]["reason"] == "HTTP 410"
    (line,) = logged()
    assert line["message"] == "events.put"
    assert line["kinds"] == {"Delivery Failed": 1, "Endpoint Disabled": 1}


def test_changes_that_mean_nothing_make_no_call_and_no_line(
    bus: Bus, failed: dict[str, Any], logged: Logged
) -> None:
    known = {**failed["dynamodb"], "OldImage": failed["dynamodb"]["NewImage"]}
    operational_events.handler({"Records": [{**failed, "dynamodb": known}]}, None)
    assert (bus.told, logged()) == ([], [])


def test_what_the_bus_refuses_is_counted_and_comes_again(
    bus: Bus, failed: dict[str, Any], disabled: dict[str, Any], logged: Logged
) -> None:
    """Lambda retries a batch if the function raises."""
    bus.is_broken = True
    with pytest.raises(DependencyError, match="InternalFailure"):
        operational_events.handler({"Records": [failed, disabled]}, None)
    (line,) = logged()
    assert (line["message"], line["level"]) == ("events.refused", "ERROR")
    assert line["OperationalEventRefused"] == [2.0]
    bus.is_broken = False
    operational_events.handler({"Records": [failed, disabled]}, None)
    assert len(bus.told) == 2


@pytest.mark.parametrize(
    ("endpoint_id", "key", "ordering", "blocked"),
    [
        ("orders", "k", "block", True),
        ("orders", "k", "skip", False),
        ("orders", None, "block", False),
        (None, "k", "block", False),
        ("deleted", "k", "block", False),
    ],
)
def test_a_failure_that_blocks_its_line_is_another_event(
    bus: Bus,
    delivery: Delivery,
    failed: dict[str, Any],
    disabled: dict[str, Any],
    registry: Any,
    monkeypatch: pytest.MonkeyPatch,
    endpoint_id: str | None,
    key: str | None,
    ordering: str,
    *,
    blocked: bool,
) -> None:
    monkeypatch.setattr(
        operational_events, "_endpoints", lambda: EndpointsTable("endpoints", registry)
    )
    endpoint = disabled["dynamodb"]["OldImage"]
    changed = {"pk": {"S": delivery.reference.sender_id}, "ordering": {"S": ordering}}
    registry.put_item(TableName="endpoints", Item={**endpoint, **changed})
    image = failed["dynamodb"]["NewImage"]
    image["endpointId"] = to_dynamodb(endpoint_id)
    if key is not None:
        image["line"] = {"S": f"7#{key}"}
    operational_events.handler({"Records": [failed]}, None)
    kinds = [kind for kind, _ in bus.told]
    assert kinds == ["Delivery Failed", *(["Ordering Blocked"] if blocked else [])]
    place = {} if key is None else {"orderingKey": key, "sequence": 7}
    for _, detail in bus.told:
        assert {
            name: detail[name] for name in ("orderingKey", "sequence") if name in detail
        } == place

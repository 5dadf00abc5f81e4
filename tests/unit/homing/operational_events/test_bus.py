"""What is put on the event bus, and how a refusal by the bus is reported."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from homing.errors import DependencyError
from homing.operational_events.bus import EventBus
from homing.operational_events.event import Kind, OperationalEvent

NOON = "2025-12-28T12:00:00.000Z"


class Bus:
    """An EventBridge client that keeps all entries, or refuses the entry with one number."""

    def __init__(self, refuses: int | None = None, error: Exception | None = None) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self._refuses = refuses
        self._error = error

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 -- boto3's
        if self._error:
            raise self._error
        self.calls.append(Entries)
        numbers = [json.loads(each["Detail"])["number"] for each in Entries]
        answers = [
            {"ErrorCode": "ThrottlingException"} if number == self._refuses else {"EventId": "e"}
            for number in numbers
        ]
        refused = sum("ErrorCode" in each for each in answers)
        return {"FailedEntryCount": refused, "Entries": answers}


def events(count: int) -> list[OperationalEvent]:
    return [OperationalEvent(Kind.DELIVERY_FAILED, NOON, {"number": n}) for n in range(count)]


def test_events_are_put_ten_in_a_call_with_the_time_of_what_they_tell() -> None:
    bus = Bus()
    EventBus(bus).put(events(21))
    assert [len(call) for call in bus.calls] == [10, 10, 1]
    assert bus.calls[2] == [
        {
            "Source": "homing",
            "DetailType": "Delivery Failed",
            "Time": datetime(2025, 12, 28, 12, tzinfo=UTC),
            "Detail": '{"number": 20}',
        }
    ]


def test_no_events_make_no_call() -> None:
    bus = Bus()
    EventBus(bus).put([])
    assert bus.calls == []


@pytest.mark.parametrize(
    ("bus", "words"),
    [
        (Bus(refuses=12), "refused 1: ThrottlingException"),
        (Bus(error=EndpointConnectionError(endpoint_url="https://events")), "EndpointConnection"),
    ],
)
def test_a_bus_that_refuses_or_does_not_answer_is_an_error(bus: Bus, words: str) -> None:
    with pytest.raises(DependencyError, match=words):
        EventBus(bus).put(events(21))

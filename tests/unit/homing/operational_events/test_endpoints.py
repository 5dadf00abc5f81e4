"""An endpoint that Homing disables causes an event; one that a person disables does not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ministack.services.lambda_svc import _match_esm_filter

from homing.endpoints.endpoint import Endpoint
from homing.items import to_dynamodb
from homing.operational_events.endpoints import ENDPOINT_PATTERNS, endpoint_events
from homing.operational_events.event import Change
from homing.routing.operators import read_json
from homing.routing.pattern import compile_pattern

NOON, LATER = "2025-12-28T12:00:00.000Z", "2025-12-28T13:00:00.000Z"
ENDPOINT = Endpoint("shop", "orders", "https://example.com/", NOON, NOON)
FAILING = replace(ENDPOINT, failing_since=NOON)
GONE = replace(
    FAILING, enabled=False, disabled_at=LATER, disabled_reason="it answered 410 Gone", version=2
)
OFF = replace(ENDPOINT, enabled=False, version=2)


def record(before: Endpoint | None, after: Endpoint | None) -> dict[str, Any]:
    images = {
        name: to_dynamodb(endpoint.to_item())["M"]
        for name, endpoint in (("OldImage", before), ("NewImage", after))
        if endpoint
    }
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/endpoints/stream/2025"
    return {"eventSourceARN": arn, "dynamodb": images}


@pytest.mark.parametrize("before", [ENDPOINT, FAILING])
def test_an_endpoint_that_is_disabled_makes_an_event(before: Endpoint) -> None:
    (event,) = endpoint_events(Change.from_record(record(before, GONE)))
    assert (event.kind, event.at) == ("Endpoint Disabled", LATER)
    assert event.detail == {
        "senderId": "shop",
        "endpointId": "orders",
        "url": "https://example.com/",
        "reason": "it answered 410 Gone",
        "failingSince": NOON,
        "disabledAt": LATER,
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ENDPOINT),
        (None, GONE),
        (ENDPOINT, FAILING),
        (FAILING, ENDPOINT),
        (ENDPOINT, OFF),
        (GONE, replace(GONE, description="still off", version=3)),
        (GONE, ENDPOINT),
        (GONE, None),
    ],
)
def test_no_other_change_of_an_endpoint_makes_one_or_invokes_the_function(
    before: Endpoint | None, after: Endpoint | None
) -> None:
    changed = record(before, after)
    assert endpoint_events(Change.from_record(changed)) == []
    assert not passes(changed)


def test_the_change_that_makes_an_event_passes_the_filter() -> None:
    assert passes(record(FAILING, GONE))


def passes(changed: dict[str, Any]) -> bool:
    """Return whether Lambda passes a record to the function, by our matcher and the emulator's."""
    (pattern,) = ENDPOINT_PATTERNS
    ours = compile_pattern(json.dumps(pattern)).matches(read_json(json.dumps(changed)))
    assert ours == _match_esm_filter(changed, pattern)
    return ours

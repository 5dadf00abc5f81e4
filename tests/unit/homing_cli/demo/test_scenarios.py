"""The demo reports every difference from the expected results, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homing import timestamps
from homing_cli.client.deliveries import DeliveryView
from homing_cli.client.messages import Handed, Line, MessageRef
from homing_cli.demo.scenarios import Scenario, Seen, complaints

NOON = datetime(2025, 12, 28, 12, tzinfo=UTC)
SCENARIO = Scenario("limited", "429, then 200", "/x", "DELIVERED", ("RATE_LIMITED", "SUCCESS"))


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def entry(category: str, took: int = 5, following: float | None = None) -> dict[str, Any]:
    promised = (
        {} if following is None else {"nextRetryTimestamp": timestamps.to_text(after(following))}
    )
    return {"errorCategory": category, "responseTime": took, **promised}


def delivery(status: str, *entries: dict[str, Any]) -> DeliveryView:
    identity = dict.fromkeys(("messageId", "senderId", "timestamp", "targetUrl"), "x")
    more = {"correlationId": "x", "createdAt": "x", "status": status, "retryHistory": list(entries)}
    return DeliveryView.from_document({**identity, **more})


def handed(*, duplicate: bool = False) -> Handed:
    return Handed(Line(1, b"{}"), MessageRef("m", "default"), duplicate=duplicate)


SEEN = Seen(
    scenario=SCENARIO,
    handed=[handed()],
    deliveries=[delivery("DELIVERED", entry("RATE_LIMITED", following=3.5), entry("SUCCESS"))],
    arrivals=[after(0), after(4)],
    dead_letters=0,
)


def test_what_went_as_it_should_is_not_complained_of() -> None:
    assert complaints(SEEN) == ()


SIGNED = replace(SEEN, scenario=replace(SCENARIO, signed=True), verified=[True, True])
REFUSED = Scenario("limited", "a private address", None, "REFUSED", ())
SEEN_REFUSED = Seen(
    scenario=REFUSED,
    handed=[Handed(Line(1, b"{}"), problems=("targetUrl: is not an allowed target",))],
    deliveries=[],
    arrivals=[],
    dead_letters=0,
)


@pytest.mark.parametrize("seen", [SIGNED, SEEN_REFUSED])
def test_a_signature_that_holds_and_a_refusal_are_as_they_should_be(seen: Seen) -> None:
    assert complaints(seen) == ()


@pytest.mark.parametrize(
    ("seen", "complaint"),
    [
        (
            replace(SIGNED, verified=[True, False]),
            "valid signatures: expected [True, True], found [True, False]",
        ),
        (
            replace(SIGNED, scenario=REFUSED, handed=[handed()]),
            "refused fields: expected ['targetUrl'], found []",
        ),
        (
            replace(SEEN, arrivals=[after(0), after(3.4)]),
            "request 2 came 0.1 s early",
        ),
        (
            replace(SEEN, due=after(1)),
            "request 1 came 1.0 s early",
        ),
        (
            replace(SEEN, arrivals=[after(1), after(3.5)]),
            "was retried after 2.5 s in spite of Retry-After",
        ),
        (
            replace(SEEN, arrivals=[after(0), after(4), after(5)]),
            "requests received: expected 2, found 3",
        ),
        (
            replace(SEEN, dead_letters=1),
            "dead letters: expected 0, found 1",
        ),
        (
            replace(SEEN, handed=[handed(duplicate=True)]),
            "known before: expected [False], found [True]",
        ),
        (
            replace(SEEN, deliveries=[delivery("QUEUED")]),
            "status: expected ['DELIVERED'], found ['QUEUED']",
        ),
        (
            replace(SEEN, deliveries=[delivery("DELIVERED", entry("SUCCESS"))]),
            "attempts: expected ['RATE_LIMITED', 'SUCCESS'], found ['SUCCESS']",
        ),
        (
            replace(SEEN, deliveries=SEEN.deliveries * 2),
            "status: expected ['DELIVERED'], found ['DELIVERED', 'DELIVERED']",
        ),
        (
            replace(SEEN, deliveries=[delivery("FAILED", entry("TIMEOUT", took=9000))]),
            "an attempt was cut after 9000 ms instead of 3000",
        ),
    ],
)
def test_what_differs_is_named(seen: Seen, complaint: str) -> None:
    assert f"limited: {complaint}" in complaints(seen)


def test_a_failure_must_have_one_dead_letter() -> None:
    scenario = Scenario("gone", "410", "/x", "FAILED", ("GONE",))
    seen = replace(
        SEEN, scenario=scenario, deliveries=[delivery("FAILED", entry("GONE"))], arrivals=[after(0)]
    )
    assert complaints(seen) == ("gone: dead letters: expected 1, found 0",)
    assert complaints(replace(seen, dead_letters=1)) == ()


def test_without_a_receiver_nothing_is_received() -> None:
    scenario = Scenario("refused", "nobody listens", None, "FAILED", ("NETWORK_ERROR",))
    assert scenario.requests == 0


def test_a_message_sent_twice_must_be_known_the_second_time() -> None:
    scenario = replace(SCENARIO, copies=2)
    seen = replace(SEEN, scenario=scenario, handed=[handed(), handed(duplicate=True)])
    assert complaints(seen) == ()
    assert complaints(replace(seen, handed=[handed(), handed()]))

"""The demo's messages, with waits that take their true time: none is early, none arrives twice."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from homing_cli.demo import runner
from homing_cli.demo.scenarios import REDRIVEN, SCENARIOS, Seen, complaints
from homing_cli.terminal import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from homing_cli.client.target import Target


@pytest.fixture(scope="module")
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def seen(
    cloud: Target,
    wait_scale: Callable[[float], AbstractContextManager[None]],
    shown: io.StringIO,
) -> dict[str, Seen]:
    with wait_scale(1):
        return {one.scenario.name: one for one in runner.run(cloud, render.console(shown))}


@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS])
def test_a_message_meets_its_scenario(seen: dict[str, Seen], name: str) -> None:
    assert complaints(seen[name]) == ()


def test_every_attempt_of_a_message_bears_the_same_id(seen: dict[str, Seen]) -> None:
    (delivery,) = seen["two-503s"].deliveries
    assert delivery.attempts == 3
    assert len(seen["two-503s"].arrivals) == 3  # the receiver counts by path and webhook-id


def test_a_dead_lettered_delivery_is_redriven_and_arrives_with_the_same_id(
    seen: dict[str, Seen], shown: io.StringIO
) -> None:
    back = seen[REDRIVEN.name]
    assert complaints(back) == ()
    (delivery,) = back.deliveries
    assert (delivery.status, len(back.arrivals), back.dead_letters) == ("DELIVERED", 4, 0)
    assert f"homing dead-letters redrive {delivery.reference.message_id}" in shown.getvalue()


def test_the_demo_shows_the_trace_and_the_dead_letters(
    seen: dict[str, Seen], shown: io.StringIO
) -> None:
    text = shown.getvalue()
    message_id = seen["two-503s"].deliveries[0].reference.message_id
    assert f"homing trace {message_id}" in text
    # Two attempts have failed. The first was made in the express path, so only the ledger has it,
    # unless functions started so slowly that the delivery was deferred.
    in_express_path = text.count("in the ledger: SERVER_ERROR")
    assert in_express_path in {0, 1}
    assert text.count("RecordRetry") == 2 - in_express_path
    for name in ("three-500s", "gone", "refused", "slow-drip"):
        dead_letter = seen[name].deliveries[0].reference.message_id
        assert any(dead_letter in line and "default" in line for line in text.splitlines())

"""The model of a cold start follows from processor times and memory."""

from __future__ import annotations

import pytest

from benchmarks.cold_model import (
    CALL_MS,
    CALLS,
    ENVIRONMENT_MS,
    FULL_MB,
    WAKE_MS,
    WOKEN,
    Cost,
    first_ms,
    share,
    started_ms,
    waits_ms,
)

COST = Cost(init=200, first=20, warm=2)


@pytest.mark.parametrize("memory_mb", [128, 512, FULL_MB])
def test_the_initialization_takes_as_long_whatever_the_memory(memory_mb: int) -> None:
    first = COST.first * FULL_MB / memory_mb + CALLS["Accept"] * CALL_MS
    assert started_ms("Accept", COST, memory_mb) == ENVIRONMENT_MS + COST.init + first


def test_more_than_one_processor_is_no_help() -> None:
    assert share(128) == 128 / FULL_MB
    assert share(FULL_MB) == share(2 * FULL_MB) == 1


MEMORY = dict.fromkeys(CALLS, FULL_MB)
QUICK = Cost(init=100, first=20, warm=2)
COSTS = dict.fromkeys(CALLS, COST) | dict.fromkeys(WOKEN, QUICK)


def test_a_message_does_not_wait_for_the_start_of_a_function_that_is_ready_before_it() -> None:
    waits = waits_ms(COSTS, MEMORY)
    for name, cost in COSTS.items():
        expected = first_ms if name in WOKEN else started_ms
        assert waits[name] == expected(name, cost, FULL_MB)


def test_a_message_waits_for_a_whole_start_if_a_woken_function_is_not_ready_in_time() -> None:
    dispatched = sum(started_ms(name, COST, FULL_MB) for name in ("Accept", "Dispatch"))
    in_time = dispatched - (ENVIRONMENT_MS + COST.init + WAKE_MS) - ENVIRONMENT_MS
    for late, expected in ((0, first_ms), (1, started_ms)):
        cost = QUICK._replace(init=in_time + late)
        waits = waits_ms(COSTS | {"Deliver": cost}, MEMORY)
        assert waits["Deliver"] == expected("Deliver", cost, FULL_MB)
        assert waits["Classify"] == first_ms("Classify", QUICK, FULL_MB)

"""The model of a cold start follows from processor times and memory."""

from __future__ import annotations

import pytest

from benchmarks.cold_model import (
    CALL_MS,
    CALLS,
    ENVIRONMENT_MS,
    FULL_MB,
    Cost,
    share,
    started_ms,
)

COST = Cost(init=200, first=20, warm=2)


@pytest.mark.parametrize("memory_mb", [128, 512, FULL_MB])
def test_the_initialization_takes_as_long_whatever_the_memory(memory_mb: int) -> None:
    first = COST.first * FULL_MB / memory_mb + CALLS["Accept"] * CALL_MS
    assert started_ms("Accept", COST, memory_mb) == ENVIRONMENT_MS + COST.init + first


def test_more_than_one_processor_is_no_help() -> None:
    assert share(128) == 128 / FULL_MB
    assert share(FULL_MB) == share(2 * FULL_MB) == 1

"""The model of two senders: the flood by one hardly delays the other."""

from __future__ import annotations

import pytest

from benchmarks.fairness_model import FLOOD_AT, SCHEMES, SECONDS, Run


@pytest.mark.slow
def test_the_p99_of_a_quick_sender_stays_within_twice_from_the_first_second_of_a_flood() -> None:
    as_built = SCHEMES[-1]
    assert as_built.bursts
    without = Run(as_built).go(with_flood=False).p99(FLOOD_AT, SECONDS)
    flooded = Run(as_built).go(with_flood=True)
    assert flooded.p99(FLOOD_AT, FLOOD_AT + 1) <= 2 * without
    assert flooded.p99(FLOOD_AT, SECONDS) <= 1.2 * without

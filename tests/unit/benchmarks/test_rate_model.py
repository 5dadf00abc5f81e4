"""The model of an endpoint with a rate limit, run for a few seconds."""

from __future__ import annotations

import pytest

from benchmarks.rate_model import SKEW, Model, run

RATE, SECONDS = 500.0, 2.0


@pytest.fixture(scope="module")
def model() -> Model:
    return run(RATE, SECONDS)


def test_fifty_containers_send_as_many_as_the_rate_allows_and_hardly_more(model: Model) -> None:
    """Clocks that differ and late requests cause what exceeds the rate; slots do not."""
    assert len(model.sent) == RATE * SECONDS * 1.3
    assert model.most_within(1) <= RATE * (1 + 2 * SKEW) + 0.02 * RATE


def test_an_attempt_is_one_write_and_few_are_refused(model: Model) -> None:
    assert model.dynamodb.writes <= 1.2 * len(model.sent)


def test_nothing_leaves_while_the_endpoint_is_paused(model: Model) -> None:
    assert model.paused[1] > model.paused[0]
    assert model.in_pause() == 0

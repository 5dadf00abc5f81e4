"""Which quota is reached first: rate times calls, or rate times seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from homing_cli.cost.model import Model, load_model
from tools.scale import (
    DEFAULT,
    RATES,
    SLOW,
    Load,
    binding,
    demands,
    dispatched_per_second,
    loads,
    quotas,
)

if TYPE_CHECKING:
    from homing_cli.cost.workload import Workload

OFF = replace(DEFAULT, express_path="off")


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("us-east-1")


def demand(model: Model, workload: Workload, name: str, rate: float = 1000) -> float:
    return demands(model.basis(workload), rate)[name]


def test_every_quota_is_asked_for_something_and_nothing_else_is(model: Model) -> None:
    assert set(demands(model.basis(DEFAULT), 1)) == set(quotas())


def test_demand_grows_with_the_rate(model: Model) -> None:
    for name in quotas():
        one, ten = (demand(model, DEFAULT, name, rate) for rate in (1, 10))
        assert ten == pytest.approx(10 * one)


def test_concurrency_is_rate_times_time(model: Model) -> None:
    """A message delivered at the first attempt takes 24 + 387/10 + 216 + 4 ms of functions."""
    at_once = replace(DEFAULT, failure_rate=0)
    seconds = (24 + 387 / 10 + 216 + 4) / 1000
    assert demand(model, at_once, "lambda.concurrency") == pytest.approx(1000 * seconds)
    assert demand(model, at_once, "dispatch.concurrency") == pytest.approx(1000 / 10 * 0.387)


def test_the_api_throttle_is_for_those_who_come_through_the_api(model: Model) -> None:
    assert demand(model, DEFAULT, "api.throttle") == 0
    assert demand(model, replace(DEFAULT, via="api"), "api.throttle") == pytest.approx(1000)


def test_the_function_that_is_invoked_most_reaches_its_limit_first(model: Model) -> None:
    """It is Deliver, once for each attempt."""
    assert demand(model, DEFAULT, "lambda.requests") == pytest.approx(1000 * (1 + 0.01 + 0.0001))


def test_off_the_express_path_every_message_is_a_standard_execution(model: Model) -> None:
    assert demand(model, OFF, "states.startStandard") == pytest.approx(1000)
    assert demand(model, replace(OFF, failure_rate=0), "states.transitions") == pytest.approx(6000)


def test_on_the_express_path_only_what_must_wait_is_one(model: Model) -> None:
    assert demand(model, DEFAULT, "states.startStandard") == pytest.approx(10)


def test_a_slow_endpoint_takes_concurrency_and_nothing_of_the_tables(model: Model) -> None:
    for name in ("lambda.concurrency", "sqs.inFlight"):
        assert demand(model, SLOW, name) > 20 * demand(model, DEFAULT, name)
    for name in ("dynamodb.ledger", "states.transitions", "sqs.send"):
        assert demand(model, SLOW, name) == demand(model, DEFAULT, name)


def test_of_slow_endpoints_the_dispatcher_waits_for_no_more_than_its_slow_threshold(
    model: Model,
) -> None:
    """A batch takes 1 s and its own 112 ms, and the latter again for detached messages."""
    slow = replace(SLOW, failure_rate=0)
    expected = 1000 / 10 * (1 + 2 * 0.112)
    assert demand(model, slow, "dispatch.concurrency") == pytest.approx(expected)


def test_binding_names_what_is_used_up_the_worst_first() -> None:
    quota = replace(next(iter(quotas().values())), limit=10)
    found = binding({name: Load(quota, n) for name, n in (("a", 5), ("b", 10), ("c", 30))})
    assert [load.demand for load in found] == [30, 10]


def test_nothing_binds_at_the_rates_that_the_page_says(model: Model) -> None:
    assert [bool(binding(loads(model, DEFAULT, rate))) for rate in RATES] == [
        False,
        False,
        True,
        True,
    ]


def test_slow_messages_take_of_the_dispatchers_throughput_what_slow_threshold_they_get(
    model: Model,
) -> None:
    """If all are slow, every other receive is of a detached message, which is settled quickly."""
    none, some, all_of_them = (dispatched_per_second(model, DEFAULT, n) for n in (0, 0.01, 1))
    assert 0.8 * none < some < none
    assert all_of_them == pytest.approx(10 * 10 / 1.112 / 2, rel=0.01)


def test_off_the_express_path_slow_endpoints_do_not_hold_the_dispatcher(model: Model) -> None:
    assert dispatched_per_second(model, OFF, 1) == dispatched_per_second(model, OFF, 0)

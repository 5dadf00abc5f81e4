"""What messages cost: every line is a quantity times a price."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from homing_cli.commands import cost
from homing_cli.cost.assumptions import Tracing
from homing_cli.cost.billing import (
    batch_fill,
    chunks,
    expected_longest,
    express_gb_seconds,
    traces,
)
from homing_cli.cost.counts import End
from homing_cli.cost.limits import limit_dollars, ordering_dollars
from homing_cli.cost.logs import LEVELS, log_dollars
from homing_cli.cost.model import PATHS, Model, by_service, load_model
from homing_cli.cost.prices import UnknownRegionError, alternatives, prices, regions
from homing_cli.cost.workload import MILLION, Workload, WorkloadError, expected_calls
from tools import doc_tables

if TYPE_CHECKING:
    from pathlib import Path

    from homing_cli.cost.bill import Line

AT_ONCE = Workload(failure_rate=0)


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("us-east-1")


def find(lines: list[Line], service: str, what: str) -> Line:
    return next(line for line in lines if (line.service, line.what) == (service, what))


# what is sent


@pytest.mark.parametrize("failure_rate", [0, 0.01, 0.5, 1])
@pytest.mark.parametrize("max_attempts", [1, 3, 20])
def test_every_message_ends_one_way_or_the_other(failure_rate: float, max_attempts: int) -> None:
    workload = Workload(failure_rate=failure_rate, max_attempts=max_attempts)
    assert math.isclose(sum(probability for probability, _, _ in workload.outcomes()), 1)


def test_the_failure_rate_is_of_attempts() -> None:
    outcomes = {
        (end, attempts): probability
        for probability, end, attempts in Workload(failure_rate=0.1).outcomes()
    }
    assert outcomes == pytest.approx(
        {
            (End.DELIVERED, 1): 0.9,
            (End.DELIVERED, 2): 0.09,
            (End.DELIVERED, 3): 0.009,
            (End.MAX_RETRIES_EXCEEDED, 3): 0.001,
        }
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("messages", 0),
        ("payload_bytes", -1),
        ("failure_rate", 1.01),
        ("max_attempts", 0),
        ("latency_ms", -1),
        ("express_path", "fast"),
        ("batch_size", 11),
        ("rate", 0),
        ("via", "window"),
    ],
)
def test_a_scenario_that_cannot_be_names_what_is_wrong(name: str, value: float | str) -> None:
    with pytest.raises(WorkloadError, match=f"{name} is out of range: {value}"):
        Workload(**{name: value})  # type: ignore[arg-type]


def test_expected_calls_are_the_counted_ones_weighted(model: Model) -> None:
    calls = expected_calls(model.counts["on"], Workload(failure_rate=0.1, batch_size=5))
    assert calls["lambda.Deliver"] == pytest.approx(1 + 0.1 + 0.01)
    assert calls["lambda.Dispatch"] == pytest.approx(1 / 5)


# the bill


@pytest.mark.parametrize(
    ("service", "what", "dollars"),
    [
        ("Lambda", "function URL, requests", 0.00),
        ("Lambda", "Deliver, requests", 0.20),
        # 200 ms for the endpoint and 16 of its own, at 160 MB; 1% cold starts of 440 ms
        ("Lambda", "Deliver, time", (0.216 + 0.0044) * 160 / 1024 * 13.3334),
        # the longest of ten executions (200 ms and three tasks), and 112 ms of its own
        ("Lambda", "Dispatch, time", (0.387 + 0.0044) / 4 * 13.3334 / 10),
        ("SQS", "deliveries, send", 0.50),
        ("SQS", "deliveries, receive", 0.05),
        ("DynamoDB", "writes", 1.25),
        ("DynamoDB", "reads", 0.125),
        ("Step Functions", "Express, requests", 1.00),
        # 275 ms, rounded up to 300, at 64 MB
        ("Step Functions", "Express, time", 0.3 / 16 * 16.67),
    ],
)
def test_a_million_messages_delivered_at_once_cost_on_the_express_path(
    model: Model, service: str, what: str, dollars: float
) -> None:
    assert find(model.bill(AT_ONCE), service, what).dollars == pytest.approx(dollars)


def test_at_the_function_url_there_is_no_api_to_pay_for(model: Model) -> None:
    """The HTTP API costs $1 a million requests, and makes no other difference."""
    at_url, at_api = (model.bill(replace(AT_ONCE, via=via)) for via in ("url", "api"))
    assert "API Gateway" not in by_service(at_url)
    assert find(at_url, "Lambda", "function URL, requests").quantity == MILLION
    assert find(at_api, "API Gateway", "requests").dollars == pytest.approx(1.00)
    without_via = [
        [line for line in lines if line.price_name not in {"api.requests", "url.requests"}]
        for lines in (at_url, at_api)
    ]
    assert without_via[0] == without_via[1]


def test_ten_in_a_request_share_what_accepts_them_and_what_sends_them(model: Model) -> None:
    at_url, together = (model.bill(replace(AT_ONCE, via=via)) for via in ("url", "batch"))
    for service, what in (("Lambda", "Accept, requests"), ("SQS", "deliveries, send")):
        assert find(at_url, service, what).quantity == MILLION
        assert find(together, service, what).quantity == MILLION / 10
    # 74 ms of its own for ten messages, at 512 MB; 1% cold starts of 710 ms
    time = (0.074 + 0.0071) / 2 * 13.3334 / 10
    assert find(together, "Lambda", "Accept, time").dollars == pytest.approx(time)
    shared = {"Accept, requests", "Accept, time", "deliveries, send", "function URL, requests"}
    others = [[line for line in lines if line.what not in shared] for lines in (at_url, together)]
    assert others[0] == others[1]


def test_ten_large_messages_in_a_request_are_billed_by_their_size(model: Model) -> None:
    """Ten payloads of 30 KB are 300 KB; with the rest of their documents, five chunks of 64 KB."""
    lines = model.bill(replace(AT_ONCE, via="batch", payload_bytes=30 * 1024))
    assert find(lines, "SQS", "deliveries, send").quantity == MILLION / 10 * 5


def test_operational_events_cost_nothing_where_nothing_fails_twice(model: Model) -> None:
    assert "EventBridge" not in by_service(model.bill(AT_ONCE))
    failing = model.bill(replace(AT_ONCE, failure_rate=1, max_attempts=3))
    assert find(failing, "EventBridge", "operational events").dollars == pytest.approx(2.00)
    assert find(failing, "Lambda", "OperationalEvents, requests").dollars == pytest.approx(0.60)


def test_by_the_ingest_queue_a_batch_shares_what_accepts_it_and_a_stack_costs_more(
    model: Model,
) -> None:
    at_url, by_queue = (model.bill(replace(AT_ONCE, via=via)) for via in ("url", "ingest"))
    batches = MILLION / AT_ONCE.batch_size
    assert find(by_queue, "SQS", "ingest, send").quantity == MILLION
    for what in ("ingest, receive", "ingest, delete"):
        assert find(by_queue, "SQS", what).quantity == pytest.approx(batches)
    assert find(by_queue, "Lambda", "Ingest, requests").quantity == pytest.approx(batches)
    used = {line.what for line in by_queue}
    assert not {"Accept, requests", "Accept, time", "function URL, requests"} & used
    assert not [line for line in at_url if "ngest" in line.what]
    fixed = [sum(line.dollars for line in model.monthly(via)) for via in ("url", "ingest")]
    assert fixed[1] - fixed[0] == pytest.approx(5 * 0.10 + 648_000 * 0.40 / MILLION)


def test_the_target_is_met_at_both_failure_rates(model: Model) -> None:
    """At most $7 per million at 1% failures and $15 at 5%, as the command prints it."""
    for rate, target in ((0.01, 7), (0.05, 15)):
        assert model.per_million(model.filled(Workload(failure_rate=rate))) <= target


def test_on_the_express_path_a_message_delivered_at_once_costs_no_transition(model: Model) -> None:
    assert "Standard, transitions" not in {line.what for line in model.bill(AT_ONCE)}


def test_off_the_express_path_it_costs_a_start_and_five_states(model: Model) -> None:
    lines = model.bill(replace(AT_ONCE, express_path="off"))
    assert find(lines, "Step Functions", "Standard, transitions").dollars == pytest.approx(150)
    assert "Express, requests" not in {line.what for line in lines}


@pytest.mark.parametrize("express_path", PATHS)
def test_every_line_is_its_quantity_times_its_price(model: Model, express_path: str) -> None:
    workload = Workload(express_path=express_path, failure_rate=0.05)
    lines = model.bill(workload)
    for line in lines:
        assert line.price == model.prices[line.price_name]
        assert line.dollars == pytest.approx(line.quantity * line.price.usd / line.price.per)
    total = sum(line.dollars for line in lines)
    assert model.per_million(workload) == pytest.approx(total)
    assert sum(by_service(lines).values()) == pytest.approx(total)


@pytest.mark.parametrize("express_path", PATHS)
def test_every_line_names_the_count_or_the_sizes_it_comes_from(
    model: Model, express_path: str
) -> None:
    workload = Workload(express_path=express_path)
    named = {*expected_calls(model.counts[express_path], workload), "idempotency record"}
    for line in model.bill(workload):
        assert any(name in line.source for name in named), line


def test_the_volume_changes_the_bill_and_not_the_price_per_million(model: Model) -> None:
    half = replace(AT_ONCE, messages=MILLION // 2)
    bills = [sum(line.dollars for line in model.bill(one)) for one in (half, AT_ONCE)]
    assert bills[0] == pytest.approx(bills[1] / 2)
    assert model.per_million(half) == pytest.approx(model.per_million(AT_ONCE))


def test_more_failures_cost_more_and_a_higher_limit_too(model: Model) -> None:
    costs = [model.per_million(Workload(failure_rate=rate)) for rate in (0, 0.01, 0.05, 0.5, 1)]
    assert costs == sorted(costs)
    limits = [model.per_million(Workload(failure_rate=0.5, max_attempts=n)) for n in (1, 3, 8, 20)]
    assert limits == sorted(limits)


@pytest.mark.parametrize(
    ("payload_bytes", "requests"), [(1024, 1), (64 * 1024 - 830, 1), (64 * 1024, 2), (200_000, 4)]
)
def test_sqs_bills_a_message_in_chunks_of_64_kb(
    model: Model, payload_bytes: int, requests: int
) -> None:
    lines = model.bill(replace(AT_ONCE, payload_bytes=payload_bytes))
    assert find(lines, "SQS", "deliveries, send").quantity == requests * MILLION


def test_a_lonely_message_pays_for_its_batch_alone(model: Model) -> None:
    full, alone = (model.bill(replace(AT_ONCE, batch_size=size)) for size in (10, 1))
    changed = {a.what for a, b in zip(full, alone, strict=True) if a.quantity != b.quantity}
    assert changed == {
        "Dispatch, requests",
        "Dispatch, time",
        "deliveries, receive",
        "deliveries, delete",
    }


def test_a_scenario_costs_what_its_counts_cost(model: Model) -> None:
    given_up = model.of_scenario(Workload(), End.FAILED, 1)
    assert model.of_scenario(Workload(), End.DELIVERED, 1) == pytest.approx(
        model.per_million(AT_ONCE)
    )
    # three write units to list it in both indexes, three for the dead letter, a dead letter;
    # an event and two invocations for it, 15 ms and 1% cold starts of 490 ms at 256 MB;
    # `dispatch` 50 ms longer, and one more of the steps of 100 ms in which Express is billed
    dispatched = 0.05 / 4 * 13.3334 / 10 + 0.1 / 16 * 16.67
    difference = given_up - model.per_million(AT_ONCE)
    told = 1 + 2 * (0.2 + (0.015 + 0.0049) / 4 * 13.3334)
    assert difference == pytest.approx(6 * 0.625 + 0.4 + dispatched + told)


def test_logs_cost_more_the_more_is_logged(model: Model) -> None:
    dollars = [log_dollars(model.basis(Workload()), level) for level in LEVELS]
    assert dollars == sorted(dollars)
    assert dollars[0] > 0


def test_limits_add_a_write_and_what_is_put_off_adds_the_states_in_which_it_waits(
    model: Model,
) -> None:
    added = limit_dollars(model, Workload())
    assert added["requests of a sender with a rate limit"] == pytest.approx(0.625)
    assert added["attempts at an endpoint with a rate limit"] == pytest.approx(0.625)
    # 160 MB of Deliver and 64 MB of the Express execution
    waiting = 160 / 1024 * 13.3334 + 64 / 1024 * 16.67
    assert added["seconds that attempts wait for a slot in Deliver"] == pytest.approx(waiting)
    assert 100 < added["later attempts that are postponed"] < 102
    retried = model.of_scenario(Workload(), End.DELIVERED, 2) - model.per_million(AT_ONCE)
    assert added["first attempts that are postponed, at most"] == pytest.approx(retried + 0.125)


# how AWS bills


def test_a_batch_is_done_when_its_slowest_member_is() -> None:
    times = [(0.9, 100.0), (0.1, 1000.0)]
    assert expected_longest(times, 1) == pytest.approx(190)
    assert expected_longest(times, 10) == pytest.approx(1000 - 900 * 0.9**10)


@pytest.mark.parametrize(("rate", "size"), [(0.1, 1), (20, 1), (50, 2.5), (200, 10), (5000, 10)])
def test_batches_fill_as_messages_wait_for_a_free_dispatcher(rate: float, size: float) -> None:
    assert batch_fill(rate, batch_ms=500, concurrency=10, limit=10) == pytest.approx(size)


@pytest.mark.parametrize(("ms", "rounded"), [(1, 100), (100, 100), (275, 300), (301, 400)])
def test_express_time_is_billed_in_steps(model: Model, ms: float, rounded: float) -> None:
    express = model.assumptions.express
    assert express_gb_seconds(express, ms) == pytest.approx(rounded / 1000 / 16)


@pytest.mark.parametrize(("size", "requests"), [(0, 1), (65_536, 1), (65_537, 2)])
def test_an_sqs_request_is_at_least_one(size: int, requests: int) -> None:
    assert chunks(size) == requests


def test_a_flood_is_traced_at_the_rate_and_a_trickle_almost_wholly() -> None:
    tracing = Tracing(("x",), reservoir_per_second=1, rate=0.05)
    assert traces(tracing, calls=1e6, seconds=1e3) == pytest.approx(0.05 * 1e6, rel=0.02)
    assert traces(tracing, calls=1e3, seconds=1e6) == pytest.approx(1e3, rel=0.001)
    assert traces(replace(tracing, reservoir_per_second=0), 1e3, 1e6) == pytest.approx(50)


# prices


def test_every_region_has_every_price_with_a_source_and_a_date() -> None:
    names = {frozenset(prices(region)) for region in regions()}
    assert len(names) == 1
    for region in regions():
        for name, price in prices(region).items():
            assert (price.usd > 0) == (name != "url.requests")  # the only free quantity
            assert price.source[-10:].count("-") == 2  # the source ends with a date


def test_there_are_at_least_three_regions_and_each_can_be_priced() -> None:
    assert {"us-east-1", "eu-west-1", "eu-central-1"} <= set(regions())
    for region in regions():
        assert load_model(region).per_million(Workload()) > 0


def test_an_unknown_region_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownRegionError, match="mars-1, only for us-east-1"):
        prices("mars-1")


def test_an_alternative_charges_what_exceeds_its_allowance() -> None:
    svix = next(one for one in alternatives() if one.name.startswith("Svix"))
    assert svix.dollars(50_000) == 0
    assert svix.dollars(MILLION) == pytest.approx(95)
    assert any(one.dollars(MILLION) is None for one in alternatives())


# the pages and the command


@pytest.mark.parametrize("page", doc_tables.PAGES)
def test_a_page_shows_the_tables_that_are_made_for_it(page: str) -> None:
    tables = doc_tables.PAGES[page]
    text = (doc_tables.DOCS / page).read_text()
    assert sorted(doc_tables.names(text)) == sorted(tables)
    assert doc_tables.refresh(text, tables) == text


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(cost.cost)
    return made


def test_the_command_prints_the_bill_and_its_total(app: typer.Typer, model: Model) -> None:
    result = CliRunner().invoke(app, ["--messages", "1000000", "--failure-rate", "0.01"])
    assert result.exit_code == 0, result.output
    total = model.per_million(model.filled(Workload()))
    assert f"per million: ${total:,.2f}" in result.output
    for name in ("standard.transitions", "Hookdeck", "dead-lettered"):
        assert name in result.output


@pytest.mark.parametrize(
    ("given", "header", "line"),
    [
        ([], "handed over at the function URL", "url.requests"),
        (["--via", "url"], "handed over at the function URL", "url.requests"),
        (["--via", "api"], "handed over at the HTTP API", "API Gateway"),
        (["--via", "ingest"], "handed over by the ingest queue", "sqs.ingest.send"),
    ],
)
def test_the_command_says_at_which_via_and_what_it_costs(
    app: typer.Typer, given: list[str], header: str, line: str
) -> None:
    output = CliRunner().invoke(app, given, terminal_width=400).output
    first, *bill = output.splitlines()
    assert header in " ".join([first, *bill[:3]])
    assert any(line in row for row in bill)
    assert ("API Gateway" in output) == (line == "API Gateway")


def test_a_via_that_there_is_not_is_refused_with_those_there_are(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--via", "window"])
    assert result.exit_code == 2
    assert "'url'" in result.output
    assert "'api'" in result.output


def test_the_json_adds_up(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--json", "--no-express-path", "--region", "eu-west-1"])
    document = json.loads(result.output)
    total = sum(line["dollars"] for line in document["lines"])
    assert total == pytest.approx(document["dollarsPerMillion"]["off"])
    assert document["dollarsPerMillion"]["on"] < document["dollarsPerMillion"]["off"]
    for line in document["lines"]:
        assert line["dollars"] == pytest.approx(line["quantity"] / line["per"] * line["unitPrice"])


@pytest.mark.slow
def test_a_plot_is_a_png(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "cost.png"
    result = CliRunner().invoke(app, ["--plot", str(file)])
    assert result.exit_code == 0, result.output
    assert file.read_bytes().startswith(b"\x89PNG")


def test_an_ordering_key_adds_what_was_counted_and_an_invocation_of_release() -> None:
    model = load_model("us-east-1")
    added = ordering_dollars(model)
    release = 0.20 + 0.05 / 4 * 13.3334
    for (name, dollars), reads in zip(added.items(), (5, 5), strict=True):
        assert "orderingKey" in name
        assert dollars == pytest.approx(3 * 0.625 + reads * 0.125 + release, rel=1e-4)

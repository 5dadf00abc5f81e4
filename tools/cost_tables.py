"""The generated tables in docs/cost.md, for the default workload unless a table says otherwise."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from homing_cli.cost.assumptions import load_assumptions
from homing_cli.cost.limits import limit_dollars, ordering_dollars
from homing_cli.cost.logs import LEVELS, log_dollars
from homing_cli.cost.model import PATHS, SCENARIOS, Model, by_service, load_model
from homing_cli.cost.prices import alternatives, prices, regions
from homing_cli.cost.workload import MILLION, Workload

if TYPE_CHECKING:
    from collections.abc import Callable

    Rows = list[list[str]]

HOME = "us-east-1"
_FAILURES = (0.0, 0.01, 0.05, 0.10)
_RATES = (0.4, 1, 10, 100, 300)
_LATENCIES_MS = (50, 200, 1_000, 5_000, 15_000)
_PAYLOADS = (1, 16, 64, 200)


@cache
def _model() -> Model:
    return load_model(HOME)


def _usd(dollars: float) -> str:
    return f"${dollars:,.2f}"


def _per_million(**changes: float | str) -> str:
    return _usd(_model().per_million(replace(Workload(), **changes)))  # type: ignore[arg-type]


def headline() -> Rows:
    """Return the cost of a million messages by region, failure rate and express path."""
    rows = [["region", "express path", *(f"{rate:.0%} fail" for rate in _FAILURES)]]
    for region in regions():
        model = load_model(region)
        for express_path in PATHS:
            scenarios = [
                Workload(failure_rate=rate, express_path=express_path) for rate in _FAILURES
            ]
            rows.append(
                [region, express_path, *(_usd(model.per_million(one)) for one in scenarios)]
            )
    return rows


def services() -> Rows:
    """Return the cost of a million messages by service."""
    scenarios = [
        Workload(failure_rate=rate, express_path=express_path)
        for express_path in PATHS
        for rate in (0.01, 0.05)
    ]
    rows = [
        [
            "service",
            *(f"express path {one.express_path}, {one.failure_rate:.0%} fail" for one in scenarios),
        ]
    ]
    bills = [by_service(_model().bill(one)) for one in scenarios]
    rows += [[service, *(_usd(bill.get(service, 0)) for bill in bills)] for service in bills[0]]
    return [*rows, ["all", *(_usd(sum(bill.values())) for bill in bills)]]


def via() -> Rows:
    """Return the cost of messages by the API that accepts them, including that API's logs."""
    rows = [["messages go in at", *(f"{rate:.0%} fail" for rate in _FAILURES), "logs at INFO"]]
    ways = {
        "url": "the function URL (default)",
        "batch": "the function URL, ten in a request",
        "api": "an HTTP API",
        "ingest": "the ingest queue",
    }
    for via, name in ways.items():
        basis = _model().basis(Workload(via=via))
        cells = [_per_million(failure_rate=rate, via=via) for rate in _FAILURES]
        rows.append([name, *cells, _usd(log_dollars(basis, LEVELS[1]))])
    return rows


def scenarios() -> Rows:
    """Return the cost of a million messages that all end in the same way, for each possible end."""
    rows = [["a million messages that are", "express path on", "express path off"]]
    for name, (end, attempts) in SCENARIOS.items():
        dollars = [
            _model().of_scenario(Workload(express_path=express_path), end, attempts)
            for express_path in PATHS
        ]
        rows.append([name, *map(_usd, dollars)])
    return rows


def arrival() -> Rows:
    """Return the effect of the message rate on batches and traces."""
    rows = [["messages/s", "messages in a batch", "per million", "of which X-Ray"]]
    for rate in _RATES:
        workload = _model().filled(Workload(rate=rate))
        bill = by_service(_model().bill(workload))
        total = _usd(sum(bill.values()))
        rows.append([f"{rate:g}", f"{workload.batch_size:.1f}", total, _usd(bill["X-Ray"])])
    return rows


def latency() -> Rows:
    """Return the cost of a million messages by the response time of endpoints."""
    rows = [["endpoint takes", *(f"express path {express_path}" for express_path in PATHS)]]
    for ms in _LATENCIES_MS:
        cells = [_per_million(latency_ms=ms, express_path=express_path) for express_path in PATHS]
        rows.append([f"{ms:,} ms", *cells])
    return rows


def payload() -> Rows:
    """Return the cost of a million messages by payload size."""
    rows = [["payload", *(f"express path {express_path}" for express_path in PATHS)]]
    for size in _PAYLOADS:
        cells = [
            _per_million(payload_bytes=size * 1024, express_path=express_path)
            for express_path in PATHS
        ]
        rows.append([f"{size} KB", *cells])
    return rows


def logs() -> Rows:
    """Return the cost of logs by log level."""
    basis = _model().basis(Workload())
    return [
        ["level", "per million"],
        *([level.name, _usd(log_dollars(basis, level))] for level in LEVELS),
    ]


def limits() -> Rows:
    """Return the additional cost of limits of endpoints and senders, and of order per key."""
    dollars = limit_dollars(_model(), Workload()) | ordering_dollars(_model())
    return [["a million", "adds"], *([name, f"${each:,.3f}"] for name, each in dollars.items())]


def monthly() -> Rows:
    """Return the fixed monthly cost of a stack."""
    lines = _model().monthly()
    rows = [["what", "how many", "dollars"]]
    rows += [[line.what, f"{line.quantity:,.0f}", _usd(line.dollars)] for line in lines]
    return [*rows, ["all", "", _usd(sum(line.dollars for line in lines))]]


def others() -> Rows:
    """Return the prices of other services that send webhooks."""
    rows = [["instead", "kind", "a million a month", "what", "as of"]]
    for one in alternatives():
        dollars = one.dollars(MILLION)
        price = "not published" if dollars is None else _usd(dollars)
        rows.append([one.name, one.kind, price, one.what, f"{one.date}, {one.source}"])
    return rows


def price_table() -> Rows:
    """Return all AWS prices of the model, with their sources."""
    tables = {region: prices(region) for region in regions()}
    rows = [["price", "per", *tables, "source"]]
    for name, price in tables[HOME].items():
        cells = [f"${table[name].usd:.10f}".rstrip("0").rstrip(".") for table in tables.values()]
        sources = dict.fromkeys(table[name].source for table in tables.values())
        rows.append([f"`{name}`", f"{price.per:,}", *cells, "; ".join(sources)])
    return rows


def functions() -> Rows:
    """Return the time and memory for which each function is billed."""
    rows = [["function", "memory", "own time", "cold start", "waits for"]]
    for name, one in load_assumptions().functions.items():
        waits = ", ".join(
            f"{what} (express path {express_path})" for express_path, what in one.waits.items()
        )
        cells = [f"{one.memory_mb} MB", f"{one.ms:g} ms", f"{one.init_ms:g} ms"]
        rows.append([name, *cells, waits or "-"])
    return rows


COST_TABLES: dict[str, Callable[[], Rows]] = {
    "headline": headline,
    "services": services,
    "via": via,
    "scenarios": scenarios,
    "arrival": arrival,
    "latency": latency,
    "payload": payload,
    "logs": logs,
    "limits": limits,
    "monthly": monthly,
    "others": others,
    "prices": price_table,
    "functions": functions,
}

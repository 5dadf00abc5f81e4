"""The lines of the bill, service by service: quantity x unit price, and the quantity's source.

Free tiers, volume discounts, egress and logs are left out (`homing_cli.cost.logs` has the logs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing_cli.cost.billing import (
    chunks,
    expected_longest,
    express_gb_seconds,
    express_ms,
    function_gb_seconds,
    function_ms,
    traces,
)
from homing_cli.cost.workload import expected_calls

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homing_cli.cost.assumptions import Assumptions
    from homing_cli.cost.counts import Calls, PathCounts
    from homing_cli.cost.prices import Price
    from homing_cli.cost.workload import Workload

_GB = 2**30
_MONTH_DAYS = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill.

    Args:
        service: the AWS service.
        what: what is billed.
        source: how the quantity is computed, in terms of counts and assumptions.
        quantity: the quantity for all messages of the workload.
        price_name: the name of the price.
        price: the unit price.
    """

    service: str
    what: str
    source: str
    quantity: float
    price_name: str
    price: Price

    @property
    def dollars(self) -> float:
        """The quantity times the unit price."""
        return self.price.of(self.quantity)


@dataclass(frozen=True, slots=True)
class Basis:
    """What a bill is computed from: workload, counts, assumptions and prices."""

    workload: Workload
    counts: PathCounts
    assumptions: Assumptions
    prices: Mapping[str, Price]

    def line(self, service: str, what: str, name: str, per_message: float, source: str) -> Line:
        """Return a line of the bill, given the average usage of one message."""
        quantity = per_message * self.workload.messages
        return Line(service, what, source, quantity, name, self.prices[name])


def bill(basis: Basis) -> list[Line]:
    """Return every line of the bill that is not zero."""
    calls = expected_calls(basis.counts, basis.workload)
    makers = (_via, _functions, _queues, _tables, _workflows, _events, _detached, _tracing)
    lines = (line for make in makers for line in make(basis, calls))
    return [line for line in lines if line.quantity]


def dispatch_ms(basis: Basis) -> int:
    """Return the milliseconds that the dispatcher takes to process a batch."""
    longest_ms = expected_longest(dispatch_waits(basis), basis.workload.batch_size)
    return function_ms(basis.assumptions.functions["Dispatch"], basis.workload, longest_ms)


def dispatch_waits(basis: Basis) -> list[tuple[float, float]]:
    """Return the dispatcher's waits for Express executions, as (probability, milliseconds)."""
    return [(p, min(ms, _slow_threshold_ms(basis))) for p, ms in express_times(basis)]


def detached_share(basis: Basis) -> float:
    """Return the share of messages that the dispatcher detaches."""
    return sum(p for p, ms in express_times(basis) if ms > _slow_threshold_ms(basis))


def _slow_threshold_ms(basis: Basis) -> float:
    seconds: float = basis.assumptions.settings["slowThresholdSeconds"]
    return seconds * 1000


def _via(basis: Basis, calls: Calls) -> Iterator[Line]:
    for service, what, name in (
        ("API Gateway", "requests", "api.requests"),
        ("Lambda", "function URL, requests", "url.requests"),
    ):
        yield basis.line(service, what, name, calls[name], name)


def _functions(basis: Basis, calls: Calls) -> Iterator[Line]:
    longest_ms = expected_longest(dispatch_waits(basis), basis.workload.batch_size)
    for name, function in basis.assumptions.functions.items():
        invoked = f"lambda.{name}"
        ms = function_ms(function, basis.workload, longest_ms)
        gb_seconds = function_gb_seconds(function, ms, basis.assumptions)
        source = f"{invoked} x ({ms} ms + cold starts) x {function.memory_mb} MB"
        yield basis.line("Lambda", f"{name}, requests", "lambda.requests", calls[invoked], invoked)
        yield basis.line(
            "Lambda", f"{name}, time", "lambda.gbSeconds", calls[invoked] * gb_seconds, source
        )


def _queues(basis: Basis, calls: Calls) -> Iterator[Line]:
    document = basis.workload.payload_bytes + basis.assumptions.sizes["queueDocument"]
    batch = basis.workload.batch_size * document
    fifo = f"sqs.{basis.assumptions.settings['queue']}.requests"
    for queue, action, size, price in (
        ("deliveries", "send", basis.workload.together * document, fifo),
        ("deliveries", "receive", batch, fifo),
        ("deliveries", "delete", 0, fifo),
        ("deadLetters", "send", document, "sqs.standard.requests"),
        ("ingest", "send", document, "sqs.standard.requests"),
        ("ingest", "receive", batch, "sqs.standard.requests"),
        ("ingest", "delete", 0, "sqs.standard.requests"),
    ):
        name = f"sqs.{queue}.{action}"
        billed = chunks(size)
        source = f"{name} x {billed} of 64 KB"
        yield basis.line("SQS", f"{queue}, {action}", price, calls[name] * billed, source)


def _tables(basis: Basis, calls: Calls) -> Iterator[Line]:
    for what, name in (("writes", "dynamodb.writeUnits"), ("reads", "dynamodb.readUnits")):
        yield basis.line("DynamoDB", what, name, calls[name], name)
    sizes, days = basis.assumptions.sizes, basis.assumptions.settings["retentionDays"]
    item = sizes["idempotencyRecord"] + sizes["ledger"] + 2 * sizes["itemOverhead"]
    kept = item + calls["lambda.RecordRetry"] * sizes["ledgerEntry"]
    gb_months = kept / _GB * days / _MONTH_DAYS
    source = f"idempotency record and ledger item, {kept:.0f} bytes x {days} days"
    yield basis.line("DynamoDB", "storage", "dynamodb.storage", gb_months, source)
    yield basis.line("DynamoDB", "recovery", "dynamodb.recovery", gb_months, source)


def _workflows(basis: Basis, calls: Calls) -> Iterator[Line]:
    express = basis.assumptions.express
    gb_seconds = sum(p * express_gb_seconds(express, ms) for p, ms in express_times(basis))
    source = f"express.requests x (latency + express.tasks) x {express.memory_mb} MB"
    for what, name, used, how in (
        ("Express, requests", "express.requests", calls["express.requests"], "express.requests"),
        ("Express, time", "express.gbSeconds", gb_seconds, source),
        (
            "Standard, transitions",
            "standard.transitions",
            calls["standard.transitions"],
            "standard.transitions",
        ),
    ):
        yield basis.line("Step Functions", what, name, used, how)


def _events(basis: Basis, calls: Calls) -> Iterator[Line]:
    name = "events.entries"
    yield basis.line("EventBridge", "operational events", name, calls[name], name)


def _detached(basis: Basis, calls: Calls) -> Iterator[Line]:
    """Yield the bill's lines for detached messages: redelivery, and the reads that settle them."""
    share = detached_share(basis)
    fifo = f"sqs.{basis.assumptions.settings['queue']}.requests"
    again = share * calls["sqs.deliveries.receive"]
    source = f"{share:.0%} detached"
    dispatch = basis.assumptions.functions["Dispatch"]
    gb_seconds = function_gb_seconds(dispatch, dispatch.ms, basis.assumptions)
    invoked = share * calls["lambda.Dispatch"]
    for service, what, price, used in (
        ("SQS", "detached, postponed", fifo, share),
        ("SQS", "detached, received again", fifo, again),
        ("DynamoDB", "detached, reads", "dynamodb.readUnits", share),
        ("Lambda", "detached, requests", "lambda.requests", invoked),
        ("Lambda", "detached, time", "lambda.gbSeconds", invoked * gb_seconds),
    ):
        yield basis.line(service, what, price, used, source)


def _tracing(basis: Basis, calls: Calls) -> Iterator[Line]:
    tracing, messages = basis.assumptions.tracing, basis.workload.messages
    seconds = messages / basis.workload.rate
    recorded = sum(traces(tracing, calls[root] * messages, seconds) for root in tracing.roots)
    source = f"{tracing.reservoir_per_second}/s and {tracing.rate:.0%} of " + ", ".join(
        tracing.roots
    )
    yield basis.line("X-Ray", "traces", "xray.traces", recorded / messages, source)


def express_times(basis: Basis) -> list[tuple[float, float]]:
    """Return the possible durations of an Express execution, as (probability, milliseconds)."""
    return [
        (
            probability,
            express_ms(
                basis.assumptions.express, basis.counts.calls(end, attempts), basis.workload
            ),
        )
        for probability, end, attempts in basis.workload.outcomes()
    ]

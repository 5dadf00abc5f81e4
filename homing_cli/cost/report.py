"""The cost report: tables for the terminal, and a document for other programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.console import Group

from homing_cli.cost.limits import limit_dollars, ordering_dollars
from homing_cli.cost.logs import LEVELS, log_dollars
from homing_cli.cost.model import PATHS, SCENARIOS, by_service
from homing_cli.cost.prices import alternatives
from homing_cli.cost.workload import MILLION, VIA
from homing_cli.terminal import render

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from homing_cli.cost.bill import Line
    from homing_cli.cost.model import Model
    from homing_cli.cost.workload import Workload


@dataclass(frozen=True, slots=True)
class Report:
    """The cost of a workload.

    Args:
        model: counts, assumptions, prices.
        workload: the messages that are sent.
        region: the AWS region.
    """

    model: Model
    workload: Workload
    region: str

    @property
    def lines(self) -> list[Line]:
        """The lines of the bill."""
        return self.model.bill(self.workload)

    def express_path(self, express_path: str) -> float:
        """Return the cost in dollars per million messages, with the express path `on` or `off`."""
        return self.model.per_million(replace(self.workload, express_path=express_path))

    def scenarios(self) -> dict[str, dict[str, float]]:
        """Return the cost of a million messages, by scenario and setting of the express path."""
        return {
            name: {
                express_path: self.model.of_scenario(
                    replace(self.workload, express_path=express_path), end, attempts
                )
                for express_path in PATHS
            }
            for name, (end, attempts) in SCENARIOS.items()
        }

    def logs(self) -> dict[str, float]:
        """Return the cost of logs per million messages, by level."""
        basis = self.model.basis(self.workload)
        return {level.name: log_dollars(basis, level) for level in LEVELS}

    def limits(self) -> dict[str, float]:
        """Return what limits and order per key add, by kind of item, in dollars per million."""
        return limit_dollars(self.model, self.workload) | ordering_dollars(self.model)

    def to_document(self) -> dict[str, Any]:
        """Return the document that `--json` prints; dollars are not rounded."""
        return {
            "workload": {**asdict(self.workload), "region": self.region},
            "dollarsPerMillion": {
                express_path: self.express_path(express_path) for express_path in PATHS
            },
            "services": by_service(self.lines),
            "lines": [_line_document(line) for line in self.lines],
            "monthly": [_line_document(line) for line in self.model.monthly(self.workload.via)],
            "scenarios": self.scenarios(),
            "logsPerMillion": self.logs(),
            "limitsPerMillion": self.limits(),
            "alternatives": [
                {**asdict(one), "dollars": one.dollars(self.workload.messages)}
                for one in alternatives()
            ],
        }


def show(report: Report) -> RenderableType:
    """Return a report for the terminal: the bill, other costs of Homing, and alternatives."""
    workload = report.workload
    per_message = sum(line.dollars for line in report.lines) / workload.messages
    return Group(
        f"{workload.messages:,} messages of {workload.payload_bytes} bytes, handed over "
        f"{VIA[workload.via]}, "
        f"{workload.failure_rate:.1%} of attempts fail, at most {workload.max_attempts} attempts, "
        f"{workload.latency_ms} ms endpoints, {workload.rate:g} messages/s in batches of "
        f"{workload.batch_size:.3g}, express path {workload.express_path}, {report.region}",
        "",
        _bill(report.lines),
        "",
        f"per million: ${per_message * MILLION:,.2f} (express path on "
        f"${report.express_path('on'):,.2f}, "
        f"off ${report.express_path('off'):,.2f}), without logs, egress and free tier",
        "",
        _scenarios(report),
        "",
        _logs(report),
        "",
        _limits(report),
        "",
        "the fixed monthly cost of a stack:",
        _bill(report.model.monthly(report.workload.via)),
        "",
        _others(report),
    )


def _bill(lines: list[Line]) -> Table:
    table = render.table("service", "what", "quantity", "unit price", "dollars", "from")
    for line in lines:
        table.add_row(
            line.service,
            line.what,
            f"{line.quantity:,.2f}".removesuffix(".00"),
            _unit_price(line),
            f"{line.dollars:,.4f}",
            line.source,
        )
    services = by_service(lines)
    for service, dollars in services.items() if len(services) > 1 else ():
        table.add_row(service, "all", "", "", f"{dollars:,.4f}", "")
    table.add_row("all", "", "", "", f"{sum(line.dollars for line in lines):,.4f}", "")
    return table


def _unit_price(line: Line) -> str:
    per = "" if line.price.per == 1 else f" / {line.price.per:,}"
    return f"${line.price.usd:.10f}".rstrip("0").rstrip(".") + per


def _scenarios(report: Report) -> Table:
    table = render.table("a million messages that are", "express path on", "express path off")
    for name, dollars in report.scenarios().items():
        table.add_row(name, *(f"${dollars[express_path]:,.2f}" for express_path in PATHS))
    return table


def _logs(report: Report) -> Table:
    table = render.table("logs add, per million", "dollars")
    for name, dollars in report.logs().items():
        table.add_row(name, f"${dollars:,.2f}")
    return table


def _limits(report: Report) -> Table:
    table = render.table("limits and order add, where they are set, per million", "dollars")
    for name, dollars in report.limits().items():
        table.add_row(name, f"${dollars:,.3f}")
    return table


def _others(report: Report) -> Table:
    table = render.table(
        "instead", "kind", f"{report.workload.messages:,} messages", "what", "as of"
    )
    for one in alternatives():
        dollars = one.dollars(report.workload.messages)
        price = "not published" if dollars is None else f"${dollars:,.2f}"
        table.add_row(one.name, one.kind, price, one.what, f"{one.date}, {one.source}")
    return table


def _line_document(line: Line) -> dict[str, Any]:
    return {
        "service": line.service,
        "what": line.what,
        "quantity": line.quantity,
        "unitPrice": line.price.usd,
        "per": line.price.per,
        "dollars": line.dollars,
        "from": line.source,
        "priceName": line.price_name,
        "priceSource": line.price.source,
    }

"""How the cost of messages looks: tables for the terminal, a document for other programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.console import Group

from homing_cli.cost.logs import LEVELS, log_dollars
from homing_cli.cost.model import FATES, LANES, by_service
from homing_cli.cost.prices import alternatives
from homing_cli.cost.workload import DOORS, MILLION
from homing_cli.terminal import render

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from homing_cli.cost.bill import Line
    from homing_cli.cost.model import Model
    from homing_cli.cost.workload import Scenario


@dataclass(frozen=True, slots=True)
class Report:
    """Everything there is to say about the cost of a scenario.

    Args:
        model: counts, assumptions, prices.
        scenario: what is sent.
        region: where.
    """

    model: Model
    scenario: Scenario
    region: str

    @property
    def lines(self) -> list[Line]:
        """The bill."""
        return self.model.bill(self.scenario)

    def lane(self, lane: str) -> float:
        """Give the dollars per million of the same scenario in a lane."""
        return self.model.per_million(replace(self.scenario, lane=lane))

    def fates(self) -> dict[str, dict[str, float]]:
        """Give the dollars of a million messages of each fate, by lane."""
        return {
            name: {
                lane: self.model.of_fate(replace(self.scenario, lane=lane), end, attempts)
                for lane in LANES
            }
            for name, (end, attempts) in FATES.items()
        }

    def logs(self) -> dict[str, float]:
        """Give what logs add per million, by level."""
        basis = self.model.basis(self.scenario)
        return {level.name: log_dollars(basis, level) for level in LEVELS}

    def to_document(self) -> dict[str, Any]:
        """Give all of it, for `--json`; dollars are not rounded."""
        return {
            "scenario": {**asdict(self.scenario), "region": self.region},
            "dollarsPerMillion": {lane: self.lane(lane) for lane in LANES},
            "services": by_service(self.lines),
            "lines": [_line_document(line) for line in self.lines],
            "monthly": [_line_document(line) for line in self.model.monthly()],
            "fates": self.fates(),
            "logsPerMillion": self.logs(),
            "alternatives": [
                {**asdict(one), "dollars": one.dollars(self.scenario.messages)}
                for one in alternatives()
            ],
        }


def show(report: Report) -> RenderableType:
    """Show a report: the bill, then what it leaves out, then what others charge."""
    scenario = report.scenario
    per_message = sum(line.dollars for line in report.lines) / scenario.messages
    return Group(
        f"{scenario.messages:,} messages of {scenario.payload_bytes} bytes, handed over "
        f"{DOORS[scenario.door]}, "
        f"{scenario.failure_rate:.1%} of attempts fail, at most {scenario.max_attempts} attempts, "
        f"{scenario.latency_ms} ms endpoints, {scenario.rate:g} messages/s in batches of "
        f"{scenario.batch_size:.3g}, lane {scenario.lane}, {report.region}",
        "",
        _bill(report.lines),
        "",
        f"per million: ${per_message * MILLION:,.2f} (lane on ${report.lane('on'):,.2f}, "
        f"off ${report.lane('off'):,.2f}), without logs, egress and free tier",
        "",
        _fates(report),
        "",
        _logs(report),
        "",
        "a stack costs each month, whatever is sent:",
        _bill(report.model.monthly()),
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


def _fates(report: Report) -> Table:
    table = render.table("a million messages that are", "lane on", "lane off")
    for name, dollars in report.fates().items():
        table.add_row(name, *(f"${dollars[lane]:,.2f}" for lane in LANES))
    return table


def _logs(report: Report) -> Table:
    table = render.table("logs add, per million", "dollars")
    for name, dollars in report.logs().items():
        table.add_row(name, f"${dollars:,.2f}")
    return table


def _others(report: Report) -> Table:
    table = render.table(
        "instead", "kind", f"{report.scenario.messages:,} messages", "what", "as of"
    )
    for one in alternatives():
        dollars = one.dollars(report.scenario.messages)
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

"""The cost model: bills by scenario and path, logs, monthly costs and alternatives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from homing_cli.cost.assumptions import load_assumptions
from homing_cli.cost.bill import Basis, Line, bill, dispatch_ms
from homing_cli.cost.billing import batch_fill
from homing_cli.cost.counts import End, load_counts
from homing_cli.cost.prices import prices
from homing_cli.cost.workload import MILLION, Workload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing_cli.cost.assumptions import Assumptions
    from homing_cli.cost.counts import PathCounts
    from homing_cli.cost.prices import Price

PATHS = ("on", "off")

SCENARIOS = {
    "delivered at the first attempt": (End.DELIVERED, 1),
    "delivered at the second attempt": (End.DELIVERED, 2),
    "delivered at the third attempt": (End.DELIVERED, 3),
    "failed at the first attempt (410)": (End.FAILED, 1),
    "dead-lettered after three attempts": (End.MAX_RETRIES_EXCEEDED, 3),
}


@dataclass(frozen=True, slots=True)
class Model:
    """The cost model of a region: calls with and without express path, assumptions, prices."""

    counts: Mapping[str, PathCounts]
    assumptions: Assumptions
    prices: Mapping[str, Price]

    def basis(self, workload: Workload) -> Basis:
        """Return the inputs from which the bill for a workload is computed."""
        return Basis(workload, self.counts[workload.express_path], self.assumptions, self.prices)

    def bill(self, workload: Workload) -> list[Line]:
        """Return every line of the bill for the messages of a month."""
        return bill(self.basis(workload))

    def per_million(self, workload: Workload) -> float:
        """Return the cost of a workload in dollars per million messages."""
        return sum(line.dollars for line in self.bill(workload)) / workload.messages * MILLION

    def filled(self, workload: Workload) -> Workload:
        """Return the workload with the batch size that results from its rate."""
        settings = self.assumptions.settings
        limit = settings["batchSize"]
        batch_ms = dispatch_ms(self.basis(replace(workload, batch_size=limit)))
        size = batch_fill(workload.rate, batch_ms, settings["dispatchConcurrency"], limit)
        return replace(workload, batch_size=size)

    def monthly(self, via: str = "url") -> list[Line]:
        """Return the fixed monthly cost of a stack, for `ingest` including an ingest queue."""
        assumed = dict(self.assumptions.monthly)
        if via == "ingest":
            for name, quantity in self.assumptions.monthly_ingest.items():
                assumed[name] = assumed.get(name, 0) + quantity
        return [
            Line("monthly", name, f"monthly.{name}", quantity, name, self.prices[name])
            for name, quantity in assumed.items()
        ]

    def of_scenario(self, workload: Workload, end: End, attempts: int) -> float:
        """Return the dollars for a million messages with this end and this number of attempts."""
        counts = self.counts[workload.express_path]
        only = replace(counts, scenarios={(End.DELIVERED, 1): counts.calls(end, attempts)})
        alone = replace(workload, failure_rate=0, max_attempts=1, messages=MILLION)
        lines = bill(Basis(alone, only, self.assumptions, self.prices))
        return sum(line.dollars for line in lines)


def load_model(region: str) -> Model:
    """Return the cost model with the prices of a region.

    Raises:
        UnknownRegionError: when there are no prices for the region.
    """
    return Model(load_counts(), load_assumptions(), prices(region))


def by_service(lines: list[Line]) -> dict[str, float]:
    """Return the cost of each service in dollars, in the order of the bill."""
    services: dict[str, float] = {}
    for line in lines:
        services[line.service] = services.get(line.service, 0) + line.dollars
    return services

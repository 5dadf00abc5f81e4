"""What tests of the simulation share: the handlers with simulated edges, and histories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from simulation.deployed.functions import simulated_edges
from simulation.deployment import Deployment
from simulation.engine.plans import Listed
from simulation.history import run_history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simulation.deployed.edges import Edges
    from simulation.history import History
    from simulation.scenario import Scenario


@pytest.fixture
def edges() -> Iterator[Edges]:
    with simulated_edges(Deployment()) as edges:
        yield edges


@pytest.fixture
def run(edges: Edges) -> Callable[..., History]:
    """Run a scenario with the listed faults, by label."""

    def run_with(scenario: Scenario, faults: Any = (), seed: int = 1, **given: Any) -> History:
        return run_history(scenario, Listed(dict(faults)), seed, edges, **given)

    return run_with

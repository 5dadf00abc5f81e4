"""The class of planted bugs: how to plant the bug, and the scenario in which it must be found."""

from __future__ import annotations

import copy
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulation.history import Programs
from simulation.workflow.definition import (
    delivery_document,
    first_attempt_document,
    load_definition,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from simulation.engine.faults import Fault
    from simulation.scenario import Scenario

    Change = Callable[[dict[str, Any]], None]  # changes the states of a workflow definition


@dataclass(frozen=True, slots=True)
class PlantedBug:
    """One bug to plant in the deployed code, and the scenario in which it must be found.

    Args:
        name: the bug in a few words.
        scenario: the scenario in which the bug must be found.
        patch: plants the bug in the code.
        change: plants the bug in the definitions of both workflows.
        given: the faults that happen in every run of the search.
    """

    name: str
    scenario: Scenario
    patch: Callable[[], AbstractContextManager[None]] = nullcontext
    change: Change = field(default=lambda _: None)
    given: Mapping[str, Fault] = field(default_factory=dict)

    def programs(self) -> Programs:
        """Return the workflow definitions with the bug."""
        timeout = self.scenario.deployment.express_timeout // 1000
        standard = copy.deepcopy(delivery_document())
        express = first_attempt_document(timeout)
        for document in (standard, express):
            self.change(document["States"])
        return Programs(load_definition(standard), load_definition(express))


@contextmanager
def replaced(holder: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute while the context is open."""
    original = getattr(holder, name)
    setattr(holder, name, value)
    try:
        yield
    finally:
        setattr(holder, name, original)

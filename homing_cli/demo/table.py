"""The demo's table: each scenario, its result, and whether it is as expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from homing_cli.demo.scenarios import complaints
from homing_cli.terminal.render import status, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from homing_cli.demo.scenarios import Seen


def scenarios(found: Iterable[Seen]) -> Table:
    """Return a table with a row for each message, which says whether its result is as expected."""
    made = table("the endpoint", "status", "attempts", "requests", "as it should be")
    for seen in found:
        wrong = complaints(seen)
        made.add_row(
            seen.scenario.does,
            status(", ".join(view.status for view in seen.deliveries) or seen.scenario.status),
            ", ".join(entry["errorCategory"] for entry in seen.attempts),
            str(len(seen.arrivals)),
            Text("no", style="red") if wrong else Text("yes", style="green"),
        )
    return made

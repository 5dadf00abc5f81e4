"""The `Releasing` that continues lines of ordered deliveries, on tables in moto."""

from __future__ import annotations

from typing import Any

from homing.endpoints.endpoints_table import EndpointsTable
from homing.ledger.table import Ledger
from homing.ordering.lines_table import Lines
from homing.ordering.places_table import Places
from homing.ordering.releasing import Releasing


def releasing_on(client: Any, queue: Any) -> Releasing:
    """Return a `Releasing` for tables with these names, and a delivery queue."""
    return Releasing(
        Lines("lines", client),
        Places("places", client),
        Ledger("ledger", client),
        EndpointsTable("endpoints", client),
        queue,
    )

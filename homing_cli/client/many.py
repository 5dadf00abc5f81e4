"""Functions for operators: list deliveries; find, follow and stop bulk redrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing.ledger.delivery_index import DeliveryIndex
from homing.recovery.bulk_redrive import Phase
from homing.recovery.bulk_redrives import BulkRedrives, WatchdogFunction
from homing.recovery.redrives_table import RedrivesTable
from homing_cli.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from homing.ledger.delivery_filter import DeliveryFilter, Listed
    from homing.recovery.bulk_redrive import BulkRedrive
    from homing_cli.client.target import Target

_LOOK_SECONDS = 1


def index_of(target: Target) -> DeliveryIndex:
    """Return the object that lists the deliveries of a deployed Homing.

    The caller needs `dynamodb:Query` on both indexes of the ledger.
    """
    return DeliveryIndex(target.outputs["LedgerTable"], target.client("dynamodb"))


def listed(target: Target, wanted: DeliveryFilter, now: datetime) -> list[Listed]:
    """Return all deliveries that match a filter, the latest first.

    A delivery that has ended is sorted by the time of its end, any other by its next attempt.
    """
    found = index_of(target).all(wanted, now=now)
    return sorted(found, key=lambda one: one.place, reverse=True)


def bulk_redrives(target: Target) -> BulkRedrives:
    """Return the object that starts, reads and stops the bulk redrives of a deployed Homing.

    To start one, the caller must be allowed to invoke the function `watchdog`.
    """
    return BulkRedrives(
        RedrivesTable(target.outputs["RedrivesTable"], target.client("dynamodb")),
        index_of(target),
        WatchdogFunction(target.outputs["WatchdogArn"], target.client("lambda")),
    )


def find(redrives: BulkRedrives, redrive_id: str) -> BulkRedrive:
    """Return a bulk redrive.

    Raises:
        NotFoundError: when there is no bulk redrive with this id.
    """
    return _existing(redrives.redrives.find(redrive_id), redrive_id)


def stop(redrives: BulkRedrives, redrive_id: str) -> BulkRedrive:
    """Stop a bulk redrive and return it.

    Raises:
        NotFoundError: when there is no bulk redrive with this id.
    """
    return _existing(redrives.redrives.stop(redrive_id), redrive_id)


def followed(
    redrives: BulkRedrives, redrive_id: str, sleep: Callable[[float], None]
) -> Iterator[BulkRedrive]:
    """Yield the progress of a bulk redrive whenever it changes, until it has ended."""
    seen = None
    while True:
        found = find(redrives, redrive_id)
        if found != seen:
            yield found
        if found.phase is Phase.ENDED:
            return
        seen = found
        sleep(_LOOK_SECONDS)


def _existing(found: BulkRedrive | None, redrive_id: str) -> BulkRedrive:
    if found is None:
        raise NotFoundError(f"there is no bulk redrive {redrive_id}: see `dead-letters redrives`")
    return found

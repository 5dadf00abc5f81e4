"""The function `operational_events`: it puts events on an event bus when two tables change."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from homing import deadline
from homing.aws import client
from homing.endpoints.endpoint import Ordering
from homing.endpoints.endpoints_table import EndpointsTable
from homing.errors import DependencyError
from homing.operational_events.bus import EventBus
from homing.operational_events.deliveries import delivery_events
from homing.operational_events.endpoints import endpoint_events
from homing.operational_events.event import Change
from homing.settings import OperationalEventsSettings
from lambdas.initialization import initialize
from lambdas.observation import log_events_put, log_events_refused

if TYPE_CHECKING:
    from homing.delivery import Reference
    from homing.operational_events.event import OperationalEvent

_bus = cache(EventBus.connect)
_settings = cache(OperationalEventsSettings.from_env)


@cache
def _endpoints() -> EndpointsTable:
    return EndpointsTable(_settings().endpoints_table, client("dynamodb", read_seconds=2, tries=3))


def _blocks(reference: Reference) -> bool:
    """Return whether the delivery's endpoint blocks a line after a failed delivery (`ordering`)."""
    if reference.endpoint_id is None:
        return False
    found = _endpoints().find(reference.sender_id, reference.endpoint_id)
    return found is not None and found.ordering is Ordering.BLOCK


def _events_of(change: Change) -> list[OperationalEvent]:
    if change.table == _settings().ledger_table:
        delivered = _settings().delivered_events
        return delivery_events(change, delivered=delivered, blocks=_blocks)
    return endpoint_events(change)


def handler(event: dict[str, Any], context: object) -> None:
    """Put the events for a batch of changes on the bus. Lambda retries a batch that fails."""
    deadline.begin(context)
    changes = map(Change.from_record, event["Records"])
    events = [made for change in changes for made in _events_of(change)]
    try:
        _bus().put(events)
    except DependencyError as error:
        log_events_refused(len(events), error)
        raise
    log_events_put(events)


initialize(_settings, _bus, _endpoints)

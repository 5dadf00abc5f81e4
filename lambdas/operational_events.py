"""Trigger `operational_events`: put on the event bus what changes of two tables mean."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from homing import deadline
from homing.errors import DependencyError
from homing.operational_events.bus import EventBus
from homing.operational_events.deliveries import delivery_events
from homing.operational_events.endpoints import endpoint_events
from homing.operational_events.event import Change
from homing.settings import OperationalEventsSettings
from lambdas.observation import log_events_put, log_events_refused

if TYPE_CHECKING:
    from homing.operational_events.event import OperationalEvent

_bus = cache(EventBus.connect)
_settings = cache(OperationalEventsSettings.from_env)


def _events_of(change: Change) -> list[OperationalEvent]:
    if change.table == _settings().ledger_table:
        return delivery_events(change, delivered=_settings().delivered_events)
    return endpoint_events(change)


def handler(event: dict[str, Any], context: object) -> None:
    """Put the events of a batch of changes on the bus; Lambda repeats a batch that fails."""
    deadline.begin(context)
    changes = map(Change.from_record, event["Records"])
    events = [made for change in changes for made in _events_of(change)]
    try:
        _bus().put(events)
    except DependencyError as error:
        log_events_refused(len(events), error)
        raise
    log_events_put(events)

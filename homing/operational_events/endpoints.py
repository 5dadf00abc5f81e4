"""The operational event of an endpoint that Homing has disabled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.endpoints.endpoint import Endpoint
from homing.operational_events.event import Kind, OperationalEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing.operational_events.event import Change

# The event patterns for changes to an endpoint that can lead to an operational event.
ENDPOINT_PATTERNS: list[dict[str, Any]] = [
    {
        "dynamodb": {
            "NewImage": {"disabledReason": {"S": [{"exists": True}]}},
            "OldImage": {"enabled": {"BOOL": [True]}},
        }
    }
]


def endpoint_events(change: Change) -> list[OperationalEvent]:
    """Return a list with the event for a change to an endpoint; empty if there is no event."""
    if change.before is None or change.after is None or not change.before.get("enabled"):
        return []
    endpoint = Endpoint.from_item(change.after)
    if endpoint.disabled_at is None or endpoint.disabled_reason is None:
        return []
    detail: Mapping[str, Any] = {
        "senderId": endpoint.sender_id,
        "endpointId": endpoint.endpoint_id,
        "url": endpoint.url,
        "reason": endpoint.disabled_reason,
        "failingSince": endpoint.failing_since,
        "disabledAt": endpoint.disabled_at,
    }
    return [OperationalEvent(Kind.ENDPOINT_DISABLED, endpoint.disabled_at, detail)]

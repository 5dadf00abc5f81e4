"""The request and response of `POST /v1/endpoints/match`: which endpoints would get an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from homing.api.answer import Answer
from homing.api.endpoint_request import sources_of
from homing.errors import FieldError, InvalidMessageError
from homing.http_fields import DEFAULT_CONTENT_TYPE, is_json
from homing.reception.payload import sent_text
from homing.reception.raw_json import read_value
from homing.reception.request_model import (
    ContentType,
    EventType,
    Fields,
    Instant,
    Maybe,
    optional,
    read_fields,
)
from homing.routing.subscriptions import Event, explain
from homing.timestamps import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from homing.endpoints.endpoint import Endpoint
    from homing.routing.pattern import Mismatch


class EventRequest(Fields):
    """An event to match against the sender's endpoints; nothing is sent."""

    event_type: EventType = Field(description="The type of the event, e.g. order.paid.")
    payload: Any = Field(description="The payload, as in a message.")
    content_type: Maybe[ContentType] = optional(
        f"The media type of the payload. Default: {DEFAULT_CONTENT_TYPE}."
    )
    timestamp: Maybe[Instant] = optional("The time of the event, with a time zone. Default: now.")


def read_event(body: str | bytes, sender_id: str, now: datetime) -> Event:
    """Read the event in the body of a request.

    Raises:
        InvalidMessageError: when the body is invalid; contains the errors.
    """
    sources = sources_of(body)
    raw = {
        name: source if name == "payload" else read_value(name, source)
        for name, source in sources.items()
    }
    request, errors = read_fields(EventRequest, raw)
    if request is None:
        raise InvalidMessageError(errors)
    content_type = request.content_type or DEFAULT_CONTENT_TYPE
    try:
        payload = sent_text(request.payload, content_type)
    except ValueError as error:
        raise InvalidMessageError([FieldError("payload", str(error))]) from error
    return Event(
        event_type=request.event_type,
        sender_id=sender_id,
        timestamp=request.timestamp or to_text(now),
        payload=payload if is_json(content_type) else None,
    )


def matched(event: Event, endpoints: Iterable[Endpoint]) -> Answer:
    """Return the response: for each endpoint of the sender, whether it would get the event.

    If it would not, the response says why.
    """
    document = {
        "eventType": event.event_type,
        "senderId": event.sender_id,
        "endpoints": [_shown(each, found) for each, found in explain(endpoints, event)],
    }
    return Answer(200, document)


def _shown(endpoint: Endpoint, mismatches: tuple[Mismatch, ...]) -> Mapping[str, Any]:
    return {
        "endpointId": endpoint.endpoint_id,
        "url": endpoint.url,
        "enabled": endpoint.enabled,
        "matches": not mismatches,
        "mismatches": [{"field": each.place, "message": each.message} for each in mismatches],
    }

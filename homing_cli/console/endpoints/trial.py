"""An event typed into a form to test filters."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from homing.api.event_match import read_event
from homing.errors import FieldError, InvalidMessageError
from homing.identifiers import SENDER_ID

if TYPE_CHECKING:
    from homing.routing.subscriptions import Event

EXAMPLE = '{"total": 250}'


def typed_event(sender_id: str, event_type: str, payload: str) -> Event:
    """Return the event that was typed into a form; `payload` is JSON text.

    Raises:
        InvalidMessageError: when the event is invalid; the exception contains all errors.
    """
    if not SENDER_ID.allows(sender_id):
        raise InvalidMessageError([FieldError("sender", "is not the id of a sender")])
    body = f'{{"eventType": {json.dumps(event_type)}, "payload": {payload}}}'
    return read_event(body, sender_id, datetime.now(UTC))


def complaint(error: InvalidMessageError) -> str:
    """Return the errors in an event as one text, to be shown next to the form."""
    return "; ".join(f"{each.field} {each.message}" for each in error.errors)

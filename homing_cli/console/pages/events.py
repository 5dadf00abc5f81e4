"""The page of events: an event is tried against the filters of a sender's endpoints."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homing.errors import FieldError, InvalidMessageError
from homing.identifiers import DEFAULT_SENDER_ID, SENDER_ID
from homing.reception.event_match import read_event
from homing_cli.console.services import services_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from homing.endpoints.subscriptions import Event

_EXAMPLE = '{"total": 250}'


def show(request: Request) -> Response:
    """Show the form and which endpoints would get the event; nothing is sent."""
    services = services_of(request)
    query = request.query_params
    typed = {
        "sender": query.get("sender", ""),
        "type": query.get("type", ""),
        "payload": query.get("payload", _EXAMPLE),
    }
    context: dict[str, Any] = {"found": None, "complaint": ""}
    try:
        if typed["type"]:
            context["found"] = services.addressed.explained(_event(typed))
    except InvalidMessageError as error:
        context["complaint"] = "; ".join(f"{each.field} {each.message}" for each in error.errors)
    return services.view.page(request, "events.html", typed=typed, **context)


def _event(typed: Mapping[str, str]) -> Event:
    sender_id = typed["sender"] or DEFAULT_SENDER_ID
    if not SENDER_ID.allows(sender_id):
        raise InvalidMessageError([FieldError("sender", "is not the id of a sender")])
    body = f'{{"eventType": {json.dumps(typed["type"])}, "payload": {typed["payload"]}}}'
    return read_event(body, sender_id, datetime.now(UTC))

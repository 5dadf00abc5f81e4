"""The page that tests an event against the filters of a sender's endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.errors import InvalidMessageError
from homing.identifiers import DEFAULT_SENDER_ID
from homing_cli.console.endpoints.trial import EXAMPLE, complaint, typed_event
from homing_cli.console.services import services_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def show(request: Request) -> Response:
    """Show a form for an event, and which endpoints would get the event; nothing is sent."""
    services = services_of(request)
    query = request.query_params
    typed = {
        "sender": query.get("sender", ""),
        "type": query.get("type", ""),
        "payload": query.get("payload", EXAMPLE),
    }
    context: dict[str, Any] = {"found": None, "complaint": ""}
    try:
        if typed["type"]:
            sender_id = typed["sender"] or DEFAULT_SENDER_ID
            event = typed_event(sender_id, typed["type"], typed["payload"])
            context["found"] = services.addressed.explained(event)
    except InvalidMessageError as error:
        context["complaint"] = complaint(error)
    return services.view.page(request, "events.html", typed=typed, **context)

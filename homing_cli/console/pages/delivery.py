"""The page of one delivery: its timeline, request, responses, and path through the states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing_cli.console.actions.chosen import Chosen
from homing_cli.console.rendering import diagram
from homing_cli.console.services import services_of
from homing_cli.errors import NotFoundError
from homing_cli.traces.story import tell

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def show(request: Request) -> Response:
    """Show a delivery. Until it has ended, the page reloads itself every second.

    Raises:
        NotFoundError: when there is no such delivery.
    """
    services = services_of(request)
    query = request.query_params
    if not (query.get("message") and query.get("id")):
        raise NotFoundError("the address names no delivery")
    record = services.catalogue.delivery(
        query["message"], query.get("sender", "default"), query["id"]
    )
    story = tell(record, services.executions.of_delivery(record))
    links = [
        (execution, services.executions.console_link(execution.arn))
        for execution in story.executions
    ]
    visited = tuple(dict.fromkeys(story.way))
    return services.view.page(
        request,
        "delivery.html",
        story=story,
        recipient=services.addressed.recipient(story.reference.sender_id, story.endpoint_id),
        links=links,
        chosen=Chosen.of(story.reference).to_text(),
        machine=diagram.draw(story.arrows, visited, story.now),
    )

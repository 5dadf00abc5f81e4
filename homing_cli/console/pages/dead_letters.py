"""The page of one dead letter, as read from the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing_cli.client.queues import dead_letters
from homing_cli.console.services import services_of
from homing_cli.errors import NotFoundError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


_SEARCHED = 1000


def inspect(request: Request) -> Response:
    """Show one complete dead letter.

    Raises:
        NotFoundError: when the dead letter is not in the queue.
    """
    services = services_of(request)
    delivery_id = request.query_params.get("id", "")
    for dead_letter in dead_letters.look(services.target, _SEARCHED).dead_letters:
        if dead_letter.reference.delivery_id == delivery_id:
            named = dead_letter.reference
            recipient = services.addressed.recipient(named.sender_id, named.endpoint_id)
            return services.view.page(
                request, "dead_letter.html", dead_letter=dead_letter, recipient=recipient
            )
    raise NotFoundError(
        "this dead letter is not in the queue: it was redriven or discarded, or another reader "
        "holds it at the moment"
    )

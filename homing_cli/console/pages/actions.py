"""Pages that let operators confirm an action, start it, and show its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from homing_cli.console.actions.chosen import ActionError, Chosen
from homing_cli.console.services import services_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from homing_cli.console.actions.console_actions import ConsoleActions
    from homing_cli.console.services import Services

_FORBIDDEN = 403
# Notes on actions that are "done" before the deliveries have arrived.
_NOTES = {
    "redrive": (
        "Their attempts have begun again. The page of each delivery shows whether it arrived."
    ),
    "retry-now": "The attempt is being made. The page of each delivery shows whether it arrived.",
}
# Each action: its value in forms, its name on pages, and its name while it runs.
WAYS = {
    "redrive": ("Send again", "Sending again"),
    "discard": ("Discard", "Discarding"),
    "retry-now": ("Try now", "Trying now"),
    "cancel": ("Cancel delivery", "Cancelling"),
}


async def confirm(request: Request) -> Response:
    """Show the page on which the operator confirms an action."""
    services = services_of(request)
    check_allowed(services)
    way, chosen = await _asked(request)
    words, _ = WAYS[way]
    return services.view.page(request, "confirm.html", way=way, words=words, chosen=chosen)


async def begin(request: Request) -> Response:
    """Start an action, and redirect to the page that shows its progress."""
    services = services_of(request)
    actions = check_allowed(services)
    way, chosen = await _asked(request)
    steps, note = actions.act(way, chosen), _NOTES.get(way, "")
    job = services.jobs.start(WAYS[way][1], len(chosen), steps, note)
    return RedirectResponse(f"/jobs/{job.job_id}", 303)


def job(request: Request) -> Response:
    """Show the progress of an action.

    Raises:
        NotFoundError: when there is no such action.
    """
    services = services_of(request)
    found = services.jobs.find(request.path_params["job_id"])
    return services.view.page(request, "job.html", job=found)


def check_allowed(services: Services) -> ConsoleActions:
    """Return the object that runs actions, if the console allows actions.

    Raises:
        HTTPException: when the console is read-only.
    """
    if services.actions is None:
        raise HTTPException(_FORBIDDEN, "this console is read-only; start it with --allow-actions")
    return services.actions


async def _asked(request: Request) -> tuple[str, list[Chosen]]:
    """Return the action and the deliveries that a form names."""
    form = await request.form()
    way = form.get("way")
    texts = [one for one in form.getlist("id") if isinstance(one, str)]
    if not isinstance(way, str) or way not in WAYS:
        raise ActionError("the form names no action")
    if not texts:
        raise ActionError("nothing is selected: go back and select at least one delivery")
    return way, [Chosen.from_text(text) for text in dict.fromkeys(texts)]

"""Dead letters: look, choose, confirm, and follow what is being done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from workbench import dead_letters
from workbench.errors import NotFoundError, WorkbenchError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from workbench.console.actions import Actions
    from workbench.console.app import Services

LOOK_AT = 100
_SEARCHED = 1000
_FORBIDDEN = 403
# What can be done: the word of the form, what the page calls it, and what it is while it is done.
WAYS = {"redrive": ("Send again", "Sending again"), "discard": ("Discard", "Discarding")}


class ActionError(WorkbenchError):
    """Raised when a form asks for what cannot be done."""


def show(request: Request) -> Response:
    """Show what is in the dead-letter queue, and leave it there."""
    services: Services = request.app.state.services
    look = dead_letters.look(services.target, LOOK_AT)
    return services.view.page(request, "dead_letters.html", look=look, looked_at=LOOK_AT)


def inspect(request: Request) -> Response:
    """Show the whole document of one dead letter.

    Raises:
        NotFoundError: when it is not in the queue.
    """
    services: Services = request.app.state.services
    delivery_id = request.query_params.get("id", "")
    for letter in dead_letters.look(services.target, _SEARCHED).letters:
        if letter.reference.delivery_id == delivery_id:
            return services.view.page(request, "dead_letter.html", letter=letter)
    raise NotFoundError(
        "this letter is not in the dead-letter queue: it may have been sent again, or somebody "
        "else looks at it just now"
    )


async def confirm(request: Request) -> Response:
    """Ask once more before anything is done."""
    services: Services = request.app.state.services
    _actions(services)
    way, chosen = await _asked(request)
    words, _ = WAYS[way]
    return services.view.page(request, "confirm.html", way=way, words=words, chosen=chosen)


async def act(request: Request) -> Response:
    """Begin, and lead to the page that shows how far it is."""
    services: Services = request.app.state.services
    actions = _actions(services)
    way, chosen = await _asked(request)
    steps = actions.redrive(chosen) if way == "redrive" else actions.discard(chosen)
    job = services.jobs.start(WAYS[way][1], len(chosen), steps)
    return RedirectResponse(f"/jobs/{job.job_id}", 303)


def job(request: Request) -> Response:
    """Show how far an action is.

    Raises:
        NotFoundError: when this console does not know it.
    """
    services: Services = request.app.state.services
    found = services.jobs.find(request.path_params["job_id"])
    return services.view.page(request, "job.html", job=found)


def _actions(services: Services) -> Actions:
    if services.actions is None:
        raise HTTPException(
            _FORBIDDEN, "this console only reads; start it with --allow-actions to act"
        )
    return services.actions


async def _asked(request: Request) -> tuple[str, list[str]]:
    """Read what is to be done with which letters."""
    form = await request.form()
    way = form.get("way")
    chosen = [one for one in form.getlist("id") if isinstance(one, str)]
    if not isinstance(way, str) or way not in WAYS:
        raise ActionError("the form does not say what to do")
    if not chosen:
        raise ActionError("no letter is chosen: go back and tick at least one")
    return way, list(dict.fromkeys(chosen))

"""Pages that let operators confirm an action on an endpoint, run it, and show the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from homing_cli.console.actions.endpoint_actions import (
    DEFAULT_GRACE_HOURS,
    MAX_GRACE_HOURS,
    WAYS,
    Request,
)
from homing_cli.console.endpoints.rows import rows
from homing_cli.console.services import services_of

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response

    from homing_cli.console.actions.endpoint_actions import EndpointActions
    from homing_cli.console.endpoints.rows import Row
    from homing_cli.console.services import Services

_FORBIDDEN = 403


async def confirm(http: HttpRequest) -> Response:
    """Show the page that asks the operator to confirm an action.

    Raises:
        ActionError: when the form is not valid.
        NotFoundError: when there is no such endpoint.
    """
    services = services_of(http)
    _actions(services)
    request = Request.from_form(await http.form())
    row = await run_in_threadpool(_row, services, request)
    return services.view.page(
        http,
        "endpoint_confirm.html",
        way=WAYS[request.way],
        asked=request,
        row=row,
        grace_hours=DEFAULT_GRACE_HOURS,
        max_grace_hours=MAX_GRACE_HOURS,
    )


async def begin(http: HttpRequest) -> Response:
    """Run an action, and redirect to the page that shows its result.

    Raises:
        ActionError: when the form is not valid.
        NotFoundError: when there is no such endpoint.
        ApiError: when the API cannot be reached or refuses the request.
    """
    actions = _actions(services_of(http))
    request = Request.from_form(await http.form())
    outcome_id = await run_in_threadpool(actions.run, request)
    return RedirectResponse(f"/endpoints/done/{outcome_id}", 303)


def done(http: HttpRequest) -> Response:
    """Show the result of an action. If it contains a new secret, it is shown only once.

    Raises:
        NotFoundError: when there is no such result, or its secret has already been shown.
    """
    services = services_of(http)
    outcome = _actions(services).outcome(http.path_params["outcome_id"])
    return services.view.page(
        http,
        "endpoint_done.html",
        way=WAYS[outcome.request.way],
        asked=outcome.request,
        answer=outcome.answer,
        failed=_failed(services, outcome.request),
    )


def _failed(services: Services, request: Request) -> int:
    """Return how many deliveries to the endpoint have failed; 0 until they have been counted."""
    backlog = services.sources.backlog_of(request.sender_id, request.endpoint_id).value
    return 0 if backlog is None else backlog.failed[request.sender_id, request.endpoint_id]


def _row(services: Services, request: Request) -> Row:
    sources = services.sources
    endpoint = sources.registry.endpoint(request.sender_id, request.endpoint_id)
    backlog = sources.backlog_of(request.sender_id, request.endpoint_id)
    [row] = rows([endpoint], backlog.value, None)
    return row


def _actions(services: Services) -> EndpointActions:
    if services.endpoint_actions is None:
        raise HTTPException(_FORBIDDEN, "this console is read-only; start it with --allow-actions")
    return services.endpoint_actions

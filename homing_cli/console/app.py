"""The console as an ASGI application, with its routes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from homing.errors import DependencyError
from homing_cli.console.pages import (
    actions,
    dead_letters,
    deliveries,
    delivery,
    endpoint_actions,
    endpoints,
    errors,
    events,
    overview,
    redrives,
    senders,
    what_if,
)
from homing_cli.console.security import Guard
from homing_cli.errors import CommandError, NotFoundError

if TYPE_CHECKING:
    from homing_cli.console.services import Services

STATIC = Path(__file__).with_name("static")


def make_app(services: Services, port: int) -> Starlette:
    """Return the console as an ASGI application.

    Args:
        services: the objects that the pages use.
        port: the console's port on 127.0.0.1; requests with another port in `Host` are refused.
    """
    app = Starlette(
        routes=[
            Route("/", overview.show),
            Route("/deliveries", deliveries.show),
            Route("/delivery", delivery.show),
            Route("/dead-letters", deliveries.show_dead_letters),
            Route("/dead-letter", dead_letters.inspect),
            Route("/endpoints", endpoints.show),
            Route("/endpoint", endpoints.one),
            Route("/endpoints/confirm", endpoint_actions.confirm, methods=["POST"]),
            Route("/endpoints/begin", endpoint_actions.begin, methods=["POST"]),
            Route("/endpoints/done/{outcome_id}", endpoint_actions.done),
            Route("/senders", senders.show),
            Route("/actions/confirm", actions.confirm, methods=["POST"]),
            Route("/actions/begin", actions.begin, methods=["POST"]),
            Route("/jobs/{job_id}", actions.job),
            Route("/redrives", redrives.show_all),
            Route("/redrives", redrives.begin, methods=["POST"]),
            Route("/redrives/new", redrives.ask),
            Route("/redrives/{redrive_id}", redrives.show),
            Route("/redrives/{redrive_id}/stop", redrives.stop, methods=["POST"]),
            Route("/events", events.show),
            Route("/what-if", what_if.show),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=Guard(port))],
        exception_handlers={
            404: errors.no_page,
            NotFoundError: errors.not_found,
            CommandError: errors.bad_request,
            DependencyError: errors.refused,
            ClientError: errors.refused,
            BotoCoreError: errors.refused,
        },
    )
    app.state.services = services
    return app

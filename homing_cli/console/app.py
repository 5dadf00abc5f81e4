"""The console as an ASGI application: routes, and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from homing_cli.client.attempt_log import AttemptLog
from homing_cli.console import (
    action_pages,
    dead_letter_pages,
    deliveries_page,
    delivery_page,
    errors,
    overview_page,
    what_if_page,
)
from homing_cli.console.actions import ConsoleActions
from homing_cli.console.addressed import Addressed
from homing_cli.console.catalogue import Catalogue
from homing_cli.console.histories import Histories
from homing_cli.console.jobs import Jobs
from homing_cli.console.security import Guard
from homing_cli.console.standing import Now
from homing_cli.console.view import View
from homing_cli.errors import CommandError, NotFoundError
from homing_cli.traces.executions import Executions

if TYPE_CHECKING:
    from homing_cli.client.target import Target

STATIC = Path(__file__).with_name("static")
# As far back as the overview reaches on a local cloud, whose figures come from logs.
_LOG_KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Services:
    """What the pages ask.

    Args:
        target: the deployed Homing.
        catalogue: its deliveries.
        addressed: the endpoints that they are addressed to.
        executions: their executions.
        attempts: what the functions logged.
        histories: recorded histories, for what-if.
        standing: how things stand right now.
        actions: what may be done; None where the console only reads.
        jobs: actions under way.
        view: renders pages.
    """

    target: Target
    catalogue: Catalogue
    addressed: Addressed
    executions: Executions
    attempts: AttemptLog
    histories: Histories
    standing: Now
    actions: ConsoleActions | None
    jobs: Jobs
    view: View


def make_services(target: Target, *, allow_actions: bool) -> Services:
    """Make what the pages ask of a target."""
    catalogue = Catalogue(target)
    place = f"local cloud at {target.endpoint}" if target.endpoint else _aws(target)
    return Services(
        target=target,
        catalogue=catalogue,
        addressed=Addressed(target),
        executions=Executions(target),
        attempts=AttemptLog(target, _LOG_KEPT),
        histories=Histories(target),
        standing=Now(target, catalogue.attention),
        actions=ConsoleActions(target, catalogue) if allow_actions else None,
        jobs=Jobs(),
        view=View({"place": place, "may_act": allow_actions}),
    )


def make_app(services: Services, port: int) -> Starlette:
    """Make the application.

    Args:
        services: what the pages ask.
        port: the port on 127.0.0.1 that it is served on; requests for any other are refused.
    """
    app = Starlette(
        routes=[
            Route("/", overview_page.show),
            Route("/deliveries", deliveries_page.show),
            Route("/delivery", delivery_page.show),
            Route("/dead-letters", dead_letter_pages.show),
            Route("/dead-letter", dead_letter_pages.inspect),
            Route("/actions/confirm", action_pages.confirm, methods=["POST"]),
            Route("/actions/begin", action_pages.begin, methods=["POST"]),
            Route("/jobs/{job_id}", action_pages.job),
            Route("/what-if", what_if_page.show),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=Guard(port))],
        exception_handlers={
            404: errors.no_page,
            NotFoundError: errors.not_found,
            CommandError: errors.bad_request,
            ClientError: errors.refused,
            BotoCoreError: errors.refused,
        },
    )
    app.state.services = services
    return app


def _aws(target: Target) -> str:
    account = target.outputs["StateMachineArn"].split(":")[4]
    return f"AWS account {account}, {target.session.region_name}"

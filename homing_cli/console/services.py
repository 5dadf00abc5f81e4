"""The objects that the pages of a console share: data sources, actions, and the renderer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from homing_cli.client.api import ApiClient
from homing_cli.client.many import bulk_redrives, index_of
from homing_cli.console.actions.console_actions import ConsoleActions
from homing_cli.console.actions.endpoint_actions import EndpointActions
from homing_cli.console.actions.jobs import Jobs
from homing_cli.console.endpoints.sources import Sources
from homing_cli.console.figures.standing import Now
from homing_cli.console.reading.addressed import Addressed
from homing_cli.console.reading.catalogue import Catalogue
from homing_cli.console.reading.counts import counts_of, pages_of
from homing_cli.console.reading.delivered import Delivered
from homing_cli.console.rendering.view import View
from homing_cli.traces.attempt_log import AttemptLog
from homing_cli.traces.executions import Executions
from homing_cli.what_if.histories import Histories

if TYPE_CHECKING:
    from starlette.requests import Request

    from homing.recovery.bulk_redrives import BulkRedrives
    from homing_cli.client.target import Target
    from homing_cli.console.reading.counts import Counts, Pages

# How far back the overview of a local cloud can go: its figures come from the functions' logs.
_LOG_KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Services:
    """The objects that pages use.

    Args:
        target: the deployed Homing.
        catalogue: single deliveries.
        pages: lists of deliveries that wait, have failed or were cancelled.
        delivered: lists of deliveries that have arrived.
        counts: counts of deliveries that wait, have failed or were cancelled.
        addressed: the endpoints that deliveries are addressed to.
        sources: the data sources of the pages of endpoints and senders.
        executions: the executions of deliveries.
        attempts: the logged attempts.
        histories: the attempts of recorded deliveries, for the what-if page.
        standing: the current state of the queues.
        redrives: bulk redrives.
        actions: the actions; None if the console is read-only.
        endpoint_actions: the actions on endpoints; None if the console is read-only.
        jobs: the running actions.
        view: renders pages.
    """

    target: Target
    catalogue: Catalogue
    pages: Pages
    delivered: Delivered
    counts: Counts
    addressed: Addressed
    sources: Sources
    executions: Executions
    attempts: AttemptLog
    histories: Histories
    standing: Now
    redrives: BulkRedrives
    actions: ConsoleActions | None
    endpoint_actions: EndpointActions | None
    jobs: Jobs
    view: View


def make_services(target: Target, *, allow_actions: bool) -> Services:
    """Return the objects that the pages of a console use.

    Args:
        target: the deployed Homing.
        allow_actions: whether the console allows actions; otherwise it is read-only.
    """
    catalogue, index = Catalogue(target), index_of(target)
    counts, pages = counts_of(index), pages_of(index)

    def forget() -> None:
        """Forget the cached lists and counts, because an action has changed deliveries."""
        pages.forget()
        counts.forget()

    place = f"local cloud at {target.endpoint}" if target.endpoint else _aws(target)
    return Services(
        target=target,
        catalogue=catalogue,
        pages=pages,
        delivered=Delivered(target.outputs["LedgerTable"], target.client("dynamodb")),
        counts=counts,
        addressed=Addressed(target),
        sources=Sources.connect(target, counts),
        executions=Executions(target),
        attempts=AttemptLog(target, _LOG_KEPT),
        histories=Histories(target),
        standing=Now(target),
        redrives=bulk_redrives(target),
        actions=ConsoleActions(target, catalogue) if allow_actions else None,
        endpoint_actions=EndpointActions(ApiClient(target)) if allow_actions else None,
        jobs=Jobs(forget),
        view=View({"place": place, "may_act": allow_actions}),
    )


def services_of(request: Request) -> Services:
    """Return the objects of the console that received a request."""
    services: Services = request.app.state.services
    return services


def _aws(target: Target) -> str:
    account = target.outputs["StateMachineArn"].split(":")[4]
    return f"AWS account {account}, {target.session.region_name}"

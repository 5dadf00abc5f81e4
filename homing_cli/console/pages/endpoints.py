"""The list of endpoints, and the page of each endpoint."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from homing.errors import InvalidMessageError
from homing.identifiers import DEFAULT_SENDER_ID
from homing.routing.subscriptions import explain
from homing.timestamps import to_text
from homing_cli.console.endpoints.registered import MOST
from homing_cli.console.endpoints.rows import STATES, rows
from homing_cli.console.endpoints.trial import EXAMPLE, complaint, typed_event
from homing_cli.console.services import services_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from homing.endpoints.endpoint import Endpoint
    from homing_cli.console.endpoints.registered import SecretDates
    from homing_cli.console.services import Services

_SHOWN = 200


def show(request: Request) -> Response:
    """Show the endpoints that match the search, those that need attention first."""
    services = services_of(request)
    query = request.query_params
    wanted = {name: query.get(name, "").strip() for name in ("text", "sender", "state")}
    sources = services.sources
    backlog, sample = sources.backlog(), sources.sample()
    read = sources.registry.endpoints(wanted["sender"])
    found = [
        row
        for row in rows(read, backlog.value, sample.value)
        if wanted["state"] in ("", row.state) and row.is_named(wanted["text"])
    ]
    return services.view.page(
        request,
        "endpoints.html",
        wanted=wanted,
        states=STATES,
        rows=found[:_SHOWN],
        found=len(found),
        read=len(read),
        is_whole=bool(wanted["sender"]) or len(read) < MOST,
        backlog=backlog,
        sample=sample,
    )


def one(request: Request) -> Response:
    """Show an endpoint and, if the query has an event `type`, whether it would get such an event.

    Nothing is sent.

    Raises:
        NotFoundError: when there is no such endpoint.
    """
    services = services_of(request)
    query, now = request.query_params, datetime.now(UTC)
    sources = services.sources
    endpoint = sources.registry.endpoint(
        query.get("sender", DEFAULT_SENDER_ID), query.get("id", "")
    )
    backlog = sources.backlog_of(endpoint.sender_id, endpoint.endpoint_id)
    sample = sources.sample()
    lines = sources.lines_of(endpoint.sender_id, endpoint.endpoint_id)
    [row] = rows([endpoint], backlog.value, sample.value)
    limits = sources.registry.limits(endpoint, now)
    is_ahead = limits.next_slot is not None and limits.next_slot > now
    secrets, unread = _secrets(services, endpoint)
    return services.view.page(
        request,
        "endpoint.html",
        row=row,
        endpoint=endpoint,
        states=STATES,
        backlog=backlog,
        sample=sample,
        limits=limits,
        next_slot=to_text(limits.next_slot) if is_ahead and limits.next_slot else None,
        secrets=secrets,
        unread=unread,
        lines=lines,
        shown=_SHOWN,
        trial=_trial(services, endpoint, query),
    )


def _secrets(services: Services, endpoint: Endpoint) -> tuple[Sequence[SecretDates], str]:
    """Return the dates of the endpoint's secrets, and an error code ('' if they can be read)."""
    try:
        return services.sources.registry.secrets(endpoint), ""
    except ClientError as error:  # the operator may not be allowed to read this table
        return (), error.response["Error"]["Code"]


def _trial(services: Services, endpoint: Endpoint, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the event that was typed in, if any, and why the endpoint would not get it."""
    trial: dict[str, Any] = {
        "type": query.get("type", ""),
        "payload": query.get("payload", EXAMPLE),
        "mismatches": None,
        "complaint": "",
    }
    if not trial["type"]:
        return trial
    try:
        event = typed_event(endpoint.sender_id, trial["type"], trial["payload"])
    except InvalidMessageError as error:
        return trial | {"complaint": complaint(error)}
    [(_, alone)] = explain([endpoint], event)
    among_all = {each.endpoint_id: why for each, why in services.addressed.explained(event)}
    return trial | {"mismatches": among_all.get(endpoint.endpoint_id, alone)}

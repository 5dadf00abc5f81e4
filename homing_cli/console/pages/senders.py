"""The list of senders: their endpoints, keys, and waiting and failed deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from homing_cli.console.endpoints.registered import MOST
from homing_cli.console.endpoints.rows import rows
from homing_cli.console.endpoints.tenants import tenants
from homing_cli.console.services import services_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from homing.senders.api_key import ApiKey
    from homing_cli.console.services import Services

_SHOWN = 200


def show(request: Request) -> Response:
    """Show the senders that match the search, those with the most failed deliveries first."""
    services = services_of(request)
    text = request.query_params.get("text", "").strip()
    backlog, endpoints = services.sources.backlog(), services.sources.registry.endpoints()
    keys, unread = _keys(services)
    found = [
        each
        for each in tenants(rows(endpoints, None, None), keys, backlog.value)
        if text.casefold() in each.sender_id.casefold()
    ]
    return services.view.page(
        request,
        "senders.html",
        text=text,
        senders=found[:_SHOWN],
        found=len(found),
        is_whole=len(endpoints) < MOST,
        unread=unread,
        backlog=backlog,
    )


def _keys(services: Services) -> tuple[list[ApiKey], str]:
    """Return the API keys, and an error code ('' if they can be read)."""
    try:
        return services.sources.registry.keys(), ""
    except ClientError as error:  # the operator may not be allowed to read this table
        return [], error.response["Error"]["Code"]

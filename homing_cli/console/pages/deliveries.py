"""The list of deliveries, with filters, in pages."""

from __future__ import annotations

import re
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse

from homing.delivery import Reference
from homing_cli.console.actions.chosen import Chosen
from homing_cli.console.reading import cursor
from homing_cli.console.reading.filters import Filters
from homing_cli.console.rendering import wording
from homing_cli.console.services import services_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response


_DELIVERY_ID = re.compile(r"[0-9a-f]{32}")


def show(request: Request) -> Response:
    """Show one page of the list; the id of a delivery redirects to its own page."""
    services = services_of(request)
    filters = Filters.from_query(request.query_params)
    if _DELIVERY_ID.fullmatch(filters.text):
        reference = services.executions.reference(filters.text)
        if reference is not None:
            return RedirectResponse(delivery_url(reference), 303)
    text = request.query_params.get("after", "")
    started = monotonic()
    narrowed, recipient = services.addressed.narrowed(filters)
    page = services.catalogue.page(narrowed, cursor.from_text(text) if text else None)
    following = page.cursor and urlencode(filters.to_query() | {"after": page.cursor})
    return services.view.page(
        request,
        "deliveries.html",
        filters=filters,
        recipient=recipient,
        statuses=wording.statuses(),
        categories=wording.categories(),
        page=page,
        following=following,
        first=urlencode(filters.to_query()),
        is_first=not text,
        took_ms=(monotonic() - started) * 1000,
    )


def delivery_url(record: Mapping[str, Any]) -> str:
    """Return the address of a delivery's page."""
    return f"/delivery?{Chosen.of(Reference.from_document(record)).to_text()}"

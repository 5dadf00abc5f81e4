"""The pages that list deliveries and dead letters, either one by one or counted in groups."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse

from homing.api.delivery_request import after_text
from homing.delivery import Reference
from homing.identifiers import DEFAULT_SENDER_ID
from homing.ledger.delivery_filter import LISTED
from homing.ledger.record import FAILED, WAITING
from homing.recovery.bulk_redrive import REDRIVABLE
from homing.retry.classification import Status
from homing_cli.console.actions.chosen import Chosen
from homing_cli.console.reading.counts import PAGE_SIZE
from homing_cli.console.reading.delivered import listed
from homing_cli.console.reading.faults import faults
from homing_cli.console.reading.selection import Selection
from homing_cli.console.rendering import wording
from homing_cli.console.services import services_of
from homing_cli.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from homing.ledger.delivery_filter import Listed
    from homing.ledger.delivery_index import Page
    from homing_cli.console.reading.counts import Counted
    from homing_cli.console.reading.faults import Fault
    from homing_cli.console.services import Services


_REFRESH_SECONDS = 5
_BUDGET_SECONDS = 0.6  # how long a page waits for a list and its count, in seconds
MOST_FAULTS = 50  # the most rows of a page; their endpoints are read in one call
_MORE_FILTERS = ("eventType", "targetUrl", "since", "before")
_DELIVERY_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class _List:
    """One of the two lists: that of deliveries, or that of dead letters.

    Args:
        title: the heading of the page.
        path: the path of the page.
        statuses: the statuses of the listed deliveries, unless the operator chooses a status.
        choices: the choices of its status filter: values and labels.
    """

    title: str
    path: str
    statuses: tuple[Status, ...]
    choices: tuple[tuple[str, str], ...]


def _choices(*statuses: Status) -> tuple[tuple[str, str], ...]:
    return tuple((status.value, wording.status_words(status).words) for status in statuses)


_DELIVERIES = _List(
    "Deliveries",
    "/deliveries",
    LISTED,
    (
        ("", "waiting, failed or cancelled"),
        (",".join(each for each in LISTED if each in WAITING), "waiting"),
        (",".join(REDRIVABLE), "dead-lettered"),
        *_choices(*LISTED, Status.DELIVERED),
    ),
)
_DEAD_LETTERS = _List(
    "Dead letters",
    "/dead-letters",
    REDRIVABLE,
    (("", "any"), *_choices(*(each for each in LISTED if each in FAILED))),
)


def show(request: Request) -> Response:
    """Show a page of the list of deliveries.

    If the text searched for is the id of a delivery, redirect to the page of that delivery.
    """
    return _show(request, _DELIVERIES)


def show_dead_letters(request: Request) -> Response:
    """Show a page of the list of dead letters."""
    return _show(request, _DEAD_LETTERS)


def _show(request: Request, which: _List) -> Response:
    services, started = services_of(request), monotonic()
    chosen = Selection.from_query(request.query_params, which.statuses)
    exact = _exact(services, chosen)
    if isinstance(exact, RedirectResponse):
        return exact
    recipient = services.addressed.recipient(
        chosen.wanted.sender_id or DEFAULT_SENDER_ID, chosen.wanted.endpoint_id
    )
    is_grouped = request.query_params.get("view") == "groups"
    page, counted = _read(services, chosen, started, is_grouped=is_grouped)
    is_searching = page is None and not is_grouped and not chosen.complaint
    is_counting = counted is None and not chosen.is_delivered
    groups = counted.groups if counted else ()
    found = faults(groups)
    return services.view.page(
        request,
        "deliveries.html",
        400 if chosen.complaint else 200,
        which=which,
        chosen=chosen,
        categories=wording.categories(),
        exact=exact,
        is_searching=is_searching,
        is_counting=is_counting,
        refresh_seconds=_refresh_seconds(chosen, is_busy=is_searching or is_counting),
        page=page,
        deliveries=_others(page, exact),
        counted=counted,
        dead=sum(each.count for each in groups if each.latest.status in FAILED),
        faults=with_endpoints(services, found) if is_grouped else (),
        more_faults=max(len(found) - MOST_FAULTS, 0),
        is_grouped=is_grouped,
        more_filters=any(name in chosen.given for name in _MORE_FILTERS),
        recipient=recipient,
        following=page and page.after and _address(which, chosen, after=after_text(page.after)),
        address=_address(which, chosen),
        here=str(request.url.replace(scheme="", netloc="")),
        grouped_address=_address(which, chosen, view="groups"),
        took_ms=(monotonic() - started) * 1000,
    )


def with_endpoints(services: Services, found: Sequence[Fault]) -> list[Fault]:
    """Return the first `MOST_FAULTS` faults, with the current state of their endpoints."""
    shown = found[:MOST_FAULTS]
    endpoints = services.addressed.endpoints(fault.latest for fault in shown)
    return [fault.at(endpoints) for fault in shown]


def delivery_url(record: Mapping[str, Any]) -> str:
    """Return the URL of a delivery's page."""
    return f"/delivery?{Chosen.of(Reference.from_document(record)).to_text()}"


def _read(
    services: Services, chosen: Selection, started: float, *, is_grouped: bool
) -> tuple[Page | None, Counted | None]:
    """Return a page of the list, and the counts of all deliveries that match the filter.

    Either is None while it is not available; the page is also None if only groups are shown.
    Counting takes longer than listing, so the page does not wait for the counts.
    """
    if chosen.complaint:
        return None, None
    page = None if is_grouped else _page(services, chosen)
    if chosen.is_delivered or (page is None and not is_grouped):
        return page, None
    left = max(_BUDGET_SECONDS - (monotonic() - started), 0)
    return page, services.counts.ask(chosen.wanted, left)


def _page(services: Services, chosen: Selection) -> Page | None:
    if not chosen.is_delivered:
        return services.pages.ask((chosen.wanted, chosen.after), _BUDGET_SECONDS)
    now = datetime.now(UTC)
    return services.delivered.page(chosen.wanted, after=chosen.after, limit=PAGE_SIZE, now=now)


def _others(page: Page | None, exact: Sequence[Listed]) -> list[Listed]:
    """Return the deliveries of a page except those in `exact`, which are already shown."""
    shown = {(one.pk, one.sk) for one in exact}
    return [one for one in page.deliveries if (one.pk, one.sk) not in shown] if page else []


def _refresh_seconds(chosen: Selection, *, is_busy: bool) -> int | None:
    """Return the number of seconds after which the page reloads; None if it does not.

    A page reloads to get an answer that is still being computed. The first page of a list also
    reloads to show new deliveries.
    """
    if chosen.complaint or (chosen.after and not is_busy):
        return None
    return 1 if is_busy else _REFRESH_SECONDS


def _exact(services: Services, chosen: Selection) -> list[Listed] | RedirectResponse:
    """Return the deliveries, in any status, of the message whose id is the text searched for.

    If the text is the id of a delivery, return a redirect to the page of that delivery.
    """
    text = chosen.wanted.message_id
    if text is None or chosen.after:
        return []
    if _DELIVERY_ID.fullmatch(text) and (reference := services.executions.reference(text)):
        return RedirectResponse(delivery_url(reference), 303)
    with suppress(NotFoundError):
        sender_id = chosen.wanted.sender_id or DEFAULT_SENDER_ID
        return [listed(record) for record in services.catalogue.message(text, sender_id)]
    return []


def _address(which: _List, chosen: Selection, **more: str) -> str:
    query = urlencode({**chosen.given, **more})
    return f"{which.path}?{query}" if query else which.path

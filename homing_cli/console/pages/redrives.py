"""The pages of bulk redrives: preview and start one, show its progress, and stop it."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from homing.identifiers import MESSAGE_ID
from homing.recovery.bulk_redrive import (
    DEFAULT_RATE,
    HIGHEST_RATE,
    LONGEST_HOURS,
    LOWEST_RATE,
    REDRIVABLE,
    Phase,
    too_long,
)
from homing.timestamps import to_text
from homing_cli.client import many
from homing_cli.console.actions.chosen import ActionError
from homing_cli.console.pages.actions import check_allowed
from homing_cli.console.pages.deliveries import MOST_FAULTS, with_endpoints
from homing_cli.console.reading.faults import faults
from homing_cli.console.reading.selection import Selection
from homing_cli.console.services import services_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from homing.recovery.bulk_redrive import BulkRedrive
    from homing_cli.console.services import Services

_NEWEST = 20
_WAIT_SECONDS = 0.6
_OPTIONS = {
    "status": "--status",
    "category": "--category",
    "endpointId": "--endpoint",
    "senderId": "--sender",
    "messageId": "--message",
    "reason": "--reason",
    "eventType": "--event-type",
    "targetUrl": "--target",
    "since": "--since",
    "before": "--before",
}


def show_all(request: Request) -> Response:
    """Show the newest bulk redrives."""
    services = services_of(request)
    found = services.redrives.redrives.newest(_NEWEST)
    return services.view.page(request, "redrives.html", redrives=found)


def ask(request: Request) -> Response:
    """Show how many deliveries would be redriven, by endpoint, and ask for confirmation."""
    return _ask(request, request.query_params)


async def begin(request: Request) -> Response:
    """Start a bulk redrive, and redirect to the page that shows its progress."""
    services = services_of(request)
    check_allowed(services)
    form = {name: text for name, text in (await request.form()).items() if isinstance(text, str)}
    return await run_in_threadpool(_begin, request, services, form)


def show(request: Request) -> Response:
    """Show the progress of a bulk redrive.

    The page reloads every second until the redrive has ended.

    Raises:
        NotFoundError: when there is no bulk redrive with this id.
    """
    services = services_of(request)
    found = many.find(services.redrives, request.path_params["redrive_id"])
    return services.view.page(
        request,
        "redrive.html",
        redrive=found,
        asked=_query(found),
        is_done=found.phase is not Phase.REDRIVING and not found.waiting,
        is_redriving=found.phase is Phase.REDRIVING,
        failed_again=urlencode({**_query(found), "since": found.started_at}),
    )


def stop(request: Request) -> Response:
    """Stop a bulk redrive, and redirect to its page.

    Raises:
        NotFoundError: when there is no bulk redrive with this id.
    """
    services = services_of(request)
    check_allowed(services)
    stopped = many.stop(services.redrives, request.path_params["redrive_id"])
    return RedirectResponse(f"/redrives/{stopped.redrive_id}", 303)


def _ask(request: Request, query: Mapping[str, str], complaint: str = "") -> Response:
    services = services_of(request)
    chosen = Selection.from_query(query, REDRIVABLE)
    complaint = complaint or chosen.complaint
    counted = None if chosen.complaint else services.counts.ask(chosen.wanted, _WAIT_SECONDS)
    found = faults(counted.groups if counted else ())
    rate = query.get("ratePerSecond", f"{DEFAULT_RATE:g}")
    return services.view.page(
        request,
        "redrive_new.html",
        400 if complaint else 200,
        chosen=chosen,
        complaint=complaint,
        faults=with_endpoints(services, found),
        more_faults=max(len(found) - MOST_FAULTS, 0),
        matched=counted.total if counted else 0,
        is_counting=counted is None and not chosen.complaint,
        here=f"/redrives/new?{urlencode(chosen.given)}",
        rate=rate,
        lowest=LOWEST_RATE,
        highest=HIGHEST_RATE,
        redrive_id=token_hex(8),
        # Deliveries that fail after this time are neither shown nor redriven.
        at=counted and to_text(counted.at),
        command=_command(chosen.given),
    )


def _begin(request: Request, services: Services, form: Mapping[str, str]) -> Response:
    """Start the bulk redrive described by a form, or show the form's errors."""
    chosen, now = Selection.from_query(form, REDRIVABLE), datetime.now(UTC)
    redrive_id, rate = form.get("redriveId", ""), _rate(form.get("ratePerSecond", ""))
    if not MESSAGE_ID.allows(redrive_id):
        raise ActionError("the form names no bulk redrive")
    if chosen.complaint or rate is None:
        wrong = f"the rate must be a number from {LOWEST_RATE:g} to {HIGHEST_RATE:g}"
        return _ask(request, form, chosen.complaint or wrong)
    matched = sum(group.count for group in services.redrives.preview(chosen.wanted, now))
    if too_long(matched, rate):
        return _ask(
            request, form, f"{rate:g} a second would take longer than {LONGEST_HOURS} hours"
        )
    begun = services.redrives.begin(redrive_id, chosen.wanted, rate, matched=matched, now=now)
    return RedirectResponse(f"/redrives/{begun.redrive_id}", 303)


def _rate(text: str) -> float | None:
    try:
        rate = float(text)
    except ValueError:
        return None
    return rate if LOWEST_RATE <= rate <= HIGHEST_RATE else None


def _query(redrive: BulkRedrive) -> dict[str, str]:
    """Return the query parameters that list the deliveries of a bulk redrive, without `before`."""
    document: dict[str, Any] = redrive.wanted.to_document()
    document.pop("before", None)
    statuses = document.pop("status", [])
    status = {} if set(statuses) == set(REDRIVABLE) else {"status": ",".join(statuses)}
    return {**document, **status}


def _command(given: Mapping[str, str]) -> str:
    """Return the shell command that starts the bulk redrive described by a form."""
    options = [f"{_OPTIONS[name]} {shlex.quote(text)}" for name, text in given.items()]
    return " ".join(["homing dead-letters redrive", *(options or ["--all"])])

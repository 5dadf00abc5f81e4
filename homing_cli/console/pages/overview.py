"""The overview: what is wrong now, the queues, and the attempts of the last hours."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homing.ledger.delivery_filter import DeliveryFilter
from homing.ledger.record import FAILED, WAITING
from homing_cli.console.figures.cloudwatch import from_cloudwatch
from homing_cli.console.figures.figures import PERCENTILES, Figures, Span, from_attempts
from homing_cli.console.pages.deliveries import MOST_FAULTS, with_endpoints
from homing_cli.console.reading.faults import STATUSES, Side, faults
from homing_cli.console.services import services_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from homing_cli.console.services import Services


HOURS = {"1": "1 hour", "3": "3 hours", "24": "24 hours"}
_LOGS = "the functions' logs, since a local cloud keeps no metrics"
_WAIT_SECONDS = 0.4
_WRONG = DeliveryFilter(statuses=STATUSES)


def show(request: Request) -> Response:
    """Show the overview. The page reloads itself every few seconds."""
    services = services_of(request)
    hours = request.query_params.get("hours", "1")
    hours = hours if hours in HOURS else "1"
    now = datetime.now(UTC)
    figures = _figures(services, Span.until(now, int(hours)), now)
    standing = services.standing.ask()
    counted = services.counts.ask(_WRONG, _WAIT_SECONDS)
    groups = counted.groups if counted else ()
    found = faults(groups)
    shown = with_endpoints(services, found)
    return services.view.page(
        request,
        "overview.html",
        hours=hours,
        choices=HOURS,
        figures=figures,
        standing=standing,
        attempts_chart=json.dumps(_attempts_chart(figures)),
        latency_chart=json.dumps(_latency_chart(figures)),
        counted=counted,
        theirs=[fault for fault in shown if fault.side is not Side.OURS],
        ours=[fault for fault in shown if fault.side is Side.OURS],
        more_faults=max(len(found) - MOST_FAULTS, 0),
        waiting=sum(each.count for each in groups if each.latest.status in WAITING),
        dead=sum(each.count for each in groups if each.latest.status in FAILED),
    )


def _figures(services: Services, span: Span, now: datetime) -> Figures:
    target = services.target
    if target.endpoint is None:
        client = target.client("cloudwatch")
        return from_cloudwatch(client, target.outputs["MetricsNamespace"], span)
    services.attempts.fetch(now)
    return from_attempts(services.attempts.since(span.start), span, _LOGS)


def _attempts_chart(figures: Figures) -> dict[str, Any]:
    minutes = figures.span.step.total_seconds() / 60
    return {
        "kind": "bars",
        "x": _times(figures),
        "unit": "a minute",
        "series": [
            {"label": label, "tone": tone, "y": [value / minutes for value in values]}
            for label, tone, values in (
                ("delivered", "good", figures.delivered),
                ("to be retried", "retry", figures.retried),
                ("failed for good", "bad", figures.failed),
            )
        ],
    }


def _latency_chart(figures: Figures) -> dict[str, Any]:
    return {
        "kind": "lines",
        "x": _times(figures),
        "unit": "ms",
        "series": [
            {"label": f"p{rank}", "tone": f"p{rank}", "y": list(figures.latency_ms[rank])}
            for rank in PERCENTILES
        ],
    }


def _times(figures: Figures) -> list[float]:
    return [instant.timestamp() for instant in figures.span.instants]

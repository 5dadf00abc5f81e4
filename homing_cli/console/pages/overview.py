"""The overview: the attempts of the last hours, and the queues now."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homing.retry.classification import Status
from homing_cli.console.figures.cloudwatch import from_cloudwatch
from homing_cli.console.figures.figures import PERCENTILES, Figures, Span, from_attempts
from homing_cli.console.reading.filters import Filters
from homing_cli.console.services import services_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from homing_cli.console.services import Services


HOURS = {"1": "1 hour", "3": "3 hours", "24": "24 hours"}
_LOGS = "the functions' logs, since a local cloud keeps no metrics"
_LATEST = 6


def show(request: Request) -> Response:
    """Show the overview. The page reloads itself every few seconds."""
    services = services_of(request)
    hours = request.query_params.get("hours", "1")
    hours = hours if hours in HOURS else "1"
    now = datetime.now(UTC)
    figures = _figures(services, Span.until(now, int(hours)), now)
    return services.view.page(
        request,
        "overview.html",
        hours=hours,
        choices=HOURS,
        figures=figures,
        standing=services.standing.ask(),
        attempts_chart=json.dumps(_attempts_chart(figures)),
        latency_chart=json.dumps(_latency_chart(figures)),
        failures=_latest_failures(services),
    )


def _figures(services: Services, span: Span, now: datetime) -> Figures:
    target = services.target
    if target.endpoint is None:
        client = target.client("cloudwatch")
        return from_cloudwatch(client, target.outputs["MetricsNamespace"], span)
    services.attempts.fetch(now)
    return from_attempts(services.attempts.since(span.start), span, _LOGS)


def _latest_failures(services: Services) -> list[Any]:
    catalogue = services.catalogue
    found = [
        record
        for status in (Status.MAX_RETRIES_EXCEEDED, Status.FAILED)
        for record in catalogue.page(Filters(status=status), size=_LATEST).records
    ]
    found.sort(key=lambda record: str(record["lastUpdatedAt"]), reverse=True)
    return found[:_LATEST]


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

"""The what-if page: a policy's schedule, load and cost, and its effect on recorded deliveries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from homing.retry.policy import PRESETS, Jitter
from homing_cli.console.services import services_of
from homing_cli.errors import CommandError
from homing_cli.what_if import policy_form
from homing_cli.what_if.assessment import Assessment, assess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from homing_cli.console.services import Services


_DEFAULTS: Mapping[str, str] = {
    "maxAttempts": "3",
    "baseDelaySeconds": "1",
    "multiplier": "2",
    "maxDelaySeconds": "3600",
    "jitter": "additive",
    "schedule": "",
    "preset": "",
    "retryOn": "",
    "giveUpOn": "",
    "deliveries": "10000",
}
_DELIVERIES = range(1, 10_000_001)


class WhatIfError(CommandError):
    """Raised when the number of deliveries is out of range."""


def show(request: Request) -> Response:
    """Show the form and its results; invalid input is explained next to the form."""
    services = services_of(request)
    typed = _typed(request.query_params)
    context: dict[str, Any] = {"assessment": None, "complaint": "", "schedule_chart": "null"}
    try:
        found = _assess(services, typed)
        context |= {
            "assessment": found,
            "schedule_chart": json.dumps(_schedule_chart(found)),
            "load_chart": json.dumps(_load_chart(found)),
        }
    except CommandError as error:
        context["complaint"] = str(error)
    return services.view.page(
        request,
        "what_if.html",
        typed=typed,
        jitters=[jitter.value for jitter in Jitter],
        presets=list(PRESETS),
        **context,
    )


def _typed(query: Mapping[str, str]) -> dict[str, str]:
    if not query:
        return dict(_DEFAULTS)
    typed = {name: query.get(name, "") for name in _DEFAULTS}
    gives_delays = typed["preset"] or typed["schedule"]
    return typed | ({} if gives_delays else {n: v or _DEFAULTS[n] for n, v in typed.items()})


def _assess(services: Services, typed: Mapping[str, str]) -> Assessment:
    policy = policy_form.read_policy(typed)
    deliveries = typed["deliveries"] or _DEFAULTS["deliveries"]
    if not deliveries.isdecimal() or int(deliveries) not in _DELIVERIES:
        raise WhatIfError(f"deliveries: must be 1 to {_DELIVERIES[-1]}")
    sample = services.histories.sample()
    return assess(policy, int(deliveries), sample.histories, is_whole=sample.is_whole)


def _schedule_chart(found: Assessment) -> dict[str, Any]:
    """Return a chart of the policy's attempts over time, each with its range of jitter."""
    steps = found.schedule
    return {
        "kind": "band",
        "x": [step.attempt for step in steps],
        "unit": "s",
        "xLabel": "attempt",
        "series": [
            {"label": "earliest", "tone": "band", "y": [s.earliest_ms / 1000 for s in steps]},
            {"label": "middle", "tone": "p50", "y": [s.middle_ms / 1000 for s in steps]},
            {"label": "latest", "tone": "band", "y": [s.latest_ms / 1000 for s in steps]},
        ],
    }


def _load_chart(found: Assessment) -> dict[str, Any]:
    """Return a chart of the requests per second after many deliveries fail in the same second.

    The curve is at 0 before and after each wave of retries.
    """
    points: dict[float, float] = {0: 0}
    for wave in found.waves:
        points.setdefault(wave.start_s - 0.5 * wave.width_s, 0)
        for number, load in enumerate(wave.per_second):
            at = wave.start_s + (number + 0.5) * wave.width_s
            points[at] = points.get(at, 0) + load
        points.setdefault(wave.start_s + (len(wave.per_second) + 0.5) * wave.width_s, 0)
    ordered = sorted(points)
    return {
        "kind": "area",
        "x": ordered,
        "unit": "a second",
        "xLabel": "after the failure",
        "series": [
            {"label": "requests", "tone": "p50", "y": [round(points[at], 3) for at in ordered]}
        ],
    }

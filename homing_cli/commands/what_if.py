"""`homing what-if`: the effect of a retry policy, also on recorded deliveries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from homing_cli.commands.options import AsJson, Where, print_json
from homing_cli.console.rendering.wording import percent_words, span_words
from homing_cli.terminal import render
from homing_cli.what_if import policy_form
from homing_cli.what_if.assessment import assess
from homing_cli.what_if.histories import DEFAULT_LIMIT, Histories

if TYPE_CHECKING:
    from homing_cli.what_if.assessment import Assessment

_PLOT_WIDTH = 48
_OPTIONS = {
    "maxAttempts": "--max-attempts",
    "baseDelaySeconds": "--base",
    "multiplier": "--multiplier",
    "maxDelaySeconds": "--max-delay",
    "jitter": "--jitter",
    "schedule": "--schedule",
    "preset": "--preset",
    "retryOn": "--retry-on",
    "giveUpOn": "--give-up-on",
}


def what_if(
    where: Where,
    max_attempts: Annotated[
        int | None, typer.Option(help="The maximum number of attempts, including the first.")
    ] = None,
    base: Annotated[float | None, typer.Option(help="The first delay, in seconds.")] = None,
    multiplier: Annotated[
        float | None, typer.Option(help="The factor by which the delay grows with each retry.")
    ] = None,
    max_delay: Annotated[float | None, typer.Option(help="The longest delay, in seconds.")] = None,
    jitter: Annotated[
        str | None, typer.Option(help="The jitter: additive, full, equal, decorrelated or none.")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="Delays in seconds, instead of a formula, e.g. 5,300,1800.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="A named policy: standard-webhooks.")] = None,
    retry_on: Annotated[
        str | None,
        typer.Option(help="HTTP statuses and classes of statuses to retry, e.g. 404,409,3xx."),
    ] = None,
    give_up_on: Annotated[
        str | None,
        typer.Option(help="HTTP statuses and classes of statuses not to retry, e.g. 503."),
    ] = None,
    deliveries: Annotated[
        int,
        typer.Option(
            min=1,
            max=10**9,
            help="How many deliveries fail in the same second, to show the load of their retries.",
        ),
    ] = 10_000,
    histories: Annotated[
        int,
        typer.Option(min=0, help="How many recorded deliveries to try the policy on; 0 for none."),
    ] = DEFAULT_LIMIT,
    as_json: AsJson = False,
) -> None:
    """Show the schedule, load and cost of a retry policy, and its effect on recorded deliveries."""
    given = {
        "maxAttempts": max_attempts,
        "baseDelaySeconds": base,
        "multiplier": multiplier,
        "maxDelaySeconds": max_delay,
        "jitter": jitter,
        "schedule": schedule,
        "preset": preset,
        "retryOn": retry_on,
        "giveUpOn": give_up_on,
    }
    typed = {name: str(value) for name, value in given.items() if value is not None}
    try:
        policy = policy_form.read_policy(typed)
    except policy_form.PolicyError as error:
        raise typer.BadParameter(_by_option(str(error))) from error
    if histories:
        sample = Histories(where.target()).read(histories)
        found = assess(policy, deliveries, sample.histories, is_whole=sample.is_whole)
    else:
        found = assess(policy, deliveries, (), is_whole=False)
    if as_json:
        print_json(found.to_document())
    else:
        render.console().print(show(found))


def _by_option(complaint: str) -> str:
    """Return an error of the API, with the names of options in place of the names of fields."""
    field_names = "(?<!is no )(?:" + "|".join(_OPTIONS) + ")"
    return re.sub(field_names, lambda field: _OPTIONS[field[0]], complaint)


def show(found: Assessment) -> Any:
    """Return an assessment as text for the terminal."""
    return Group(_schedule(found), Text(), _in_short(found), Text(), _past(found))


def _schedule(found: Assessment) -> Any:
    made = render.table("attempt", "earliest", "middle", "latest", "", "peak a second")
    longest = max(found.schedule[-1].latest_ms, 1)
    peaks = ["", *(f"{wave.peak:,.0f}" for wave in found.waves)]
    for step, peak in zip(found.schedule, peaks, strict=True):
        begin, middle, end = (
            round(at / longest * (_PLOT_WIDTH - 1))
            for at in (step.earliest_ms, step.middle_ms, step.latest_ms)
        )
        band = " " * begin + "─" * (end - begin + 1)
        made.add_row(
            str(step.attempt),
            span_words(step.earliest_ms),
            span_words(step.middle_ms),
            span_words(step.latest_ms),
            f"{band[:middle]}●{band[middle + 1 :]}".ljust(_PLOT_WIDTH),
            peak,
        )
    return made


def _in_short(found: Assessment) -> Text:
    last = found.schedule[-1]
    return Text(
        f"from the first attempt to the last: {span_words(last.middle_ms)}"
        f" ({span_words(last.earliest_ms)} to {span_words(last.latest_ms)})\n"
        f"a million messages: ${found.per_million:,.2f}, where {percent_words(found.assumed_rate)}"
        f" of attempts fail{'' if found.failure_rate is not None else ' (assumed)'}\n"
        f"peak: of {found.deliveries:,} deliveries that fail in the same second"
    )


def _past(found: Assessment) -> Any:
    past = found.replay
    if not past.replayed:
        return Text("there are no recorded deliveries to replay")
    made = render.table(f"of {past.replayed} deliveries on record", "")
    rows = {
        "failed, would have been delivered": len(past.rescued_after_ms),
        "failed, would have failed": past.still_failed,
        "delivered, sooner": past.sooner,
        "delivered, later": past.later,
        "delivered, would have been lost": past.lost,
        "median delay of those whose time changed": span_words(past.median_shift_ms),
        "median time to the delivery of those that had failed": span_words(past.median_rescue_ms),
        "attempts made": past.attempts[0],
        "attempts under this policy": past.attempts[1],
        "failed, not retried by this policy": past.given_up,
        "not ended, left out": past.open,
    }
    for name, value in rows.items():
        made.add_row(name, str(value))
    return made

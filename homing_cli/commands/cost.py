"""`homing cost`: the cost of messages on AWS, line by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from homing.reception.payload import MAX_PAYLOAD_BYTES
from homing.retry.policy import PRESETS, Policy
from homing_cli.commands.options import AsJson
from homing_cli.cost import plots
from homing_cli.cost.model import load_model
from homing_cli.cost.prices import UnknownRegionError
from homing_cli.cost.report import Report, show
from homing_cli.cost.workload import DEFAULT_RATE, MAX_BATCH, MILLION, Workload
from homing_cli.terminal import render


def _png(path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() != ".png":
        raise typer.BadParameter(f"{path} does not end in .png")
    return path


def _attempts_of(preset: str) -> int:
    if preset not in PRESETS:
        raise typer.BadParameter(f"{preset!r} is not a preset: give {', '.join(PRESETS)}")
    return len(Policy(schedule=PRESETS[preset].schedule).waits) + 1


def cost(
    messages: Annotated[int, typer.Option(min=1, max=10**12, help="Messages per month.")] = MILLION,
    failure_rate: Annotated[
        float,
        typer.Option(min=0, max=1, help="The share of attempts that fail and are retried, 0 to 1."),
    ] = 0.01,
    payload_bytes: Annotated[
        int, typer.Option(min=0, max=MAX_PAYLOAD_BYTES, help="The size of each payload, in bytes.")
    ] = 1024,
    max_attempts: Annotated[
        int | None,
        typer.Option(
            min=1, max=20, help="The maxAttempts of the policy; 3 by default.", show_default=False
        ),
    ] = None,
    preset: Annotated[
        int | None,
        typer.Option(
            parser=_attempts_of,
            metavar="NAME",
            help=f"Use the number of attempts of this preset: {', '.join(PRESETS)}.",
            show_default=False,
        ),
    ] = None,
    latency_ms: Annotated[
        int,
        typer.Option(min=0, max=60_000, help="The response time of endpoints, in milliseconds."),
    ] = 200,
    rate: Annotated[
        float,
        typer.Option(min=0.001, max=1e6, help="Messages per second at busy times."),
    ] = DEFAULT_RATE,
    batch_size: Annotated[
        float | None,
        typer.Option(
            min=1, max=MAX_BATCH, help="Messages per batch; derived from --rate by default."
        ),
    ] = None,
    via: Annotated[
        Literal["url", "batch", "api", "ingest"],
        typer.Option(
            help=(
                "How messages are sent: through the function URL, one per request (url) or ten "
                "(batch), through an API (api), or through an ingest queue (ingest)."
            )
        ),
    ] = "url",
    express_path: Annotated[
        bool, typer.Option(help="Whether first attempts take the express path.")
    ] = True,
    region: Annotated[str, typer.Option(help="The region whose prices to use.")] = "us-east-1",
    plot: Annotated[
        Path | None,
        typer.Option(
            callback=_png,
            help="Write a plot of cost against failure rate, with and without the express path, to "
            "this PNG file.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the cost of messages on AWS, line by line: counts of calls times prices."""
    if preset and max_attempts:
        raise typer.BadParameter("--preset cannot be combined with --max-attempts")
    try:
        model = load_model(region)
    except UnknownRegionError as error:
        raise typer.BadParameter(str(error), param_hint="'--region'") from error
    workload = Workload(
        messages=messages,
        payload_bytes=payload_bytes,
        failure_rate=failure_rate,
        max_attempts=preset or max_attempts or Policy().max_attempts,
        latency_ms=latency_ms,
        express_path="on" if express_path else "off",
        batch_size=batch_size or MAX_BATCH,
        rate=rate,
        via=via,
    )
    if batch_size is None:
        workload = model.filled(workload)
    if plot:
        plots.cost_by_failure_rate(model, workload, plot)
    report = Report(model, workload, region)
    if as_json:
        typer.echo(json.dumps(report.to_document(), indent=2))
    else:
        render.console().print(show(report))

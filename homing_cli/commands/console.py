"""`homing console`: the web page, on 127.0.0.1."""

from __future__ import annotations

import webbrowser
from contextlib import nullcontext
from typing import Annotated

import typer

from homing_cli.client.target import find_target, local_target
from homing_cli.commands.options import Profile, Region, Stack
from homing_cli.console.serve import DEFAULT_PORT, serve
from homing_cli.demo import traffic
from homing_cli.local import local_cloud


def console(
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help=f"The port on 127.0.0.1; by default {DEFAULT_PORT}, or any free one.",
            show_default=False,
        ),
    ] = None,
    allow_actions: Annotated[
        bool,
        typer.Option(
            "--allow-actions",
            help="Let dead letters be sent again and discarded, waiting deliveries be tried now or "
            "cancelled.",
        ),
    ] = False,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo",
            help="Bring up the local cloud, keep sending messages, allow actions.",
        ),
    ] = False,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in the browser.")
    ] = True,
    stack: Stack = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Show every delivery's story on a web page, until Ctrl-C. It only reads, unless told else."""
    if demo and stack:
        raise typer.BadParameter("--demo is for the local cloud: no --stack beside it")

    def ready(url: str) -> None:
        typer.echo(f"the console is at {url}; Ctrl-C ends it")
        if open_browser:
            webbrowser.open(url)

    if demo:
        local_cloud.up(None, say=typer.echo)
    target = (
        local_target(local_cloud.STATE_DIR / local_cloud.RECORD)
        if demo
        else find_target(stack, region, profile)
    )
    with traffic.running(target) if demo else nullcontext():
        serve(target, port=port, allow_actions=allow_actions or demo, on_ready=ready)

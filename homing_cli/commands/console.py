"""`homing console`: the console, served on 127.0.0.1."""

from __future__ import annotations

import webbrowser
from contextlib import nullcontext
from typing import Annotated

import typer

from homing_cli.client.target import local_target
from homing_cli.commands.options import Where
from homing_cli.console import DEFAULT_PORT
from homing_cli.demo import traffic
from homing_cli.local import local_cloud


def console(
    where: Where,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help=f"The port on 127.0.0.1; {DEFAULT_PORT} by default, or a free one if that is "
            "taken.",
            show_default=False,
        ),
    ] = None,
    allow_actions: Annotated[
        bool,
        typer.Option(
            "--allow-actions",
            help="Allow redriving and discarding dead letters, retrying and cancelling waiting "
            "deliveries, and changing endpoints.",
        ),
    ] = False,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo",
            help="Start the local cloud, keep sending messages to it, and allow actions.",
        ),
    ] = False,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the console in the browser.")
    ] = True,
) -> None:
    """Serve, until Ctrl-C, a web page that shows every delivery. It is read-only by default."""
    if demo and where.stack:
        raise typer.BadParameter("--demo cannot be combined with --stack")
    from homing_cli.console.serve import serve  # noqa: PLC0415 -- needs the extra `console`

    def ready(url: str) -> None:
        typer.echo(f"the console is at {url}; Ctrl-C ends it")
        if open_browser:
            webbrowser.open(url)

    if demo:
        local_cloud.up(None, say=typer.echo)
    target = local_target(local_cloud.STATE_DIR / local_cloud.RECORD) if demo else where.target()
    with traffic.running(target) if demo else nullcontext():
        serve(target, port=port, allow_actions=allow_actions or demo, on_ready=ready)

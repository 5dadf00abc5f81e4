"""The commands `homing undispatched ...`: messages that were accepted and not dispatched."""

from __future__ import annotations

from typing import Annotated

import typer

from homing_cli.client import undispatched
from homing_cli.client.target import find_target
from homing_cli.commands.command_line import Commands, where
from homing_cli.commands.options import AsJson, MessageId, Profile, Region, Stack, print_json
from homing_cli.commands.reading import Limit
from homing_cli.errors import NotFoundError
from homing_cli.terminal import render

app = Commands(
    callback=where, no_args_is_help=True, help="List, show and redrive undispatched messages."
)


@app.command("list")
def list_undispatched(
    limit: Limit = 100,
    as_json: AsJson = False,
    stack: Stack = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """List accepted messages that could not be dispatched in five tries."""
    found = undispatched.look(find_target(stack, region, profile), limit)
    if as_json:
        print_json([one.to_document() for one in found])
        return
    if found:
        render.console().print(render.undispatched(found))
    typer.echo(f"{len(found)} in the queue of undispatched messages")


@app.command("show")
def show_undispatched(
    message_id: MessageId,
    limit: Limit = 1000,
    stack: Stack = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Show the queue messages of a message, as JSON."""
    found = undispatched.look(find_target(stack, region, profile), limit)
    bodies = [one.document for one in found if one.message_id == message_id]
    if not bodies:
        raise NotFoundError(f"message {message_id} is not in the queue of undispatched messages")
    print_json(bodies)


@app.command("redrive")
def redrive_undispatched(
    message_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The messageId.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Redrive all undispatched messages.")
    ] = False,
    stack: Stack = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Send undispatched messages to the delivery queue again.

    The exit status is 1 if there was none.
    """
    if (message_id is None) != everything:
        raise typer.BadParameter("give either an ID or --all")
    sent = undispatched.send_again(find_target(stack, region, profile), message_id)
    typer.echo(f"{sent} sent to the delivery queue again")
    raise typer.Exit(0 if sent else 1)

"""The commands `homing undispatched ...`: messages that were accepted and not dispatched."""

from __future__ import annotations

from typing import Annotated

import typer

from homing_cli.client.queues import undispatched
from homing_cli.commands.command_line import Commands, pass_on
from homing_cli.commands.options import AsJson, MessageId, Where, print_json
from homing_cli.commands.reading import Limit
from homing_cli.errors import NotFoundError
from homing_cli.terminal import render

app = Commands(
    callback=pass_on, no_args_is_help=True, help="List, show and redrive undispatched messages."
)


@app.command("list")
def list_undispatched(
    where: Where,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List accepted messages that could not be dispatched in five tries."""
    found = undispatched.look(where.target(), limit)
    if as_json:
        print_json([one.to_document() for one in found])
        return
    if found:
        render.console().print(render.undispatched(found))
    typer.echo(f"{len(found)} in the queue of undispatched messages")


@app.command("show")
def show_undispatched(
    message_id: MessageId,
    where: Where,
    limit: Limit = 1000,
) -> None:
    """Show the queue messages of a message, as JSON."""
    found = undispatched.look(where.target(), limit)
    bodies = [one.document for one in found if one.message_id == message_id]
    if not bodies:
        raise NotFoundError(f"message {message_id} is not in the queue of undispatched messages")
    print_json(bodies)


@app.command("redrive")
def redrive_undispatched(
    where: Where,
    message_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The messageId.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Redrive all undispatched messages.")
    ] = False,
) -> None:
    """Send undispatched messages to the delivery queue again.

    The exit status is 1 if there was none.
    """
    if (message_id is None) != everything:
        raise typer.BadParameter("give either an ID or --all")
    sent = undispatched.send_again(where.target(), message_id)
    typer.echo(f"{sent} sent to the delivery queue again")
    raise typer.Exit(0 if sent else 1)

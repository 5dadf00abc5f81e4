"""The commands `homing undispatched ...`: messages that were not dispatched, or not accepted."""

from __future__ import annotations

from typing import Annotated

import typer

from homing_cli.client.queues import unaccepted, undispatched
from homing_cli.commands.command_line import Commands, pass_on
from homing_cli.commands.options import AsJson, MessageId, Where, print_json
from homing_cli.commands.reading import Limit
from homing_cli.errors import NotFoundError
from homing_cli.terminal import render

app = Commands(
    callback=pass_on,
    no_args_is_help=True,
    help="List, show and redrive undispatched and unaccepted messages.",
)
OneOrAll = Annotated[str | None, typer.Argument(metavar="[ID]", help="The messageId.")]


@app.command("list")
def list_undispatched(
    where: Where,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List accepted messages that could not be dispatched in five tries.

    Messages of an ingest queue that could not be accepted are listed with the reason.
    """
    target = where.target()
    found, refused = undispatched.look(target, limit), unaccepted.look(target, limit)
    if as_json:
        lines = [one.to_document() for one in found]
        print_json([*lines, *(one.to_document() for one in refused)])
        return
    if found:
        render.console().print(render.undispatched(found))
    typer.echo(f"{len(found)} in the queue of undispatched messages")
    if refused:
        render.console().print(render.unaccepted(refused))
        typer.echo(f"{len(refused)} in the queue of unaccepted messages")


@app.command("show")
def show_undispatched(
    message_id: MessageId,
    where: Where,
    limit: Limit = 1000,
) -> None:
    """Show an undispatched or unaccepted message, as JSON.

    An unaccepted message is shown with its problem document.
    """
    target = where.target()
    found = [one for one in undispatched.look(target, limit) if one.message_id == message_id]
    refused = [one for one in unaccepted.look(target, limit) if one.message_id == message_id]
    if not found and not refused:
        raise NotFoundError(
            f"message {message_id} is not in the queues of undispatched and unaccepted messages"
        )
    print_json([*(one.document for one in found), *(one.to_document() for one in refused)])


@app.command("redrive")
def redrive_undispatched(
    where: Where,
    message_id: OneOrAll = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Redrive all undispatched and unaccepted messages.")
    ] = False,
) -> None:
    """Send messages to their queue again: the delivery queue or an ingest queue.

    A message that is still invalid becomes an unaccepted message again. The exit status is 1 if
    there was no message to send.
    """
    _check(message_id, everything=everything)
    target = where.target()
    sent = undispatched.send_again(target, message_id)
    ingested = unaccepted.send_again(target, message_id)
    typer.echo(f"{sent} sent to the delivery queue again")
    if ingested:
        typer.echo(f"{ingested} sent to the ingest queue again")
    raise typer.Exit(0 if sent or ingested else 1)


@app.command("discard")
def discard_unaccepted(
    where: Where,
    message_id: OneOrAll = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Delete all unaccepted messages.")
    ] = False,
) -> None:
    """Delete unaccepted messages and print them as JSON.

    Accepted messages are never deleted. The exit status is 1 if none was deleted.
    """
    _check(message_id, everything=everything)
    gone = unaccepted.discard(where.target(), message_id)
    print_json([one.to_document() for one in gone])
    raise typer.Exit(0 if gone else 1)


def _check(message_id: str | None, *, everything: bool) -> None:
    if (message_id is None) != everything:
        raise typer.BadParameter("give either an ID or --all")

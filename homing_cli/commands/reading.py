"""The read-only commands: `status`, `trace`, `deliveries` and `dead-letters`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from botocore.exceptions import ClientError

from homing.ledger.delivery_groups import GROUPINGS, grouped
from homing.recovery.bulk_redrive import REDRIVABLE
from homing_cli.client import many
from homing_cli.client.api import ApiClient
from homing_cli.client.deliveries import views
from homing_cli.client.queues import dead_letters
from homing_cli.client.queues.held_dead_letters import Filter
from homing_cli.commands.command_line import Commands
from homing_cli.commands.options import (
    AsJson,
    MessageId,
    Sender,
    Where,
    print_json,
)
from homing_cli.commands.selection import Selection
from homing_cli.errors import NotFoundError
from homing_cli.escaping import say
from homing_cli.terminal import render
from homing_cli.traces import trace as tracing
from homing_cli.traces.story import tell
from homing_cli.traces.timing import hops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homing.ledger.delivery_filter import DeliveryFilter, Listed
    from homing_cli.client.deliveries import DeliveryView
    from homing_cli.client.target import Target
    from homing_cli.traces.story import Story

reading = Commands()
dead_letters_app = Commands(
    invoke_without_command=True, help="List, show and redrive dead letters."
)
reading.add_typer(dead_letters_app, name="dead-letters")


@reading.command("status")
def status_command(
    message_id: MessageId,
    where: Where,
    sender: Sender = None,
    as_json: AsJson = False,
) -> None:
    """Show the status of a message: its deliveries, their attempts and the responses."""
    target = where.target()
    document = ApiClient(target).message(message_id, sender)
    if as_json:
        print_json(document)
        return
    console = render.console()
    if not document["deliveries"]:
        console.print("no deliveries: no endpoint subscribed to this event")
    for view in views(document):
        console.print(render.deliveries([view]), "")
        story = _story(target, view)
        if story.chapters:
            console.print(render.attempts(story), "")
        for line in render.response_bodies(story):
            console.print(line)


def _story(target: Target, view: DeliveryView) -> Story:
    """Return a delivery's attempts, from the API, the ledger and the delivery's executions."""
    try:
        return tracing.story(target, view)
    except ClientError as error:
        say(f"homing: response bodies cannot be shown: {error}", err=True)
        return tell(view.document, ())


Timing = Annotated[
    bool, typer.Option("--timing", help="Show how long each hop of a delivery took.")
]


@reading.command("trace")
def trace_command(
    message_id: MessageId,
    where: Where,
    sender: Sender = None,
    timing: Timing = False,
    as_json: AsJson = False,
) -> None:
    """Show the executions of a message as trees: states, durations, outcomes and waits."""
    target = where.target()
    traces = tracing.trace(target, ApiClient(target), message_id, sender)
    if as_json:
        documents = [
            each.to_document()
            | ({"hops": [hop.to_document() for hop in hops(each)]} if timing else {})
            for each in traces
        ]
        print_json({"messageId": message_id, "deliveries": documents})
        return
    for found in traces:
        render.console().print(render.trace(found))
        if timing:
            render.console().print(render.timing(hops(found)))


AnySender = Annotated[
    str | None,
    typer.Option(
        "--sender",
        help="Only dead letters of this sender; of all senders by default.",
        show_default=False,
    ),
]
Limit = Annotated[int, typer.Option(min=1, help="Read at most this many messages from the queue.")]
_LISTED = 100
ListLimit = Annotated[
    int | None,
    typer.Option(
        min=1,
        help=f"Show at most this many dead letters; {_LISTED} by default, or all with --whole.",
        show_default=False,
    ),
]
ShownLimit = Annotated[int, typer.Option(min=1, help="Show at most this many deliveries.")]

GroupBy = Annotated[
    list[str] | None,
    typer.Option(
        "--group-by",
        metavar="WORD",
        help=f"Instead of a list, show counts by one of: {', '.join(GROUPINGS)}. Repeat for more.",
        show_default=False,
    ),
]


@reading.command("deliveries")
def deliveries_command(
    where: Where,
    selection: Selection,
    group_by: GroupBy = None,
    limit: ShownLimit = _LISTED,
    as_json: AsJson = False,
) -> None:
    """List waiting, failed and cancelled deliveries, the latest first, or count them."""
    found = many.listed(where.target(), selection.filter(), datetime.now(UTC))
    _show_listed(found, "deliveries", group_by, limit, as_json=as_json)


@dead_letters_app.callback()
def dead_letters_default(
    context: typer.Context,
    where: Where,
    selection: Selection,
    group_by: GroupBy = None,
    limit: ListLimit = None,
    as_json: AsJson = False,
) -> None:
    """List or count dead letters."""
    if context.invoked_subcommand is None:
        dead_letters_list(where, selection, group_by, limit, as_json)


@dead_letters_app.command("list")
def dead_letters_list(
    where: Where,
    selection: Selection,
    group_by: GroupBy = None,
    limit: ListLimit = None,
    as_json: AsJson = False,
    whole: Annotated[
        bool,
        typer.Option(
            "--whole",
            help="Print the dead letters of the queue in full, each as a line of JSON, e.g. for a "
            "backup; of the filters, only --endpoint applies.",
        ),
    ] = False,
) -> None:
    """List dead letters with their sender, endpoint and reason, the latest first, or count them.

    With --whole, the exit status is 1 if fewer dead letters were printed than the queue holds.
    """
    target = where.target()
    if whole:
        _print_whole(target, limit, selection.endpoint)
        return
    found = many.listed(target, only_failed(selection), datetime.now(UTC))
    _show_listed(found, "deadLetters", group_by, limit or _LISTED, as_json=as_json)


def only_failed(selection: Selection) -> DeliveryFilter:
    """Return the filter that the options of a dead-letter command describe.

    Raises:
        typer.BadParameter: when a value is not valid, or dead letters cannot have the status.
    """
    wanted = selection.filter()
    if selection.status is None:
        return replace(wanted, statuses=REDRIVABLE)
    if others := [each for each in wanted.statuses if each not in REDRIVABLE]:
        known = " or ".join(REDRIVABLE)
        raise typer.BadParameter(f"--status {others[0]} has no dead letters: give {known}")
    return wanted


def _show_listed(
    found: Sequence[Listed],
    name: str,
    group_by: Sequence[str] | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    if group_by:
        show_groups(found, group_by, as_json=as_json)
        return
    shown = found[:limit]
    if as_json:
        print_json({"total": len(found), name: [one.to_document() for one in shown]})
        return
    console = render.console()
    if shown:
        console.print(render.listed(shown))
    more = f", {len(shown)} shown" if len(shown) < len(found) else ""
    console.print(f"{len(found)} match{more}")


def show_groups(found: Sequence[Listed], by: Sequence[str], *, as_json: bool) -> None:
    """Show how many deliveries there are in each group.

    Raises:
        typer.BadParameter: when a word in `by` is unknown.
    """
    if unknown := [word for word in by if word not in GROUPINGS]:
        raise typer.BadParameter(f"--group-by {unknown[0]} is unknown: use {', '.join(GROUPINGS)}")
    groups = grouped(found, by)
    if as_json:
        print_json({"total": len(found), "groups": [each.to_document() for each in groups]})
        return
    console = render.console()
    if groups:
        console.print(render.groups(groups))
    console.print(f"{len(found)} match")


@dead_letters_app.command("show")
def dead_letters_show(
    message_id: MessageId,
    where: Where,
    sender: AnySender = None,
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """Show the complete dead letters of a message."""
    seen = dead_letters.look(where.target(), limit)
    wanted = Filter(message_id=message_id, sender_id=sender)
    found = [one for one in seen.dead_letters if wanted.matches(one)]
    if not found:
        whose = f" of sender {sender}" if sender else ""
        raise NotFoundError(f"no dead letter of message {message_id}{whose} ({seen.summary})")
    if as_json:
        print_json([one.document for one in found])
        return
    console = render.console()
    for one in found:
        console.print(render.dead_letters([one]), "")
        print_json(one.document)
        console.print()


def _print_whole(target: Target, limit: int | None, endpoint_id: str | None) -> None:
    total = dead_letters.count(target)
    looked_at = 0
    for line in dead_letters.copies(target, limit):
        dead_letter = dead_letters.DeadLetter.from_body(line)
        if endpoint_id is None or (
            dead_letter and dead_letter.reference.endpoint_id == endpoint_id
        ):
            typer.echo(line)
        looked_at += 1
    if looked_at < min(limit or total, total):
        done = "printed" if endpoint_id is None else "looked at"
        typer.echo(f"{done} {looked_at} of about {total} dead letters", err=True)
        raise typer.Exit(1)

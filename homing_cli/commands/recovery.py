"""The commands that act on a delivery: `dead-letters redrive`, `retry-now` and `cancel`.

Each can be repeated safely.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_hex
from time import sleep
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from homing.recovery.bulk_redrive import (
    DEFAULT_RATE,
    HIGHEST_RATE,
    LONGEST_HOURS,
    LOWEST_RATE,
    too_long,
)
from homing.recovery.interventions import Result
from homing_cli.client import many
from homing_cli.client.api import ApiClient
from homing_cli.client.deliveries import views
from homing_cli.client.queues.held_dead_letters import Filter, HeldDeadLetter, hold
from homing_cli.client.recovery import Actions, Done
from homing_cli.commands.command_line import Commands
from homing_cli.commands.options import (
    AsJson,
    MessageId,
    Sender,
    Where,
    print_json,
)
from homing_cli.commands.reading import dead_letters_app, only_failed
from homing_cli.commands.selection import Selection
from homing_cli.escaping import say
from homing_cli.terminal import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from homing.delivery import Reference
    from homing.ledger.delivery_groups import Group
    from homing.recovery.bulk_redrive import BulkRedrive
    from homing.recovery.bulk_redrives import BulkRedrives
    from homing_cli.client.target import Target

acting = Commands()
_NEWEST = 20

_SAYINGS = {
    Result.REDRIVEN: "redriven",
    Result.ALREADY_REDRIVEN: "redriven before",
    Result.RETRIED_NOW: "retried now",
    Result.CANCELLED: "cancelled",
    Result.PASSED_OVER: "still failed; the deliveries behind it continue",
    Result.UNDER_WAY: "not changed: an attempt is under way",
    Result.ENDED: "not changed: it has ended",
    Result.DEAD_LETTER_MISSING: "not redriven: the payload is no longer stored",
    Result.NOT_WAITING: "not changed: it does not wait for an attempt",
}


Rate = Annotated[
    float,
    typer.Option(
        "--rate",
        min=LOWEST_RATE,
        max=HIGHEST_RATE,
        help="Redrive at most this many deliveries a second.",
    ),
]
RedriveId = Annotated[
    str, typer.Argument(metavar="REDRIVE", help="The id of the bulk redrive.", show_default=False)
]


@dead_letters_app.command("redrive")
def dead_letters_redrive(
    where: Where,
    selection: Selection,
    message_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The messageId.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Redrive all dead letters.")] = False,
    rate: Rate = DEFAULT_RATE,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Count the deliveries that would be redriven, and redrive none."
        ),
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Do not wait until all redriven deliveries have ended.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Redrive dead letters: those of one message, those that match filters, or all.

    Homing redrives the matching dead letters in the background, at a limited rate. The command
    shows the progress; the redrive continues if you interrupt the command. The exit status is 1 if
    any could not be redriven or failed again, or if none matched.
    """
    if message_id is not None:
        _redrive_one(where.target(), message_id, selection, dry_run=dry_run, as_json=as_json)
    if selection.is_empty != everything:
        raise typer.BadParameter("give either an ID or filters, or --all")
    wanted = only_failed(selection)
    target = where.target()
    redrives, now = many.bulk_redrives(target), datetime.now(UTC)
    groups = redrives.preview(wanted, now)
    matched = sum(group.count for group in groups)
    if dry_run or not matched:
        _show_preview(groups, matched, as_json=as_json)
        raise typer.Exit(0 if matched else 1)
    if too_long(matched, rate):
        raise typer.BadParameter(
            f"--rate {rate:g} is too low: {matched} deliveries would take longer than "
            f"{LONGEST_HOURS} hours"
        )
    if not as_json:
        _show_preview(groups, matched, as_json=False)
    begun = redrives.begin(token_hex(8), wanted, rate, matched=matched, now=now)
    _follow(redrives, begun.redrive_id, detach=detach, as_json=as_json)


@dead_letters_app.command("redrives")
def dead_letters_redrives(
    where: Where,
    redrive_id: Annotated[
        str | None, typer.Argument(metavar="[REDRIVE]", help="The id of a bulk redrive to follow.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the bulk redrives of the last 30 days, or follow one until it has ended."""
    redrives = many.bulk_redrives(where.target())
    if redrive_id is not None:
        _follow(redrives, redrive_id, detach=False, as_json=as_json)
    found = redrives.redrives.newest(_NEWEST)
    if as_json:
        print_json([one.to_document() for one in found])
        return
    for one in found:
        say(f"{one.redrive_id} {one.started_at} {_progress(one)}")
    say(f"{len(found)} bulk redrives")


@dead_letters_app.command("stop")
def dead_letters_stop(redrive_id: RedriveId, where: Where, as_json: AsJson = False) -> None:
    """Stop a bulk redrive; deliveries already redriven continue."""
    stopped = many.stop(many.bulk_redrives(where.target()), redrive_id)
    if as_json:
        print_json(stopped.to_document())
    else:
        say(_progress(stopped))


def _redrive_one(
    target: Target, message_id: str, selection: Selection, *, dry_run: bool, as_json: bool
) -> NoReturn:
    """Redrive a message: from its dead letters in the queue or, without any, from the ledger."""
    if replace(selection, sender=None) != Selection():
        raise typer.BadParameter("an ID cannot be combined with filters, except --sender")
    wanted = Filter(message_id=message_id, sender_id=selection.sender)
    done: list[Done] = []
    with hold(target, wanted) as held:
        if dry_run:
            _told(map(_shown, held), done, quiet=True)
        else:
            _told(Actions(target).redrive_dead_letters(held), done, quiet=as_json)
    if not done and not dry_run:
        # No dead letter is in the queue, but Homing may still store the payload.
        found = _references(target, message_id, selection.sender)
        _told((Actions(target).redrive(one) for one in found), done, quiet=as_json)
    if as_json:
        print_json({"dryRun": dry_run, "deliveries": [_document(one) for one in done]})
    else:
        say(_summary(done, "would be redriven" if dry_run else None))
    brought_back = {Result.REDRIVEN, Result.ALREADY_REDRIVEN}
    succeeded = done and all(one.result in brought_back for one in done)
    raise typer.Exit(0 if succeeded else 1)


def _show_preview(groups: Sequence[Group], matched: int, *, as_json: bool) -> None:
    if as_json:
        found = [each.to_document() for each in groups]
        print_json({"dryRun": True, "matched": matched, "groups": found})
        return
    if groups:
        render.console().print(render.groups(groups))
    say(f"{matched} dead letters match")


def _follow(redrives: BulkRedrives, redrive_id: str, *, detach: bool, as_json: bool) -> NoReturn:
    """Show the progress of a bulk redrive until its end; with --detach, only say that it runs."""
    last = many.find(redrives, redrive_id)
    try:
        for last in () if detach else many.followed(redrives, redrive_id, sleep):
            if not as_json:
                say(_progress(last))
    except KeyboardInterrupt:
        say(
            f"homing: bulk redrive {redrive_id} continues; `homing dead-letters stop {redrive_id}` "
            "stops it",
            err=True,
        )
        raise
    if as_json:
        print_json(last.to_document())
    elif detach:
        say(f"bulk redrive {redrive_id} has begun; follow it with `homing dead-letters redrives`")
    raise typer.Exit(1 if last.failed or last.not_redriven or last.is_stopped else 0)


def _progress(one: BulkRedrive) -> str:
    """Return the progress of a bulk redrive in one line."""
    parts = [
        f"{one.redriven} of {one.matched} redriven",
        f"{one.delivered} delivered",
        f"{one.failed} failed again",
        f"{one.waiting} waiting",
        *([f"{one.not_redriven} not redriven"] if one.not_redriven else []),
        *(["stopped"] if one.is_stopped else []),
    ]
    return ", ".join(parts)


@acting.command("retry-now")
def retry_now(
    message_id: MessageId,
    where: Where,
    sender: Sender = None,
    as_json: AsJson = False,
) -> None:
    """Make the next attempt of a message's waiting deliveries now.

    The exit status is 0 if at least one delivery is retried now.
    """
    target = where.target()
    _act(target, Actions(target).retry_now, message_id, sender, as_json=as_json)


@acting.command("cancel")
def cancel(
    message_id: MessageId,
    where: Where,
    sender: Sender = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a message's deliveries. A request that is in progress may still arrive.

    The exit status is 0 if at least one delivery is cancelled.
    """
    target = where.target()
    _act(target, Actions(target).cancel, message_id, sender, as_json=as_json)


def _act(
    target: Target,
    act: Callable[[Reference], Done],
    message_id: str,
    sender: str | None,
    *,
    as_json: bool,
) -> None:
    done: list[Done] = []
    _told((act(one) for one in _references(target, message_id, sender)), done, quiet=as_json)
    if as_json:
        print_json([_document(one) for one in done])
    wanted = {Result.RETRIED_NOW, Result.CANCELLED, Result.PASSED_OVER}
    raise typer.Exit(0 if any(one.result in wanted for one in done) else 1)


def _references(target: Target, message_id: str, sender: str | None) -> list[Reference]:
    return [view.reference for view in views(ApiClient(target).message(message_id, sender))]


def _told(made: Iterable[Done], done: list[Done], *, quiet: bool) -> None:
    """Append each result to `done`, and report it unless `quiet`."""
    for one in made:
        done.append(one)
        if not quiet:
            say(f"{one.reference.message_id} -> {one.reference.target_url}: {_SAYINGS[one.result]}")


def _shown(held: HeldDeadLetter) -> Done:
    reference = held.dead_letter.reference
    say(f"{reference.message_id} -> {reference.target_url}: {held.dead_letter.reason}", err=True)
    return Done(reference, Result.REDRIVEN)


def _summary(done: Iterable[Done], instead: str | None) -> str:
    tally = Counter(instead or _SAYINGS[one.result] for one in done)
    return ", ".join(f"{count} {saying}" for saying, count in tally.items()) or "no dead letters"


def _document(done: Done) -> dict[str, str]:
    return {
        "messageId": done.reference.message_id,
        "senderId": done.reference.sender_id,
        "deliveryId": done.reference.delivery_id,
        "targetUrl": done.reference.target_url,
        "result": done.result,
    }

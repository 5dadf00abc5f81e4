"""The commands that act on a delivery: `dead-letters redrive`, `retry-now` and `cancel`.

Each can be repeated safely.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated

import typer

from homing.recovery.interventions import Result
from homing.retry.classification import Category
from homing_cli.client.api import ApiClient
from homing_cli.client.deliveries import views
from homing_cli.client.queues import dead_letters
from homing_cli.client.queues.held_dead_letters import HOLD_SECONDS, Filter, HeldDeadLetter, hold
from homing_cli.client.recovery import Actions, Done
from homing_cli.client.target import Target
from homing_cli.commands.command_line import Commands
from homing_cli.commands.options import (
    AsJson,
    MessageId,
    Sender,
    Where,
    instant,
    print_json,
)
from homing_cli.commands.reading import AnySender, dead_letters_app
from homing_cli.escaping import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from homing.delivery import Reference

acting = Commands()

_SAYINGS = {
    Result.REDRIVEN: "redriven",
    Result.ALREADY_REDRIVEN: "redriven before",
    Result.RETRIED_NOW: "retried now",
    Result.CANCELLED: "cancelled",
    Result.UNDER_WAY: "not changed: an attempt is under way",
    Result.ENDED: "not changed: it has ended",
    Result.DEAD_LETTER_MISSING: "not redriven: the payload is no longer stored",
    Result.NOT_WAITING: "not changed: it does not wait for an attempt",
}


def _category(text: str) -> Category:
    try:
        return Category(text.upper())
    except ValueError as error:
        known = ", ".join(Category)
        raise typer.BadParameter(f"{text!r} is not a category: give one of {known}") from error


GivenUpAs = Annotated[
    Category | None,
    typer.Option(
        parser=_category,
        metavar="CATEGORY",
        help="Only those that failed with this category, e.g. SERVER_ERROR.",
        show_default=False,
    ),
]
At = Annotated[
    datetime | None,
    typer.Option(
        parser=instant,
        metavar="TIME",
        help="Compared with the last attempt, e.g. 2026-01-31T12:00:00Z.",
        show_default=False,
    ),
]


@dead_letters_app.command("redrive")
def dead_letters_redrive(
    where: Where,
    message_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The messageId.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Redrive all dead letters.")] = False,
    sender: AnySender = None,
    endpoint: Annotated[
        str | None, typer.Option(help="Only those to the endpoint with this endpointId.")
    ] = None,
    target_url: Annotated[
        str | None, typer.Option("--target", help="Only those to target URLs with this prefix.")
    ] = None,
    category: GivenUpAs = None,
    before: At = None,
    after: At = None,
    rate: Annotated[
        float, typer.Option(min=0.1, help="Redrive this many per second at most.")
    ] = 10,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show which would be redriven, and do nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Redrive dead letters: those of one message, those that match filters, or all.

    A dead letter is deleted from the queue once its new execution has started. The exit status is 1
    if one could not be redriven, if none matched, or, without ID, if not the whole queue was read.
    """
    wanted = Filter(
        message_id=message_id,
        sender_id=sender,
        endpoint_id=endpoint,
        target=target_url,
        category=category,
        before=before,
        after=after,
    )
    if (wanted == Filter()) != everything:
        raise typer.BadParameter("give either an ID or filters, or --all")
    target = where.target()
    done: list[Done] = []
    try:
        complaint = _redrive(target, wanted, done, rate=None if dry_run else rate, quiet=as_json)
    except KeyboardInterrupt:
        _report(done, as_json=as_json, dry_run=dry_run)
        say(
            "homing: interrupted; dead letters that were received and not redriven are back in the "
            "queue. Run the same command again to continue",
            err=True,
        )
        raise
    _report(done, as_json=as_json, dry_run=dry_run)
    if complaint:
        say(f"homing: {complaint}", err=True)
    brought_back = {Result.REDRIVEN, Result.ALREADY_REDRIVEN}
    is_whole = not complaint or message_id is not None  # the total says nothing about one message
    succeeded = done and is_whole and all(one.result in brought_back for one in done)
    raise typer.Exit(0 if succeeded else 1)


def _redrive(
    target: Target, wanted: Filter, done: list[Done], *, rate: float | None, quiet: bool
) -> str:
    """Redrive the dead letters that match, or only show them if `rate` is None.

    Returns:
        An error if not the whole queue was read, else an empty text.
    """
    total = dead_letters.count(target)
    with hold(target, wanted) as held:
        if rate is None:
            _told(map(_shown, held), done, quiet=True)
        else:
            _told(Actions(target).redrive_dead_letters(_paced(held, 1 / rate)), done, quiet=quiet)
    if rate is not None and not done and wanted.message_id:
        # The dead letter is not in the queue; Homing may have kept the payload.
        found = _references(target, wanted.message_id, wanted.sender_id)
        _told((Actions(target).redrive(one) for one in found), done, quiet=quiet)
    if held.looked_at >= total:
        return ""
    return (
        f"read {held.looked_at} of about {total} dead letters: another command may hold the "
        f"others. Run this again in {HOLD_SECONDS // 60} minutes"
    )


def _report(done: list[Done], *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        print_json({"dryRun": dry_run, "deliveries": [_document(one) for one in done]})
    else:
        say(_summary(done, "would be redriven" if dry_run else None))


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
    """Cancel a message's deliveries. A request that is under way may still arrive.

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
    wanted = {Result.RETRIED_NOW, Result.CANCELLED}
    raise typer.Exit(0 if any(one.result in wanted for one in done) else 1)


def _references(target: Target, message_id: str, sender: str | None) -> list[Reference]:
    return [view.reference for view in views(ApiClient(target).message(message_id, sender))]


def _told(made: Iterable[Done], done: list[Done], *, quiet: bool) -> None:
    """Append each result to `done` as it comes, and report it unless `quiet`."""
    for one in made:
        done.append(one)
        if not quiet:
            say(f"{one.reference.message_id} -> {one.reference.target_url}: {_SAYINGS[one.result]}")


def _paced(held: Iterable[HeldDeadLetter], seconds: float) -> Iterator[HeldDeadLetter]:
    for dead_letter in held:
        started = monotonic()
        yield dead_letter
        sleep(max(0, started + seconds - monotonic()))


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

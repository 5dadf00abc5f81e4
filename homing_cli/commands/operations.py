"""The commands for operators of a stack: `drain` and `broken`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from homing_cli.client.executions.broken import broken_executions
from homing_cli.client.executions.waiting import Drain, Drained
from homing_cli.commands.command_line import Commands
from homing_cli.commands.options import AsJson, Where, print_json
from homing_cli.terminal import render

if TYPE_CHECKING:
    from homing_cli.client.executions.waiting import Waiting

operating = Commands()


@operating.command("drain")
def drain(
    where: Where,
    dead_letter: Annotated[
        bool,
        typer.Option(
            "--dead-letter",
            help="Move waiting deliveries to the dead-letter queue, and stop their executions.",
        ),
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Cancel waiting deliveries, and stop their executions.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List deliveries that wait in the Standard workflow, or end them before a stack is removed.

    The exit status is 1 if any execution is still waiting or running.
    """
    if dead_letter and cancel:
        raise typer.BadParameter("--dead-letter cannot be combined with --cancel")
    draining = Drain(where.target())
    end = draining.dead_letter if dead_letter else draining.cancel if cancel else None
    done = [(one, end(one) if end else None) for one in draining.waiting()]
    if as_json:
        print_json([{**one.to_document(), "result": result} for one, result in done])
    elif end is None:
        _show([one for one, _ in done])
    else:
        for result, count in sorted(Counter(result for _, result in done if result).items()):
            typer.echo(f"{count} {_SAYINGS[result]}")
    left = [one for one, result in done if result in {None, Drained.UNDER_WAY}]
    raise typer.Exit(1 if left else 0)


def _show(found: list[Waiting]) -> None:
    if found:
        render.console().print(render.waiting(found))
    typer.echo(f"{len(found)} in the Standard workflow")


_SAYINGS = {
    Drained.DEAD_LETTERED: "moved to the dead-letter queue",
    Drained.CANCELLED: "cancelled",
    Drained.STOPPED: "had ended already: stopped",
    Drained.UNDER_WAY: "under way, left as they are: run this again in a minute",
}


@operating.command("broken")
def broken(
    where: Where,
    as_json: AsJson = False,
) -> None:
    """List executions that ended without delivering or dead-lettering their message.

    Only executions of the last 14 days are listed. The watchdog resumes their deliveries. The exit
    status is 1 if any is listed.
    """
    found = list(broken_executions(where.target()))
    if as_json:
        print_json([one.to_document() for one in found])
    else:
        if found:
            render.console().print(render.broken(found))
        typer.echo(f"{len(found)} broken")
    raise typer.Exit(1 if found else 0)

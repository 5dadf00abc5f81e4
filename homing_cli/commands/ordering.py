"""The command `homing ordering`: lines of ordered deliveries (with an ordering key)."""

from __future__ import annotations

import typer

from homing_cli.client.lines import waiting_lines
from homing_cli.commands.options import AsJson, Where, print_json
from homing_cli.terminal import render


def ordering(
    where: Where,
    as_json: AsJson = False,
) -> None:
    """List lines of ordered deliveries in which at least one waits for its turn.

    The line with the most waiting deliveries comes first.
    """
    found = waiting_lines(where.target())
    if as_json:
        print_json([one.to_document() for one in found])
        return
    if found:
        table = render.table("sender", "to", "key", "head", "status", "waiting")
        for one in found:
            head = "" if one.head is None else f"{one.head.message_id} ({one.head.head})"
            key, sender = one.reference.ordering_key or "", one.reference.sender_id
            table.add_row(sender, one.to, key, head, one.status or "", str(one.waiting))
        render.console().print(table)
    typer.echo(f"{len(found)} lines in which deliveries wait")

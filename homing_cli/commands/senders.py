"""The commands `homing senders ...`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from homing.credentials.secret_rotation import DEFAULT_GRACE
from homing_cli.client import senders
from homing_cli.commands.command_line import Commands, pass_on
from homing_cli.commands.options import AsJson, GraceHours, Where, sender_name
from homing_cli.terminal import render

app = Commands(
    callback=pass_on,
    no_args_is_help=True,
    help="Manage the API keys and signing secrets of senders.",
)

Name = Annotated[
    str,
    typer.Argument(parser=sender_name, metavar="NAME", help="The senderId.", show_default=False),
]


@app.command("add")
def add_command(
    name: Name,
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Create an API key for a sender. It is shown once."""
    added = senders.add(where.target(), name)
    if as_json:
        typer.echo(json.dumps(added.to_document(), indent=2))
        return
    typer.echo(f"key of {name}, shown only now: {added.text}")
    if added.secret:
        typer.echo(
            f"secret that signs deliveries of {name} to plain URLs, shown only now: {added.secret}"
        )


@app.command("list")
def list_command(
    where: Where,
    as_json: AsJson = False,
) -> None:
    """List the ids, senders and dates of API keys. The keys themselves are not shown."""
    keys = [senders.key_document(key) for key in senders.listed(where.target())]
    if as_json:
        typer.echo(json.dumps(keys, indent=2))
        return
    table = render.table("key id", "sender", "created", "revoked")
    for key in keys:
        table.add_row(key["keyId"], key["senderId"], key["createdAt"], key["revokedAt"] or "")
    render.console().print(table)


@app.command("revoke")
def revoke_command(
    where: Where,
    key_id: Annotated[str, typer.Argument(metavar="KEYID", show_default=False)],
) -> None:
    """Revoke an API key permanently. It stops working within 15 seconds."""
    senders.revoke(where.target(), key_id)
    typer.echo(f"revoked {key_id}")


@app.command("rotate-secret")
def rotate_command(
    name: Name,
    where: Where,
    grace: GraceHours = DEFAULT_GRACE,
    as_json: AsJson = False,
) -> None:
    """Replace the signing secret of a sender. The new secret is shown once."""
    target = where.target()
    secret = senders.rotate_secret(target, name, grace)
    if as_json:
        typer.echo(json.dumps({"senderId": name, "signingSecret": secret}, indent=2))
    else:
        typer.echo(f"new secret of {name}, shown only now: {secret}")

"""The options that several commands share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

Stack: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--stack",
        envvar="HOMING_STACK",
        help="A CloudFormation stack in AWS, instead of the local cloud.",
        show_default=False,
        rich_help_panel="Where",
    ),
]
Region: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--region",
        help="The stack's AWS region.",
        show_default=False,
        rich_help_panel="Where",
    ),
]
Profile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="The AWS profile to call with.",
        show_default=False,
        rich_help_panel="Where",
    ),
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON and nothing else on standard output.")
]
MessageId: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", help="The messageId.", show_default=False)
]
Sender: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--sender", help="The senderId, where it is not the default one.", show_default=False
    ),
]
Port: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--port",
        min=1,
        max=65535,
        help="The port on 127.0.0.1; by default 4566, or any free one where that is taken.",
        show_default=False,
    ),
]

"""Options that several commands share, and how commands print JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from homing import timestamps
from homing.credentials.secret_rotation import DEFAULT_GRACE, MAX_GRACE
from homing.identifiers import SENDER_ID
from homing_cli.client.target import find_target
from homing_cli.escaping import json_text

if TYPE_CHECKING:
    from homing_cli.client.target import Target

Stack: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--stack",
        envvar="HOMING_STACK",
        help="The CloudFormation stack in AWS to use, instead of the local cloud.",
        show_default=False,
        rich_help_panel="Where",
    ),
]
Region: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--region",
        help="The AWS region of the stack.",
        show_default=False,
        rich_help_panel="Where",
    ),
]
Profile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="The AWS profile to use.",
        show_default=False,
        rich_help_panel="Where",
    ),
]


@dataclass(frozen=True, slots=True)
class Where:
    """Which Homing a command acts on: a stack in AWS, or the local cloud.

    A command with a parameter of this type gets an option for each field (see `Commands`).
    """

    stack: Stack = None
    region: Region = None
    profile: Profile = None

    def target(self) -> Target:
        """Return the deployed Homing.

        Raises:
            NoTargetError: when no deployed Homing can be found there.
        """
        return find_target(self.stack, self.region, self.profile)


AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON, and nothing else on standard output.")
]
MessageId: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", help="The messageId.", show_default=False)
]
Sender: TypeAlias = Annotated[
    str | None,
    typer.Option("--sender", help="The senderId, if not the default one.", show_default=False),
]
Port: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--port",
        min=1,
        max=65535,
        help="The port on 127.0.0.1; 4566 by default, or a free one if that is taken.",
        show_default=False,
    ),
]


def sender_name(text: str) -> str:
    """Return the senderId that was typed.

    Raises:
        typer.BadParameter: when it is not a valid senderId.
    """
    try:
        return SENDER_ID.check(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from error


def instant(text: str) -> datetime:
    """Return the time in a text such as `2026-01-31T12:00:00Z`.

    Raises:
        typer.BadParameter: when the text is not a date-time with a time zone.
    """
    try:
        return timestamps.from_text(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from error


_HOUR = timedelta(hours=1)


def _grace(hours: Any) -> timedelta:
    try:
        grace = hours if isinstance(hours, timedelta) else timedelta(hours=float(hours))
    except (ValueError, OverflowError):  # not a number, or nan or inf
        grace = -_HOUR
    if not timedelta(0) <= grace <= MAX_GRACE:
        raise typer.BadParameter(
            f"{hours!r} is not valid: give 0 to {MAX_GRACE // _HOUR} hours ({MAX_GRACE.days} days)"
        )
    return grace


GraceHours: TypeAlias = Annotated[
    timedelta,
    typer.Option(
        "--grace-hours",
        parser=_grace,
        metavar="HOURS",
        help=f"How long the old secrets keep signing, 0 to {MAX_GRACE // _HOUR} hours; "
        f"{DEFAULT_GRACE // _HOUR} by default.",
        show_default=False,
    ),
]


def print_json(document: Any) -> None:
    """Print a document as JSON on standard output."""
    typer.echo(json_text(document, indent=2))

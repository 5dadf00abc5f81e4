"""The options by which commands select deliveries, named like the fields of the API's filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homing.api.delivery_request import read_filter
from homing.errors import FieldError, InvalidMessageError

if TYPE_CHECKING:
    from homing.ledger.delivery_filter import DeliveryFilter

_PANEL = "Which deliveries"


def _option(*names: str, metavar: str, text: str) -> Any:
    return typer.Option(
        *names, metavar=metavar, help=text, show_default=False, rich_help_panel=_PANEL
    )


Texts = list[str] | None
Text = str | None

Status = Annotated[
    Texts,
    _option("--status", metavar="STATUS", text="Only deliveries in this status. Repeat for more."),
]
InMessageId = Annotated[
    Text,
    _option("--message", metavar="TEXT", text="Only deliveries with this text in the messageId."),
]
OfSender = Annotated[
    Text,
    _option(
        "--sender",
        metavar="NAME",
        text="Only deliveries of this sender; of all senders by default.",
    ),
]
ToEndpoint = Annotated[
    Text,
    _option(
        "--endpoint", metavar="ID", text="Only deliveries to the endpoint with this endpointId."
    ),
]
ToTarget = Annotated[
    Text,
    _option(
        "--target", metavar="URL", text="Only deliveries to target URLs that begin with this text."
    ),
]
EventType = Annotated[
    Text,
    _option(
        "--event-type",
        metavar="TYPE",
        text="Only deliveries of events of this type, e.g. order.paid or order.*.",
    ),
]
Category = Annotated[
    Text,
    _option(
        "--category",
        metavar="CATEGORY",
        text="Only deliveries whose latest attempt has this category, e.g. SERVER_ERROR.",
    ),
]
Since = Annotated[
    Text,
    _option(
        "--since",
        metavar="TIME",
        text="Only deliveries last updated at this time or later, e.g. 2026-01-31T12:00:00Z.",
    ),
]
Before = Annotated[
    Text,
    _option(
        "--before", metavar="TIME", text="Only deliveries last updated earlier than this time."
    ),
]
Reason = Annotated[
    Text,
    _option(
        "--reason",
        metavar="TEXT",
        text="Only deliveries with this text in the reason of the latest attempt.",
    ),
]

_OPTIONS = {
    "messageId": "message",
    "endpointId": "endpoint",
    "targetUrl": "target",
    "eventType": "event-type",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """The options of a command that select deliveries.

    A command with a parameter of this type gets an option for each field (see `Commands`).
    """

    status: Status = None
    message: InMessageId = None
    sender: OfSender = None
    endpoint: ToEndpoint = None
    target: ToTarget = None
    event_type: EventType = None
    category: Category = None
    since: Since = None
    before: Before = None
    reason: Reason = None

    @property
    def is_empty(self) -> bool:
        """Whether none of the options is given."""
        return self == Selection()

    def filter(self) -> DeliveryFilter:
        """Return the filter that the options describe.

        Raises:
            typer.BadParameter: when a value is not valid.
        """
        given = {
            "status": self.status and [each.upper() for each in self.status],
            "messageId": self.message,
            "endpointId": self.endpoint,
            "targetUrl": self.target,
            "eventType": self.event_type,
            "category": self.category and self.category.upper(),
            "since": self.since,
            "before": self.before,
            "reason": self.reason,
        }
        fields = {name: value for name, value in given.items() if value is not None}
        try:
            return read_filter(fields, self.sender)
        except InvalidMessageError as error:
            raise typer.BadParameter("; ".join(map(_sentence, error.errors))) from error


def _sentence(error: FieldError) -> str:
    field = error.field.partition("[")[0]
    return f"--{_OPTIONS.get(field, field)} {error.message}"

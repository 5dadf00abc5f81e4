"""`homing send`: send messages, with `--wait` follow their deliveries, and report the results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homing_cli.client import messages
from homing_cli.client.deliveries import DeliveryView, follow
from homing_cli.terminal import live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import Console

    from homing_cli.client.api import ApiClient
    from homing_cli.client.messages import Handed, Line, MessageRef


@dataclass(slots=True)
class Report:
    """The messages sent by one command, with the status of each.

    Args:
        accepted: each accepted message, duplicates included, with the number of its first line.
        duplicates: the number of lines whose message had been accepted before.
        refused: the lines that were not accepted.
        deliveries: the latest status of the deliveries; None if they were not followed.
        unended: the messages whose deliveries had not all ended when the command stopped waiting.
        last_line: the number of the last line whose result is known.
    """

    accepted: dict[MessageRef, int] = field(default_factory=dict)
    duplicates: int = 0
    refused: list[Handed] = field(default_factory=list)
    deliveries: tuple[DeliveryView, ...] | None = None
    unended: tuple[MessageRef, ...] = ()
    last_line: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether all messages were accepted and, if they were followed, delivered."""
        delivered = all(view.status == "DELIVERED" for view in self.deliveries or ())
        return not self.refused and not self.unended and delivered

    @property
    def summary(self) -> str:
        """How many messages were accepted, refused and delivered, in one line."""
        ids = [message.message_id for message in self.accepted]
        parts = [f"1 accepted: {ids[0]}" if len(ids) == 1 else f"{len(ids)} accepted"]
        if self.duplicates:
            parts.append(f"{self.duplicates} accepted before")
        if self.refused:
            parts.append(f"{len(self.refused)} refused")
        if self.deliveries is not None:
            parts.append(f"deliveries: {live.counts(self.deliveries) or 'none'}")
        return "; ".join(parts)

    def add(self, handed: Handed) -> None:
        """Add the result of sending one message to the report."""
        self.last_line = handed.line.number
        if handed.message is None:
            self.refused.append(handed)
        else:
            self.accepted.setdefault(handed.message, handed.line.number)
            self.duplicates += handed.duplicate

    def to_document(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            "accepted": [
                {"line": line, "messageId": message.message_id, "senderId": message.sender_id}
                for message, line in self.accepted.items()
            ],
            "duplicates": self.duplicates,
            "refused": [
                {"line": handed.line.number, "problems": list(handed.problems)}
                for handed in self.refused
            ],
            "deliveries": self.deliveries
            if self.deliveries is None
            else [dict(view.document) for view in self.deliveries],
        }


def hand_over(
    api: ApiClient,
    lines: Iterable[Line],
    tell: Callable[[Handed], None],
    report: Report,
    *,
    together: int = 1,
) -> None:
    """Send all messages; add each result to the report and pass it to `tell`, in order.

    Args:
        api: the API.
        lines: the messages.
        tell: a function that is called with each result.
        report: the report to which the results are added.
        together: how many messages are sent in one request.

    Raises:
        KeyboardInterrupt: when interrupted; the report contains every line sent until then.
    """
    handing = messages.HandingOver(api, lines, together=together)
    results = iter(handing)

    def take(handed: Handed) -> None:
        if handed.line.number > report.last_line:
            report.add(handed)
            tell(handed)

    try:
        for handed in results:
            take(handed)
    except KeyboardInterrupt:
        results.close()
        for handed in handing.begun():
            take(handed)
        raise


def watch(api: ApiClient, report: Report, console: Console, timeout: float | None) -> None:
    """Follow the accepted messages until they end, with a live display, and update the report.

    Raises:
        ApiError: when the API can no longer be reached.
    """
    report.deliveries, report.unended = (), tuple(report.accepted)
    with live.board(console, len(report.accepted)) as show:
        for known in follow(api, list(report.accepted), timeout):
            report.deliveries = tuple(view for views in known.values() for view in views)
            report.unended = tuple(one for one in report.accepted if not _ended(known.get(one)))
            show(report.deliveries)


def _ended(found: Iterable[DeliveryView] | None) -> bool:
    """Return whether all deliveries of a message have ended; True if it has no deliveries."""
    return found is not None and all(view.ended for view in found)

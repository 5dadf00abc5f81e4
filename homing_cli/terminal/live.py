"""Shows deliveries: on a terminal in a live table, otherwise in one line each when they end."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from homing_cli.terminal import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console

    from homing_cli.client.deliveries import DeliveryView

# The lines of the display besides rows: the table's header, the progress bar and the counts.
_OTHER_LINES = 6


@contextmanager
def board(console: Console, total: int) -> Iterator[Callable[[Sequence[DeliveryView]], None]]:
    """Yield a function that shows deliveries; call it with all deliveries when one changes.

    Args:
        console: where the progress is shown.
        total: how many messages are followed.
    """
    if not console.is_terminal:
        yield _Lines(console).show
        return
    bar = Progress(
        TextColumn("ended"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    task = bar.add_task("ended", total=total)
    with Live(console=console, refresh_per_second=8) as live:

        def show(found: Sequence[DeliveryView]) -> None:
            expected = max(total, len(found))
            bar.update(task, completed=sum(view.ended for view in found), total=expected)
            rows = _most_telling(found, max(console.height - _OTHER_LINES, 1))
            live.update(Group(render.deliveries(rows), bar, Text(counts(found))))

        show(())
        yield show


@contextmanager
def counter(console: Console) -> Iterator[Callable[[], None]]:
    """Yield a function to be called for each sent message; it shows the count on a terminal."""
    if not console.is_terminal:
        yield lambda: None
        return
    with console.status("sending") as shown:
        numbers = count(1)
        yield lambda: shown.update(f"sent: {next(numbers)}")


def counts(found: Iterable[DeliveryView]) -> str:
    """Return the counts by status: `198 DELIVERED, 2 FAILED`."""
    tally = Counter(view.status for view in found)
    return ", ".join(f"{count} {status}" for status, count in sorted(tally.items()))


def ending(view: DeliveryView) -> str:
    """Return one line that says how a delivery ended."""
    plural = "" if view.attempts == 1 else "s"
    return (
        f"{view.reference.message_id} -> {view.reference.target_url}: {view.status} "
        f"after {view.attempts} attempt{plural} ({view.last_result})"
    )


def _most_telling(found: Sequence[DeliveryView], limit: int) -> list[DeliveryView]:
    """Return all deliveries or, if there are more than `limit`, only `limit` of them.

    In the latter case, deliveries that have not been delivered come first.
    """
    if len(found) <= limit:
        return list(found)
    return sorted(found, key=lambda view: view.status == "DELIVERED")[:limit]


class _Lines:
    """Prints one line for each delivery when it has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: set[str] = set()

    def show(self, found: Sequence[DeliveryView]) -> None:
        for view in found:
            if view.ended and view.reference.delivery_id not in self._told:
                self._told.add(view.reference.delivery_id)
                self._console.print(ending(view))

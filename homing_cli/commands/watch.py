"""`homing watch`: every attempt of every delivery, live."""

from __future__ import annotations

import time
from collections import Counter, deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from homing_cli.commands.options import Where
from homing_cli.escaping import json_text
from homing_cli.terminal import render
from homing_cli.traces.attempt_log import AttemptLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from homing_cli.traces.attempt_log import Attempted

_LONGEST_MINUTES = 366 * 24 * 60  # a year
_PAUSE_SECONDS = 1.0
_KEPT = timedelta(minutes=10)
# The lines of the display besides attempts: the table's header and rule, a blank line, the counts.
_OTHER_LINES = 5


def watch(
    where: Where,
    since: Annotated[
        float,
        typer.Option(
            min=0, max=_LONGEST_MINUTES, help="Start with the attempts of this many past minutes."
        ),
    ] = 0,
    seconds: Annotated[
        float | None,
        typer.Option(min=0, help="Stop after this many seconds; by default, at Ctrl-C."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each attempt as a line of JSON.")
    ] = False,
) -> None:
    """Show every attempt as it is made. The attempts are read from the functions' logs."""
    log = AttemptLog(where.target(), max(_KEPT, timedelta(minutes=since)))
    seen = follow(log, datetime.now(UTC) - timedelta(minutes=since), seconds)
    try:
        if as_json:
            for found in seen:
                for one in found:
                    typer.echo(json_text(one.document))
        else:
            show(render.console(), seen)
    except KeyboardInterrupt:
        return


def follow(
    log: AttemptLog,
    since: datetime,
    seconds: float | None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[Attempted, ...]]:
    """Once per second, yield the attempts logged since the previous yield, possibly none.

    Args:
        log: the log to read.
        since: attempts before this time are skipped.
        seconds: stop after this many seconds; None for no limit.
        clock: returns the current time.
        sleep: pauses for a number of seconds.
    """
    start = clock()
    while True:
        yield tuple(one for one in log.fetch(clock()) if one.at >= since)
        if seconds is not None and (clock() - start).total_seconds() >= seconds:
            return
        sleep(_PAUSE_SECONDS)


def show(console: Console, seen: Iterator[tuple[Attempted, ...]]) -> None:
    """Show attempts: in a live table on a terminal, otherwise in one line each."""
    if not console.is_terminal:
        for found in seen:
            for one in found:
                console.print(line(one))
        return
    latest: deque[Attempted] = deque(maxlen=max(console.height - _OTHER_LINES, 1))
    tally: Counter[str] = Counter()
    with Live(console=console, refresh_per_second=4) as live:
        for found in seen:
            latest.extend(found)
            tally.update(one.status for one in found)
            counts = ", ".join(f"{count} {status}" for status, count in sorted(tally.items()))
            live.update(Group(_table(latest), Text(counts or "no attempt yet")))


def line(one: Attempted) -> str:
    """Return one attempt as a line of text."""
    found = one.document
    return (
        f"{_at(one)} {found['messageId']} -> {found['targetUrl']}: attempt {found['attempt']} of "
        f"{found['maxAttempts']}, {found['reason']} in {found['durationMs']} ms: {one.status}"
        f"{_next(found)}"
    )


def _table(latest: deque[Attempted]) -> Any:
    made = render.table("at", "message", "target", "attempt", "result", "took", "status")
    for one in latest:
        found = one.document
        made.add_row(
            _at(one),
            found["messageId"],
            found["targetUrl"],
            f"{found['attempt']}/{found['maxAttempts']}",
            found["reason"],
            f"{found['durationMs']} ms",
            Text.assemble(render.status(one.status), _next(found)),
        )
    return made


def _at(one: Attempted) -> str:
    return f"{one.at:%H:%M:%S}.{one.at.microsecond // 1000:03d}"


def _next(found: Any) -> str:
    delay = found.get("nextDelaySeconds")
    return "" if delay is None else f", again in {delay} s"

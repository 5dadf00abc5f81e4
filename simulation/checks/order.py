"""The invariants for deliveries with an ordering key (docs/ordering.md, "What is promised")."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from simulation.engine.clock import to_iso
from simulation.items import delivery_of
from simulation.lines import has_ended, is_blocked, standing_still

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulation.checks.view import View
    from simulation.journal import Begun, Sent


def in_order(view: View) -> Iterator[str]:
    """No attempt begins until all earlier deliveries of its line have ended and can send no more.

    A delivery can send a request until the deadline of its last attempt. A request that arrives
    after that deadline is ignored: it was sent in time, and delayed on its way. The attempts that a
    redrive starts may be out of order.
    """
    deadline = view.history.scenario.deployment.deliver_timeout
    ends = _ends(view)
    for line in _lines(view).values():
        for number, later in enumerate(line):
            begun = _first_begun(view, later)
            if begun is None:
                continue
            for earlier in line[:number]:
                if ends.get(earlier, begun.event) >= begun.event:
                    yield f"{view.name(later)} began before {view.name(earlier)} had ended"
                yield from _late(view, earlier, begun, deadline)


def has_its_turn(view: View) -> Iterator[str]:
    """A delivery in a line sends requests only when it is its turn, unless it is redriven."""
    for delivery in view.sequences:
        for sent in view.sent[delivery]:
            if not sent.run and _begun_of(view, sent) is None:
                yield f"{view.name(delivery)}: {sent.by} sent it out of turn"


def no_line_stands_still(view: View) -> Iterator[str]:
    """No delivery waits in a line whose head has ended, unless the failed head blocks the line."""
    history = view.history
    tables = history.lines, history.places, history.ledger
    for line_id in standing_still(*tables, history.blocking):
        waiting = sum(key[0] == line_id for key in history.places)
        yield f"line {line_id[:8]} stands still, with {waiting} places"


def one_sequence(view: View) -> Iterator[str]:
    """No two deliveries of a line have the same `sequence`."""
    for line_id, line in _lines(view).items():
        taken = [view.sequences[each] for each in line]
        if len(set(taken)) < len(taken):
            yield f"line {line_id} has the sequences {taken}"


def is_behind_a_block(view: View, delivery: str) -> bool:
    """Return whether a delivery still waits in a blocked line at the end of the simulation."""
    history = view.history
    return any(
        item["deliveryId"]["S"] == delivery
        and (line := history.lines.get((key[0],))) is not None
        and is_blocked(line, history.ledger, history.blocking)
        for key, item in history.places.items()
    )


ORDER = (in_order, has_its_turn, no_line_stands_still, one_sequence)


def _late(view: View, earlier: str, begun: Begun, deadline: int) -> Iterator[str]:
    """Yield a sentence for each request that `earlier` sent after a later delivery had begun.

    Args:
        view: the simulated history.
        earlier: a delivery with an earlier place in the line.
        begun: the beginning of the later delivery's first attempt.
        deadline: the milliseconds within which an attempt sends its request.
    """
    for sent in view.sent[earlier]:
        own = _begun_of(view, sent)
        if own is None or sent.run:
            continue
        if own.event > begun.event:
            yield f"{view.name(earlier)} began an attempt after a later one had begun"
        elif begun.instant < sent.instant <= own.instant + deadline:
            yield (
                f"{view.name(earlier)} arrived at {to_iso(sent.instant)}, "
                f"after a later one had begun at {to_iso(begun.instant)}"
            )


def _lines(view: View) -> Mapping[str, list[str]]:
    """Return the deliveries of each line in order, except those that have had no execution."""
    found: dict[str, list[str]] = defaultdict(list)
    for delivery in view.sequences:
        reference = view.documents[delivery]["reference"]
        to = reference.get("endpointId", reference["targetUrl"])
        found[f"{reference['orderingKey']} to {to}"].append(delivery)
    return {name: sorted(line, key=view.sequences.__getitem__) for name, line in found.items()}


def _first_begun(view: View, delivery: str) -> Begun | None:
    """Return the beginning of a delivery's first attempt that sent a request; None if none did."""
    leading = [
        begun
        for sent in view.sent[delivery]
        if not sent.run and (begun := _begun_of(view, sent)) is not None
    ]
    return min(leading, key=lambda each: each.event) if leading else None


def _begun_of(view: View, sent: Sent) -> Begun | None:
    found = [each for each in view.journal.begun if each.by == sent.by]
    return found[-1] if found else None


def _ends(view: View) -> Mapping[str, int]:
    """Return, for each delivery, the number of the event that first recorded its end."""
    found: dict[str, int] = {}
    for written in view.journal.written:
        if has_ended(written.after):
            found.setdefault(delivery_of(written.after), written.event)
    return found

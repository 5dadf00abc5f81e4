"""Planted bugs in the ordering of deliveries by key (see `simulation.search.planted`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.items import put_if
from homing.ordering import places_table, releasing
from homing.ordering.releasing import Advance, Releasing
from simulation.scenario import Answer, Scenario, Submission
from simulation.search.planting import PlantedBug, replaced

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

    from homing.ordering.line import Line, Place

_GOOD, _BUSY = Answer(200), Answer(503)
_BUSY_FOR_LONG = Answer(503, retry_after="7200")


def _line(messages: int, *answers: Answer, **given: Any) -> Scenario:
    """Return a scenario with a line of this many messages, sent 40 ms apart."""
    submissions = [
        Submission(f"m{number}", ("a",), at=40 * number, ordering_key="k")
        for number in range(messages)
    ]
    return Scenario(tuple(submissions), {"a": answers}, **given)


def _release_early() -> AbstractContextManager[None]:
    """Treat the head of a line as ended, although it will be retried."""

    def turn_after(_: Releasing, line: Line | None, *__: object) -> int:
        return line.begun if line else 0

    return replaced(Releasing, "turn_after", turn_after)


def _release_never() -> AbstractContextManager[None]:
    """Do not release the next delivery when the head of a line has ended."""
    return replaced(Releasing, "advance", lambda *_: Advance.WAITS)


def _release_twice() -> AbstractContextManager[None]:
    """Release two deliveries when the head of a line has ended."""
    release = Releasing._release  # noqa: SLF001  # the bug is planted there

    def release_two(self: Releasing, place: Place, after: int, now: datetime) -> None:
        for each in self.places.first(place.line_id, 10):
            if place.sequence <= each.sequence <= place.sequence + 1:
                release(self, each, after, now)

    return replaced(Releasing, "_release", release_two)


def _reuse_a_sequence() -> AbstractContextManager[None]:
    """Put a delivery at a place in its line, even if another delivery already has that place."""

    def put(client: Any, request: dict[str, Any]) -> None:
        request.pop("ConditionExpression")
        put_if(client, request)

    return replaced(places_table, "put_if", put)


def _end_before_the_deadline() -> AbstractContextManager[None]:
    """Release the next delivery while an attempt without a recorded response may still run."""
    return replaced(releasing, "_is_answered", lambda *_: True)


ORDERING_BUGS: tuple[PlantedBug, ...] = (
    PlantedBug("a turn too early", _line(2, _BUSY_FOR_LONG, _GOOD), _release_early),
    PlantedBug("a turn that never comes", _line(2, _BUSY, _GOOD), _release_never),
    PlantedBug("two turns at once", _line(3, _BUSY, _GOOD, _BUSY_FOR_LONG, _GOOD), _release_twice),
    PlantedBug("a sequence used twice", _line(3, _BUSY, _GOOD), _reuse_a_sequence),
    PlantedBug(
        "a turn before a deadline",
        _line(2, Answer(200, takes=900), _GOOD),
        _end_before_the_deadline,
    ),
)

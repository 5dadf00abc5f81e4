"""The entrance of the lane: who may make a first attempt now, and for how long it is waited for.

The gate keeps those out whose endpoint is slow (`homing/dispatch/bulkhead.py`), patience leaves those
behind that turn out slow (`homing/dispatch/bounded_wait.py`), and each tells the other what it needs to know
(docs/decisions/0055 and 0067).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from homing.errors import LeftError

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.dispatch.bounded_wait import Patience
    from homing.dispatch.bulkhead import EndpointGate
    from homing.dispatch.executions import FirstAttempt


@dataclass(frozen=True, slots=True)
class Entrance:
    """Lets first attempts into the lane."""

    gate: EndpointGate
    patience: Patience

    def admit(self, url: str, attempt: Callable[[], FirstAttempt]) -> FirstAttempt | datetime:
        """Make a first attempt at a URL, or tell when it shall be made instead.

        Args:
            url: where it goes.
            attempt: makes it; must end.

        Returns:
            How it ended, or when the delivery, which is shed, is to be due.

        Raises:
            LeftError: when it is not back in time, or is a look whether a slow endpoint is well
                again. It goes on, and the gate hears of its end.
            Exception: what the attempt itself raises.
        """
        visit = self.gate.enter(url)
        if isinstance(visit, datetime):
            return visit

        def visited() -> FirstAttempt:
            response_time = None
            try:
                ended = attempt()
                response_time = ended.response_time
            finally:
                self.gate.leave(visit, response_time)
            return ended

        try:
            return self.patience.wait(visited, is_look=visit.is_look)
        except LeftError:
            self.gate.suspect(visit)
            raise

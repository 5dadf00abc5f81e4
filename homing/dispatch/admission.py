"""Admission to the express path: who may make a first attempt, and how long it is waited for.

The bulkhead keeps those out whose endpoint is slow (`homing/dispatch/bulkhead.py`), slow threshold
leaves those behind that turn out slow (`homing/dispatch/bounded_wait.py`), and each tells the other
what it needs to know (docs/decisions/0055 and 0067).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from homing.errors import DetachedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.dispatch.bounded_wait import BoundedWait
    from homing.dispatch.bulkhead import Bulkhead
    from homing.dispatch.executions import FirstAttempt


@dataclass(frozen=True, slots=True)
class Admission:
    """Lets first attempts into the express path."""

    bulkhead: Bulkhead
    bounded_wait: BoundedWait

    def admit(self, url: str, attempt: Callable[[], FirstAttempt]) -> FirstAttempt | datetime:
        """Make a first attempt at a URL, or tell when it shall be made instead.

        Args:
            url: where it goes.
            attempt: makes it; must end.

        Returns:
            How it ended, or when the delivery, which is deferred, is to be due.

        Raises:
            DetachedError: when it is not back in time, or is a look whether a slow endpoint is well
                again. It goes on, and the bulkhead hears of its end.
            Exception: what the attempt itself raises.
        """
        permit = self.bulkhead.enter(url)
        if isinstance(permit, datetime):
            return permit

        def attempted() -> FirstAttempt:
            response_time = None
            try:
                ended = attempt()
                response_time = ended.response_time
            finally:
                self.bulkhead.leave(permit, response_time)
            return ended

        try:
            return self.bounded_wait.wait(attempted, is_probe=permit.is_probe)
        except DetachedError:
            self.bulkhead.suspect(permit)
            raise

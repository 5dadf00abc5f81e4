"""Admission to the express path: which first attempts it makes, and how long it waits for them.

The bulkhead defers deliveries to slow endpoints (`homing.dispatch.bulkhead`). The bounded wait
detaches attempts that turn out to be slow (`homing.dispatch.bounded_wait`) and reports them to the
bulkhead (docs/decisions/0055).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from homing.errors import DetachedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.dispatch.bounded_wait import BoundedWait
    from homing.dispatch.bulkhead import Bulkhead, Recipient
    from homing.dispatch.executions import FirstAttempt


@dataclass(frozen=True, slots=True)
class Admission:
    """Admits first attempts to the express path."""

    bulkhead: Bulkhead
    bounded_wait: BoundedWait

    def admit(
        self, recipient: Recipient, attempt: Callable[[], FirstAttempt]
    ) -> FirstAttempt | datetime:
        """Make a first attempt or, if the delivery is deferred, return the time at which it is due.

        Args:
            recipient: the recipient of the attempt.
            attempt: the function that makes the attempt. It must return within a limited time.

        Returns:
            How the attempt ended; or, if the delivery is deferred, the time at which it is due.

        Raises:
            DetachedError: when the attempt takes too long, or probes a slow endpoint. The attempt
                continues, and its end is reported to the bulkhead.
            Exception: what the attempt itself raises.
        """
        permit = self.bulkhead.enter(recipient)
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
            return self.bounded_wait.wait(attempted, permit.longest_wait.total_seconds())
        except DetachedError:
            self.bulkhead.suspect(permit)
            raise

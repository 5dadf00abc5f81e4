"""Admission in the simulation: deliveries are deferred at random, and slow attempts are detached.

The bulkhead itself is not simulated, since the endpoints that it considers slow depend on all that
its container has done before. The real bulkhead may defer any delivery, so the simulation defers
deliveries at random.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ReadTimeoutError

from homing.errors import DetachedError
from simulation.engine.clock import to_datetime
from simulation.engine.replay import TAPE

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from homing.dispatch.bulkhead import Recipient
    from homing.dispatch.executions import FirstAttempt

_LONGEST_WAIT = timedelta(hours=1)


class ChanceAdmission:
    """Replaces `homing.dispatch.admission.Admission`.

    Args:
        defers: the probability that a delivery is deferred.
        draw: returns a random number from 0 to 1, always the same for the same name.
    """

    def __init__(self, defers: float, draw: Callable[[str], float]) -> None:
        self._defers = defers
        self._draw = draw

    def admit(self, _: Recipient, attempt: Callable[[], FirstAttempt]) -> FirstAttempt | datetime:
        """Make an attempt, or return the time to which it is deferred.

        Raises:
            DetachedError: when the simulated client times out, because the attempt takes longer
                than the slow threshold.
        """
        if self._draw(f"{TAPE.owner}/gate") < self._defers:
            # The fourth power makes most waits short and few of them long.
            wait = self._draw(f"{TAPE.owner}/slot") ** 4 * _LONGEST_WAIT
            return to_datetime(TAPE.now) + wait
        try:
            return attempt()
        except ReadTimeoutError as error:
            raise DetachedError from error


class ChanceBursts:
    """Replaces `homing.queues.bursts.Bursts`. It is random whether a request exceeds a burst.

    Args:
        exceeds: returns whether the messages of a request exceed the burst of their sender.
    """

    def __init__(self, exceeds: Callable[[], bool]) -> None:
        self._exceeds = exceeds

    def is_beyond(self, _: str, __: int) -> bool:
        """Return whether a message goes to the bulk queue."""
        return self._exceeds()

"""Admission in the simulated world: chance defers, and a late answer is detached.

The bulkhead itself is not here: which endpoints are slow depends on all that a container has seen.
Whatever it decides, it may defer any delivery, and so may chance.
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

    from homing.dispatch.executions import FirstAttempt

_LONGEST_WAIT = timedelta(hours=1)


class ChanceAdmission:
    """Stands for `homing.dispatch.admission.Admission`.

    Args:
        defers: how likely a delivery is deferred.
        draw: the chance of the history.
    """

    def __init__(self, defers: float, draw: Callable[[str], float]) -> None:
        self._defers = defers
        self._draw = draw

    def admit(self, _: str, attempt: Callable[[], FirstAttempt]) -> FirstAttempt | datetime:
        """Make an attempt, or tell when it shall be made.

        Raises:
            DetachedError: when it is not back in time: the client waits as long as `dispatch`
                would.
        """
        if self._draw(f"{TAPE.owner}/bulkhead") < self._defers:
            wait = self._draw(f"{TAPE.owner}/slot") ** 4 * _LONGEST_WAIT  # mostly seconds
            return to_datetime(TAPE.now) + wait
        try:
            return attempt()
        except ReadTimeoutError as error:
            raise DetachedError from error

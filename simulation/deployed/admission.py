"""The entrance of the lane in the simulated world: chance sheds, and an answer too late is left.

The gate itself is not here: which endpoints are slow depends on all that a container has seen.
Whatever it decides, it may shed any delivery, and so may chance.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ReadTimeoutError

from homing.errors import LeftError
from simulation.engine.clock import to_datetime
from simulation.engine.replay import TAPE

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from homing.dispatch.executions import FirstAttempt

_LONGEST_WAIT = timedelta(hours=1)


class ChanceEntrance:
    """Stands for `homing.dispatch.admission.Entrance`.

    Args:
        sheds: how likely a delivery is shed.
        draw: the chance of the history.
    """

    def __init__(self, sheds: float, draw: Callable[[str], float]) -> None:
        self._sheds = sheds
        self._draw = draw

    def admit(self, _: str, attempt: Callable[[], FirstAttempt]) -> FirstAttempt | datetime:
        """Make an attempt, or tell when it shall be made.

        Raises:
            LeftError: when it is not back in time: the client waits as long as `dispatch` would.
        """
        if self._draw(f"{TAPE.owner}/gate") < self._sheds:
            wait = self._draw(f"{TAPE.owner}/slot") ** 4 * _LONGEST_WAIT  # mostly seconds
            return to_datetime(TAPE.now) + wait
        try:
            return attempt()
        except ReadTimeoutError as error:
            raise LeftError from error

"""Values that take longer to read than a page may: they are read in the background."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Condition, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Latest(Generic[T]):
    """The latest value.

    Args:
        value: the value; None as long as the first is being read, or could not be.
        error: why the last reading failed; empty if it did not.
    """

    value: T | None = None
    error: str = ""


class Background(Generic[T]):
    """A value that is read again in the background when it is asked for and has become old.

    Args:
        read: reads the value.
        fresh_seconds: how long it is not read again.
        wait_seconds: how long a caller waits for the first.
        clock: returns seconds that only ever grow.
    """

    def __init__(
        self,
        read: Callable[[], T],
        *,
        fresh_seconds: float,
        wait_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._fresh_seconds = fresh_seconds
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._done = Condition()
        self._latest: Latest[T] = Latest()
        self._read_at = float("-inf")
        self._reading = False

    def latest(self) -> Latest[T]:
        """Return the latest value, and begin to read another if it has become old."""
        with self._done:
            if not self._reading and self._clock() - self._read_at >= self._fresh_seconds:
                self._reading = True
                Thread(target=self._renew, name="background", daemon=True).start()
            if self._latest == Latest():
                self._done.wait_for(lambda: not self._reading, self._wait_seconds)
            return self._latest

    def _renew(self) -> None:
        try:
            found = Latest(self._read())
        except (BotoCoreError, ClientError) as error:
            found = Latest(self._latest.value, f"{type(error).__name__}: {error}")
        with self._done:
            self._latest, self._read_at, self._reading = found, self._clock(), False
            self._done.notify_all()

"""Slow threshold: to wait for a call only so long, and then to leave it behind.

What is left goes on without its caller, in a thread of its own, and whatever it comes to is its
own affair. Lambda stops that thread between two invocations: it may end in a later one, by an error
of a connection that has died, or never.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, TypeVar

from homing.errors import DetachedError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class BoundedWait:
    """Waits for calls, for each only so long.

    Args:
        seconds: how long a call is waited for.
        most_detached: how many calls may be left at once, since each keeps a thread and a
            connection. While there are so many, the next one is waited for to its end.
        begin: begins a call and gives what it will come to; in a thread where none is given.
    """

    def __init__(
        self,
        seconds: float,
        most_detached: int,
        begin: Callable[[Callable[[], Any]], Future[Any]] | None = None,
    ) -> None:
        self._seconds = seconds
        self._most_detached = most_detached
        self._begin = begin or _in_a_thread
        self._left: set[Future[Any]] = set()
        self._lock = threading.Lock()

    def wait(self, call: Callable[[], T], *, is_probe: bool = False) -> T:
        """Make a call and give what it comes to.

        Args:
            call: what to wait for.
            is_probe: whether it is sure to be slow, or was until now: then it is not waited for.

        Raises:
            DetachedError: when it takes longer. It goes on.
            Exception: what the call itself raises.
        """
        future: Future[T] = self._begin(call)
        wait([future], timeout=0 if is_probe else self._seconds)
        if not future.done() and self._may_be_left(future):
            raise DetachedError
        return future.result()

    def _may_be_left(self, future: Future[Any]) -> bool:
        with self._lock:
            self._left = {one for one in self._left if not one.done()}
            if len(self._left) >= self._most_detached:
                return False
            self._left.add(future)
            return True


def _in_a_thread(call: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  # whoever waits for the future is told
            future.set_exception(error)
        else:
            future.set_result(result)

    # A daemon: a process that ends must not wait for what nobody waits for any more.
    threading.Thread(target=run, daemon=True).start()
    return future

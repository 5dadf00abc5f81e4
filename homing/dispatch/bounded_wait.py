"""A bounded wait: after the slow threshold a call is detached and its caller goes on.

A detached call goes on in a thread of its own, and nobody reads its result. Lambda freezes that
thread between two invocations: the call may end in a later one, fail since its connection was
closed meanwhile, or never end.
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
    """Waits for calls, each for a limited time.

    Args:
        seconds: how long to wait for a call.
        most_detached: how many calls may be detached at once, since each keeps a thread and a
            connection. At this limit, the next call is awaited to its end.
        begin: begins a call and returns its future; in a thread where none is given.
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
        self._detached: set[Future[Any]] = set()
        self._lock = threading.Lock()

    def wait(self, call: Callable[[], T], *, is_probe: bool = False) -> T:
        """Make a call and return its result.

        Args:
            call: what to wait for.
            is_probe: whether the call probes a slow endpoint: then it is detached at once.

        Raises:
            DetachedError: when the call takes longer; it goes on.
            Exception: what the call itself raises.
        """
        future: Future[T] = self._begin(call)
        wait([future], timeout=0 if is_probe else self._seconds)
        if not future.done() and self._may_be_detached(future):
            raise DetachedError
        return future.result()

    def _may_be_detached(self, future: Future[Any]) -> bool:
        with self._lock:
            self._detached = {one for one in self._detached if not one.done()}
            if len(self._detached) >= self._most_detached:
                return False
            self._detached.add(future)
            return True


def _in_a_thread(call: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  # the future carries it
            future.set_exception(error)
        else:
            future.set_result(result)

    # A daemon, since a process that ends must not wait for detached calls.
    threading.Thread(target=run, daemon=True).start()
    return future

"""A bounded wait: a call that takes longer than the limit is detached, and its caller continues.

A detached call continues in its own thread, and its result is ignored. Lambda freezes that thread
between two invocations: the call may end in a later one, fail because its connection was closed in
the meantime, or never end.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from math import inf
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from homing.errors import DetachedError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class BoundedWait:
    """Waits for calls, each for a limited time.

    Args:
        seconds: how long to wait for a call at most.
        most_detached: how many calls may be detached at a time. It is limited because each of them
            occupies a thread and a connection. At the limit, the next call is awaited to its end.
        begin: begins a call and returns its future; by default in a thread.
    """

    def __init__(
        self,
        seconds: float,
        most_detached: int,
        begin: Callable[[Callable[[], Any]], Future[Any]] | None = None,
    ) -> None:
        self._seconds = seconds
        self._most_detached = most_detached
        self._begin = begin or _Threads().begin
        self._detached: set[Future[Any]] = set()
        self._lock = threading.Lock()

    def wait(self, call: Callable[[], T], longest_wait: float = inf) -> T:
        """Make a call and return its result.

        Args:
            call: what to wait for.
            longest_wait: a shorter limit for this call, in seconds.

        Raises:
            DetachedError: when the call takes longer than the limit; the call continues.
            Exception: what the call itself raises.
        """
        future: Future[T] = self._begin(call)
        try:
            return future.result(timeout=min(longest_wait, self._seconds))
        except TimeoutError:  # raised by this wait, or by the call itself
            if not future.done() and self._may_be_detached(future):
                raise DetachedError from None
        return future.result()

    def _may_be_detached(self, future: Future[Any]) -> bool:
        with self._lock:
            self._detached = {one for one in self._detached if not one.done()}
            if len(self._detached) >= self._most_detached:
                return False
            self._detached.add(future)
            return True


class _Threads:
    """Reusable threads for calls: starting a thread takes longer than the call's own code.

    They are daemons, unlike those of a ThreadPoolExecutor, since a process that ends must not wait
    for detached calls.
    """

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[Callable[[], None]]] = []

    def begin(self, call: Callable[[], T]) -> Future[T]:
        """Start a call in an idle thread, or in a new one."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001  # the future carries it
                future.set_exception(error)
            else:
                future.set_result(result)

        try:
            calls = self._idle.pop()
        except IndexError:
            calls = SimpleQueue()
            threading.Thread(target=self._work, args=(calls,), daemon=True).start()
        calls.put(run)
        return future

    def _work(self, calls: SimpleQueue[Callable[[], None]]) -> None:
        while True:
            calls.get()()
            self._idle.append(calls)

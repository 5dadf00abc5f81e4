"""The slow threshold: which attempts end in time, which are detached, and how many may be."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from homing.dispatch.bounded_wait import BoundedWait
from homing.errors import DetachedError, UnsettledError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Calls:
    """Calls that have begun and end when the test ends them."""

    begun: list[Future[Any]] = field(default_factory=list)

    def begin(self, _: Callable[[], Any]) -> Future[Any]:
        self.begun.append(Future())
        return self.begun[-1]


def no_wait(calls: Calls, most_detached: int = 2) -> BoundedWait:
    return BoundedWait(0, most_detached, calls.begin)


def detach_one(bounded_wait: BoundedWait) -> None:
    with pytest.raises(DetachedError):
        bounded_wait.wait(lambda: None)


def test_a_call_that_returns_in_time_has_its_result() -> None:
    assert BoundedWait(60, 1).wait(lambda: 7) == 7


def test_what_a_call_raises_in_time_is_raised() -> None:
    def broken() -> None:
        raise UnsettledError("broken")

    with pytest.raises(UnsettledError, match="broken"):
        BoundedWait(60, 1).wait(broken)


def test_a_call_that_takes_longer_is_detached_and_runs_to_its_end() -> None:
    may_end, ended = threading.Event(), threading.Event()

    def call() -> None:
        may_end.wait(10)
        ended.set()

    with pytest.raises(DetachedError):
        BoundedWait(0, 1).wait(call)
    assert not ended.is_set()
    may_end.set()
    assert ended.wait(10)


def test_while_too_many_calls_are_detached_the_next_is_waited_for() -> None:
    calls = Calls()
    bounded_wait = no_wait(calls)
    detach_one(bounded_wait)
    detach_one(bounded_wait)
    came_to: list[Any] = []
    waiting = threading.Thread(target=lambda: came_to.append(bounded_wait.wait(lambda: None)))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    calls.begun[2].set_result("the end")
    waiting.join(10)
    assert came_to == ["the end"]


@pytest.mark.parametrize(
    "end", [lambda one: one.set_result(1), lambda one: one.set_exception(OSError())]
)
def test_a_detached_call_frees_its_place_however_it_ends(
    end: Callable[[Future[Any]], None],
) -> None:
    calls = Calls()
    bounded_wait = no_wait(calls, most_detached=1)
    detach_one(bounded_wait)
    end(calls.begun[0])
    detach_one(bounded_wait)


def test_calls_one_after_the_other_share_a_thread() -> None:
    bounded_wait = BoundedWait(60, 1)
    threads = {bounded_wait.wait(threading.get_ident) for _ in range(20)}
    assert len(threads) < 20  # a thread becomes free a moment after its call has returned


def test_a_time_out_that_the_call_itself_raises_is_raised() -> None:
    def times_out() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        BoundedWait(60, 1).wait(times_out)

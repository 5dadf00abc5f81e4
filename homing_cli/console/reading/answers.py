"""Answers computed in the background and cached briefly, so that no page waits for long.

Listing or counting deliveries takes longer the more there are. A page waits briefly for the answer.
If the answer takes longer, the page shows the previous one. If there is none, the page says that
the answer is being computed, and reloads.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Question = TypeVar("Question", bound="Hashable")
Answer = TypeVar("Answer")

_MOST = 50  # the number of questions whose answers are kept


@dataclass(slots=True)
class _Made(Generic[Answer]):
    """The answers to one question: the latest, possibly not computed yet, and the previous one."""

    future: Future[Answer]
    before: Answer | None = None
    stale_at: float = float("inf")


class Answers(Generic[Question, Answer]):
    """Answers questions; safe to share between threads.

    Args:
        make: computes the answer to a question.
        kept_seconds: the shortest time for which an answer is kept.
        kept_times: how long an answer is kept, as a multiple of the time that it took to compute;
            so pages that refresh themselves do not cause it to be computed all the time.
        monotonic: a clock in seconds.
    """

    def __init__(
        self,
        make: Callable[[Question], Answer],
        *,
        kept_seconds: float,
        kept_times: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._kept_seconds = kept_seconds
        self._kept_times = kept_times
        self._monotonic = monotonic
        self._lock = Lock()
        self._known: OrderedDict[Question, _Made[Answer]] = OrderedDict()

    def ask(self, question: Question, wait_seconds: float) -> Answer | None:
        """Return the latest answer; None while the first is being computed.

        Raises:
            Exception: what `make` raised; the next call computes the answer again.
        """
        made = self._current(question)
        try:
            return made.future.result(wait_seconds)
        except TimeoutError:
            return made.before

    def forget(self) -> None:
        """Forget all answers, even those being computed, because the data has changed."""
        with self._lock:
            self._known.clear()

    def _current(self, question: Question) -> _Made[Answer]:
        """Return the answer to a question; start computing it if the last one is too old."""
        with self._lock:
            known = self._known.get(question)
            if known is None or known.stale_at <= self._monotonic():
                known = _Made(Future(), None if known is None else _result(known))
                self._known[question] = known
                Thread(target=self._answer, args=(question, known), daemon=True).start()
            self._known.move_to_end(question)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
            return known

    def _answer(self, question: Question, made: _Made[Answer]) -> None:
        began = self._monotonic()
        try:
            answer = self._make(question)
        except BaseException as error:  # noqa: BLE001 -- raised again for the page that asks
            made.stale_at = began
            made.future.set_exception(error)
            return
        ended = self._monotonic()
        made.stale_at = ended + max(self._kept_seconds, self._kept_times * (ended - began))
        made.future.set_result(answer)


def _result(made: _Made[Answer]) -> Answer | None:
    return None if made.future.exception() else made.future.result()

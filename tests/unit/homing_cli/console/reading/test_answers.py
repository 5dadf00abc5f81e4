"""Answers are computed in the background, kept for a moment, and never delay a page."""

from __future__ import annotations

from threading import Event
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest

from homing_cli.console.reading.answers import Answers

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = 5.0  # in seconds, longer than any test


class Asked:
    """Answers with the number of questions so far, once the test allows it."""

    def __init__(self) -> None:
        self.times = 0
        self.may_go_on = Event()
        self.may_go_on.set()
        self.error: Exception | None = None
        self.takes: Callable[[], None] = lambda: None

    def __call__(self, _question: str) -> int:
        self.may_go_on.wait(LONG)
        self.times += 1
        self.takes()
        if self.error:
            raise self.error
        return self.times


class Clock:
    """A clock that stands still."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answers(asked: Asked, clock: Clock) -> Answers[str, int]:
    return Answers(asked, kept_seconds=2, kept_times=10, monotonic=clock)


def test_an_answer_is_kept_for_a_moment_and_made_anew_after_it(
    answers: Answers[str, int], clock: Clock
) -> None:
    assert [answers.ask("a", LONG) for _ in range(3)] == [1, 1, 1]
    clock.seconds = 1.9
    assert answers.ask("a", LONG) == 1
    clock.seconds = 2.1
    assert answers.ask("a", LONG) == 2
    assert answers.ask("another", LONG) == 3


def test_a_page_does_not_wait_for_an_answer_that_takes_long(
    answers: Answers[str, int], asked: Asked
) -> None:
    asked.may_go_on.clear()
    assert answers.ask("a", 0.01) is None
    asked.may_go_on.set()
    assert answers.ask("a", LONG) == 1


def test_while_an_answer_is_made_anew_the_one_before_is_given(
    answers: Answers[str, int], asked: Asked, clock: Clock
) -> None:
    assert answers.ask("a", LONG) == 1
    asked.may_go_on.clear()
    clock.seconds = 10.0
    assert answers.ask("a", 0.01) == 1
    asked.may_go_on.set()
    assert answers.ask("a", LONG) == 2


def test_what_took_long_is_kept_for_ten_times_as_long(
    answers: Answers[str, int], asked: Asked, clock: Clock
) -> None:
    def three_seconds() -> None:
        clock.seconds += 3

    asked.takes = three_seconds
    assert answers.ask("a", LONG) == 1
    clock.seconds = 32.9
    assert answers.ask("a", LONG) == 1
    clock.seconds = 33.1
    assert answers.ask("a", LONG) == 2


def test_what_cannot_be_answered_is_an_error_of_the_page_and_asked_again_by_the_next(
    answers: Answers[str, int], asked: Asked
) -> None:
    asked.error = OSError("no network")
    with pytest.raises(OSError, match="no network"):
        answers.ask("a", LONG)
    asked.error = None
    assert answers.ask("a", LONG) == 2


def test_only_the_latest_questions_are_remembered(answers: Answers[str, int]) -> None:
    for number in range(60):
        answers.ask(str(number), LONG)
    assert answers.ask("59", LONG) == 60
    assert answers.ask("0", LONG) == 61


def test_an_answer_that_was_forgotten_is_made_anew_though_it_was_still_being_made(
    answers: Answers[str, int], asked: Asked
) -> None:
    asked.may_go_on.clear()
    assert answers.ask("a", 0) is None
    answers.forget()
    asked.may_go_on.set()
    deadline = monotonic() + LONG
    while asked.times < 1 and monotonic() < deadline:
        sleep(0.001)
    assert answers.ask("a", LONG) == 2

"""Values that are read in the background."""

from __future__ import annotations

from threading import Event

import pytest
from botocore.exceptions import ClientError

from homing_cli.console.endpoints.background import Background, Latest


class Counter:
    """Counts how often it was read; waits before it answers if it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.may_answer = Event()
        self.may_answer.set()
        self.fails = False

    def read(self) -> int:
        self.may_answer.wait(5)
        self.count += 1
        if self.fails:
            error = {"Error": {"Code": "AccessDenied", "Message": "no"}}
            raise ClientError(error, "Scan")  # type: ignore[arg-type]  # as botocore raises it
        return self.count


@pytest.fixture
def counter() -> Counter:
    return Counter()


def background(counter: Counter, *, wait: float = 5, fresh: float = 0) -> Background[int]:
    return Background(counter.read, fresh_seconds=fresh, wait_seconds=wait)


def test_the_first_value_is_waited_for(counter: Counter) -> None:
    assert background(counter, fresh=60).latest() == Latest(1)


def test_a_fresh_value_is_not_read_again(counter: Counter) -> None:
    kept = background(counter, fresh=60)
    assert [kept.latest(), kept.latest()] == [Latest(1), Latest(1)]
    assert counter.count == 1


def test_a_page_goes_on_without_a_value_that_takes_long(counter: Counter) -> None:
    counter.may_answer.clear()
    kept = background(counter, wait=0.01)
    assert kept.latest() == Latest()
    counter.may_answer.set()


def test_an_old_value_is_shown_while_another_is_read(counter: Counter) -> None:
    kept = background(counter)
    assert kept.latest() == Latest(1)
    counter.may_answer.clear()
    assert [kept.latest(), kept.latest()] == [Latest(1), Latest(1)]
    counter.may_answer.set()


def test_an_error_is_reported_beside_the_last_value(counter: Counter) -> None:
    counter.fails = True
    latest = background(counter).latest()
    assert latest.value is None
    assert "AccessDenied" in latest.error

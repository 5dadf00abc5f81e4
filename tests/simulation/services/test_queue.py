"""The simulated queue keeps SQS's promises, but makes no others."""

from __future__ import annotations

import pytest

from simulation.engine.clock import MINUTE, SECOND
from simulation.errors import UnsupportedError
from simulation.services.queue import DeadLettering, Message, Queue

dead_letter_of: list[str] = []


def queue(*, is_fifo: bool = True, most: int | None = None) -> Queue:
    dead_letter_of.clear()
    dead_lettering = (
        None
        if most is None
        else DeadLettering(most, lambda message: dead_letter_of.append(message.body))
    )
    return Queue(is_fifo=is_fifo, visibility_timeout=30 * SECOND, dead_lettering=dead_lettering)


def bodies(messages: list[Message]) -> list[str]:
    return [message.body for message in messages]


@pytest.mark.parametrize("is_fifo", [True, False])
def test_a_message_that_is_out_is_redelivered_when_its_time_is_up(is_fifo: bool) -> None:
    q = queue(is_fifo=is_fifo)
    group = ("g", "d") if is_fifo else (None, None)
    q.send(0, "a", *group)
    q.receive(0, q.visible(0)[0])
    assert bodies(q.visible(30 * SECOND - 1)) == []
    (again,) = q.visible(30 * SECOND)
    assert (again.body, again.receives) == ("a", 1)


def test_a_message_that_is_deleted_is_gone() -> None:
    q = queue()
    q.send(0, "a", "g", "d")
    q.delete(q.visible(0)[0])
    assert (bodies(q.visible(MINUTE)), len(q)) == ([], 0)


def test_a_fifo_queue_drops_duplicates_for_five_minutes_even_after_a_deletion() -> None:
    q = queue()
    q.send(0, "a", "g", "same")
    q.delete(q.visible(0)[0])
    assert q.send(5 * MINUTE - 1, "b", "g", "same") is None
    assert bodies(q.visible(5 * MINUTE)) == []
    assert q.send(5 * MINUTE, "c", "g", "same") is not None
    assert bodies(q.visible(5 * MINUTE)) == ["c"]


def test_a_group_with_a_message_out_waits_and_other_groups_do_not() -> None:
    q = queue()
    for number, group in enumerate("gghh"):
        q.send(0, f"{group}{number}", group, str(number))
    assert bodies(q.visible(0)) == ["g0", "g1", "h2", "h3"]
    q.receive(0, q.visible(0)[0])
    assert bodies(q.visible(1)) == ["h2", "h3"]


def test_a_standard_queue_knows_no_groups() -> None:
    q = queue(is_fifo=False)
    q.send(0, "a")
    q.send(0, "a")
    q.receive(0, q.visible(0)[0])
    assert bodies(q.visible(0)) == ["a"]


def test_a_message_is_dead_lettered_after_max_receive_count_receives_and_not_before() -> None:
    q = queue(most=2)
    q.send(0, "a", "g", "d")
    for turn in range(2):
        (message,) = q.visible(turn * MINUTE)
        q.receive(turn * MINUTE, message)
    assert dead_letter_of == []
    assert bodies(q.visible(2 * MINUTE)) == []
    assert dead_letter_of == ["a"]
    assert len(q) == 0


def test_a_fifo_queue_wants_a_group_and_a_standard_queue_none() -> None:
    with pytest.raises(UnsupportedError):
        queue().send(0, "a")
    with pytest.raises(UnsupportedError):
        queue(is_fifo=False).send(0, "a", "g", "d")

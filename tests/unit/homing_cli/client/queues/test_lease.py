"""A lease of an SQS queue that redelivers messages and refuses expired receipt handles."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from botocore.exceptions import ClientError

from homing_cli.client.queues.lease import Lease, lease

HOLD_SECONDS = 120


class Queue:
    """A queue that behaves like SQS, with a clock of its own.

    When a message is received again, it gets a new receipt handle, and the old one is refused. At
    most ten messages are received at a time, those that have waited longest first.
    """

    def __init__(self, count: int) -> None:
        self.now = 0.0
        self.visible_at = {f"m-{number}": 0.0 for number in range(count)}
        self.handles: dict[str, str] = {}
        self.changes: list[int] = []
        self._order = deque(self.visible_at)
        self._issued = 0

    @property
    def visible(self) -> set[str]:
        return {name for name, at in self.visible_at.items() if at <= self.now}

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        names = [name for name in self._order if name in self.visible]
        names = names[: asked["MaxNumberOfMessages"]]
        return {"Messages": [self._hand_out(name, asked["VisibilityTimeout"]) for name in names]}

    def _hand_out(self, name: str, seconds: int) -> dict[str, Any]:
        self._issued += 1
        self._order.remove(name)
        self._order.append(name)
        self.visible_at[name] = self.now + seconds
        self.handles[name] = f"{name}/{self._issued}"
        return {"MessageId": name, "ReceiptHandle": self.handles[name], "Body": name}

    def _held(self, handle: str) -> str | None:
        name = handle.partition("/")[0]
        valid = self.handles.get(name) == handle and name not in self.visible
        return name if valid else None

    def delete_message(self, **asked: Any) -> None:
        name = self._held(asked["ReceiptHandle"])
        if name is None:
            error = {"Code": "InvalidParameterValue", "Message": "The receipt handle has expired."}
            raise ClientError({"Error": error}, "DeleteMessage")
        del self.visible_at[name]
        self._order.remove(name)

    def change_message_visibility_batch(self, **asked: Any) -> dict[str, Any]:
        entries = asked["Entries"]
        assert 1 <= len(entries) <= 10
        assert len({entry["Id"] for entry in entries}) == len(entries)
        self.changes.append(len(entries))
        failed = []
        for entry in entries:
            if name := self._held(entry["ReceiptHandle"]):
                self.visible_at[name] = self.now + entry["VisibilityTimeout"]
            else:
                failed.append({"Id": entry["Id"], "Code": "ReceiptHandleIsInvalid"})
        return {"Failed": failed}


def opened(queue: Queue) -> Any:
    return lease(queue, "url", HOLD_SECONDS)


def received(leased: Lease, queue: Queue, seconds_each: float, limit: int | None = None) -> Any:
    """Receive all messages, taking this long for each."""
    for message in leased.messages(limit):
        yield message
        queue.now += seconds_each


@pytest.mark.parametrize("seconds_each", [0, 1, 5, 11])
def test_each_message_is_seen_once_however_long_the_others_are_passed_over(
    seconds_each: float,
) -> None:
    queue = Queue(95)
    with opened(queue) as leased:
        seen = [message["Body"] for message in received(leased, queue, seconds_each)]
    assert sorted(seen) == sorted(queue.visible_at)
    assert leased.seen == 95


def test_a_batch_of_known_messages_does_not_end_the_lease() -> None:
    queue = Queue(30)
    with opened(queue) as leased:
        messages = leased.messages()
        seen = {next(messages)["Body"] for _ in range(20)}
        queue.now += HOLD_SECONDS  # those that were not deleted are visible again
        queue._order.rotate(20)  # and come before the rest
        seen |= {message["Body"] for message in messages}
    assert len(seen) == 30


def test_a_lease_ends_where_the_same_messages_come_for_ever() -> None:
    queue = Queue(25)
    with opened(queue) as leased:
        assert len(list(received(leased, queue, HOLD_SECONDS))) == 25


def test_what_is_passed_over_is_visible_at_once_under_its_newest_handle_ten_at_a_call() -> None:
    queue = Queue(25)
    with opened(queue) as leased:
        list(received(leased, queue, 11))
        assert queue.visible != set(queue.visible_at)
    assert queue.visible == set(queue.visible_at)
    assert queue.changes == [10, 10, 5]


@pytest.mark.parametrize("broken_off", [KeyboardInterrupt, GeneratorExit, ValueError])
def test_a_lease_that_is_interrupted_hides_nothing_that_was_received_and_not_used(
    broken_off: type[BaseException],
) -> None:
    queue = Queue(12)

    def work() -> None:
        with opened(queue) as leased:
            for used, message in enumerate(leased.messages(), start=1):
                leased.delete(message)
                if used == 3:
                    raise broken_off

    with pytest.raises(broken_off):
        work()
    assert len(queue.visible_at) == 9
    assert queue.visible == set(queue.visible_at)


def test_a_redelivered_message_is_deleted_by_its_newest_receipt_handle() -> None:
    queue = Queue(11)
    with opened(queue) as leased:
        messages = leased.messages()
        first = next(messages)
        queue.now += HOLD_SECONDS
        for _ in range(10):
            last = next(messages)
        assert last["Body"] == "m-10"
        list(messages)  # the first ten have been redelivered meanwhile
        leased.delete(first)
    assert first["Body"] not in queue.visible_at


def test_a_stale_handle_is_no_error() -> None:
    queue = Queue(1)
    with opened(queue) as leased:
        (message,) = leased.messages()
        queue.now += HOLD_SECONDS
        leased.delete(message)
    assert queue.visible == {"m-0"}


def test_another_refusal_to_delete_is_raised() -> None:
    class Forbidden(Queue):
        def delete_message(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "DeleteMessage")

    queue = Forbidden(1)
    with pytest.raises(ClientError), opened(queue) as leased:
        leased.delete(next(leased.messages()))


@pytest.mark.parametrize(("limit", "expected"), [(1, 1), (10, 10), (12, 12), (100, 25)])
def test_a_lease_receives_no_more_messages_than_requested(limit: int, expected: int) -> None:
    queue = Queue(25)
    with opened(queue) as leased:
        assert len(list(leased.messages(limit))) == expected
        assert len(queue.visible) == 25 - expected

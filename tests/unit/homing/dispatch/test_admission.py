"""Admission: each attempt is reported to the bulkhead once, detached attempts as well."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from homing.dispatch.admission import Admission
from homing.dispatch.bounded_wait import BoundedWait
from homing.dispatch.bulkhead import Bulkhead, Limits, Permit, Recipient
from homing.dispatch.executions import FirstAttempt
from homing.errors import DetachedError, UnsettledError

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2025, 12, 28, 12, 0, 0, tzinfo=UTC)
WHOM = Recipient("shop", "orders")
DELIVERED = FirstAttempt("DELIVERED", 12)


class Bulkhead(Bulkhead):
    """The bulkhead, and how many attempts it counts as under way."""

    def under_way(self) -> int:
        return len(self._endpoint(WHOM).permits)


@dataclass
class Later:
    """Calls that have begun and end when the test ends them."""

    calls: list[Callable[[], Any]] = field(default_factory=list)

    def begin(self, call: Callable[[], Any]) -> Future[Any]:
        self.calls.append(call)
        return Future()


@pytest.fixture
def clock() -> list[datetime]:
    return [NOW]


@pytest.fixture
def bulkhead(clock: list[datetime]) -> Bulkhead:
    second = timedelta(seconds=1)
    return Bulkhead(
        Limits(3, 15 * second, 50 * second, second, first_wait=second), lambda: clock[0]
    )


def broken() -> FirstAttempt:
    raise UnsettledError("broken")


def test_an_attempt_that_has_ended_frees_its_slot(bulkhead: Bulkhead) -> None:
    assert Admission(bulkhead, BoundedWait(60, 1)).admit(WHOM, lambda: DELIVERED) == DELIVERED
    assert bulkhead.under_way() == 0


def test_so_has_one_that_broke(bulkhead: Bulkhead) -> None:
    with pytest.raises(UnsettledError):
        Admission(bulkhead, BoundedWait(60, 1)).admit(WHOM, broken)
    assert bulkhead.under_way() == 0


def test_while_an_attempt_is_detached_it_is_under_way_and_the_next_is_deferred(
    bulkhead: Bulkhead,
) -> None:
    admission = Admission(bulkhead, BoundedWait(0, 5, Later().begin))
    with pytest.raises(DetachedError):
        admission.admit(WHOM, lambda: DELIVERED)
    assert bulkhead.under_way() == 1
    assert admission.admit(WHOM, lambda: DELIVERED) == NOW + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("attempt", "is_well"),
    [
        (lambda: DELIVERED, True),  # Lambda was slow
        (lambda: FirstAttempt("HANDED_OFF", 15_000), False),
        # E.g. a connection that broke while Lambda was frozen: nothing is known about the endpoint.
        (broken, False),
    ],
)
def test_a_detached_attempt_frees_its_slot_when_it_ends_and_counts_for_its_endpoint(
    bulkhead: Bulkhead, attempt: Callable[[], FirstAttempt], is_well: bool
) -> None:
    later = Later()
    with pytest.raises(DetachedError):
        Admission(bulkhead, BoundedWait(0, 5, later.begin)).admit(WHOM, attempt)
    (call,) = later.calls
    try:
        call()
    except UnsettledError:
        assert attempt is broken
    assert bulkhead.under_way() == 0
    assert isinstance(bulkhead.enter(WHOM), Permit) is is_well


def test_no_delivery_waits_for_the_probe_of_a_slow_endpoint(
    bulkhead: Bulkhead, clock: list[datetime]
) -> None:
    """However long the dispatcher may wait, other deliveries of the batch are not delayed."""
    slow = FirstAttempt("HANDED_OFF", 15_000)
    later = Later()
    admission = Admission(bulkhead, BoundedWait(60, 5, later.begin))
    bulkhead.leave(bulkhead.enter(WHOM), slow.response_time)  # type: ignore[arg-type]  # it lets the first in
    clock[0] += timedelta(minutes=2)
    with pytest.raises(DetachedError):
        admission.admit(WHOM, lambda: DELIVERED)
    (look,) = later.calls
    look()
    permit = bulkhead.enter(WHOM)
    assert isinstance(permit, Permit)
    assert not permit.is_probe

"""The entrance of the lane: the gate hears of every attempt once, of those left behind as well."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from homing.dispatch.admission import Entrance
from homing.dispatch.bounded_wait import Patience
from homing.dispatch.bulkhead import EndpointGate, Limits, Visit
from homing.dispatch.executions import FirstAttempt
from homing.errors import LeftError, UnsettledError

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2025, 12, 28, 12, 0, 0, tzinfo=UTC)
URL = "https://example.com/hook"
DELIVERED = FirstAttempt("DELIVERED", 12)


class Gate(EndpointGate):
    """The gate, with a look at how many attempts it takes to be under way."""

    def under_way(self) -> int:
        return len(self._origin(URL).visits)


@dataclass
class Later:
    """Calls that are begun and end when a test lets them."""

    calls: list[Callable[[], Any]] = field(default_factory=list)

    def begin(self, call: Callable[[], Any]) -> Future[Any]:
        self.calls.append(call)
        return Future()


@pytest.fixture
def clock() -> list[datetime]:
    return [NOW]


@pytest.fixture
def gate(clock: list[datetime]) -> Gate:
    second = timedelta(seconds=1)
    return Gate(Limits(3, 15 * second, 50 * second, second), lambda: clock[0])


def broken() -> FirstAttempt:
    raise UnsettledError("broken")


def test_an_attempt_that_comes_back_has_left_the_gate(gate: Gate) -> None:
    assert Entrance(gate, Patience(60, 1)).admit(URL, lambda: DELIVERED) == DELIVERED
    assert gate.under_way() == 0


def test_so_has_one_that_broke(gate: Gate) -> None:
    with pytest.raises(UnsettledError):
        Entrance(gate, Patience(60, 1)).admit(URL, broken)
    assert gate.under_way() == 0


def test_while_an_attempt_is_left_behind_it_is_under_way_and_the_next_is_shed(gate: Gate) -> None:
    entrance = Entrance(gate, Patience(0, 5, Later().begin))
    with pytest.raises(LeftError):
        entrance.admit(URL, lambda: DELIVERED)
    assert gate.under_way() == 1
    assert entrance.admit(URL, lambda: DELIVERED) == NOW + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("attempt", "is_well"),
    [
        (lambda: DELIVERED, True),  # Lambda was slow
        (lambda: FirstAttempt("HANDED_OFF", 15_000), False),
        (broken, False),  # a connection that died while Lambda stood still, say: nothing is known
    ],
)
def test_what_was_left_leaves_the_gate_when_it_ends_and_speaks_for_its_endpoint(
    gate: Gate, attempt: Callable[[], FirstAttempt], is_well: bool
) -> None:
    later = Later()
    with pytest.raises(LeftError):
        Entrance(gate, Patience(0, 5, later.begin)).admit(URL, attempt)
    (call,) = later.calls
    try:
        call()
    except UnsettledError:
        assert attempt is broken
    assert gate.under_way() == 0
    assert isinstance(gate.enter(URL), Visit) is is_well


def test_nobody_waits_for_a_look_whether_a_slow_endpoint_is_well_again(
    gate: Gate, clock: list[datetime]
) -> None:
    """However patient the dispatcher is: the others of its batch need not hear of it."""
    slow = FirstAttempt("HANDED_OFF", 15_000)
    later = Later()
    entrance = Entrance(gate, Patience(60, 5, later.begin))
    gate.leave(gate.enter(URL), slow.response_time)  # type: ignore[arg-type]  # it lets the first in
    clock[0] += timedelta(minutes=2)
    with pytest.raises(LeftError):
        entrance.admit(URL, lambda: DELIVERED)
    (look,) = later.calls
    look()
    visit = gate.enter(URL)
    assert isinstance(visit, Visit)
    assert not visit.is_look

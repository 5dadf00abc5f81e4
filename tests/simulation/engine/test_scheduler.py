"""What each kind of fault does to a call, to its caller and to the service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from simulation.engine.chance import Chance
from simulation.engine.faults import (
    ConditionFailedError,
    CrashedError,
    Fault,
    FaultKind,
    NoAnswerError,
    UnavailableError,
)
from simulation.engine.plans import AtRandom, Census, Listed
from simulation.engine.process import Call, Join, Outcome, Process, Sleep
from simulation.engine.replay import TAPE, replayed
from simulation.engine.scheduler import Scheduler
from simulation.errors import NotDeterministicError

if TYPE_CHECKING:
    from simulation.engine.process import Respond

CALL = "me/1:table.write"
TIMEOUT = 5_000


@dataclass
class Service:
    """A service that counts the effects of calls."""

    effects: list[str] = field(default_factory=list)
    is_refusing: bool = False

    def kinds(self, operation: str, *, can_crash: bool) -> tuple[FaultKind, ...]:
        return (FaultKind.REFUSED,)

    def is_down(self, operation: str, now: int) -> bool:
        return False

    def perform(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        self.effects.append(label)
        if self.is_refusing:
            raise ConditionFailedError(None)
        respond(Outcome(f"answer {len(self.effects)}"))


def one_call(heard: list[Any]) -> Any:
    try:
        heard.append((yield Call("table.write", {}, TIMEOUT)))
    except (UnavailableError, NoAnswerError, ConditionFailedError, CrashedError) as error:
        heard.append(type(error).__name__)


def run(fault: Fault | None, service: Service | None = None) -> tuple[Any, list[str], int]:
    """Run one call; return the caller's result, the effects, and the time at the end."""
    service = service or Service()
    plan = Listed({} if fault is None else {CALL: fault})
    scheduler = Scheduler(service, plan, Chance(1), start=0)
    heard: list[Any] = []
    ends: list[Outcome] = []
    scheduler.start(Process("me", one_call(heard), ends.append))
    scheduler.run()
    died = isinstance(ends[0].error, CrashedError)
    return ("dead" if died else heard[0]), service.effects, scheduler.now


@pytest.mark.parametrize(
    ("fault", "heard", "effects"),
    [
        (None, "answer 1", [CALL]),
        (Fault(FaultKind.REFUSED), "UnavailableError", []),
        (Fault(FaultKind.BROKEN), "CrashedError", []),
        (Fault(FaultKind.LOST), "NoAnswerError", [CALL]),
        (Fault(FaultKind.LATE, 700), "NoAnswerError", [CALL]),
        (Fault(FaultKind.TWICE), "answer 2", [CALL, f"{CALL}'"]),
        (Fault(FaultKind.CRASH_BEFORE), "dead", []),
        (Fault(FaultKind.CRASH_AFTER), "dead", [CALL]),
        (Fault(FaultKind.STALL_BEFORE, 700), "answer 1", [CALL]),
        (Fault(FaultKind.STALL_AFTER, 700), "answer 1", [CALL]),
    ],
)
def test_a_fault_breaks_a_call_where_its_name_says(
    fault: Fault | None, heard: str, effects: list[str]
) -> None:
    assert run(fault)[:2] == (heard, effects)


def test_stalls_and_silence_take_their_time() -> None:
    assert run(None)[2] < 100
    assert run(Fault(FaultKind.STALL_BEFORE, 700))[2] > 700
    assert run(Fault(FaultKind.LOST))[2] > TIMEOUT
    assert run(Fault(FaultKind.LATE, 700))[2] >= TIMEOUT + 700


def test_a_service_error_is_raised_in_the_caller() -> None:
    assert run(None, Service(is_refusing=True))[0] == "ConditionFailedError"


def test_a_process_that_exceeds_its_time_is_ended_and_what_it_sent_arrives() -> None:
    service = Service()
    plan = Listed({CALL: Fault(FaultKind.STALL_BEFORE, 700)})
    scheduler = Scheduler(service, plan, Chance(1), start=0)
    heard: list[Any] = []
    ends: list[Outcome] = []
    scheduler.start(Process("me", one_call(heard), ends.append), timeout=300)
    scheduler.run()
    assert isinstance(ends[0].error, CrashedError)
    assert (heard, service.effects) == ([], [CALL])


def test_a_crash_takes_along_what_lives_in_the_same_place() -> None:
    service = Service()
    plan = Listed({"a/1:table.write": Fault(FaultKind.CRASH_BEFORE)})
    scheduler = Scheduler(service, plan, Chance(1), start=0)
    ends: list[Outcome] = []
    host: Process

    def both() -> Any:
        yield Join((guest("a"), guest("b")))

    def guest(name: str) -> Process:
        return Process(name, one_call([]), lambda _: None, host=host)

    host = Process("host", both(), ends.append)
    scheduler.start(host)
    scheduler.run()
    assert [type(end.error) for end in ends] == [CrashedError]


def test_a_join_returns_the_outcomes_in_order() -> None:
    scheduler = Scheduler(Service(), Census(), Chance(1), start=0)
    heard: list[Any] = []

    def child(until: int) -> Any:
        yield Sleep(until)
        if until == 20:
            raise ValueError("this one fails")
        return until

    def parent() -> Any:
        children = tuple(
            Process(str(until), child(until), lambda _: None) for until in (30, 20, 10)
        )
        heard.extend((yield Join(children)))

    scheduler.start(Process("parent", parent(), lambda _: None))
    scheduler.run()
    assert [outcome.value for outcome in heard] == [30, None, 10]
    assert isinstance(heard[1].error, ValueError)


def test_what_keeps_itself_busy_is_stopped() -> None:
    def forever() -> Any:
        now = 0
        while True:
            now += 1
            yield Sleep(now)

    scheduler = Scheduler(Service(), Census(), Chance(1), start=0)
    scheduler.start(Process("busy", forever(), lambda _: None))
    assert not scheduler.run()


def handler(calls: list[str]) -> str:
    return " ".join(TAPE.call(f"table.{name}", {}) for name in calls)


def test_a_handler_waits_for_its_calls_though_it_cannot_wait() -> None:
    scheduler = Scheduler(Service(), Census(), Chance(1), start=0)
    ends: list[Outcome] = []
    steps = replayed(lambda: handler(["a", "b"]), label="f", clock=lambda: scheduler.now)
    scheduler.start(Process("f", steps, ends.append))
    scheduler.run()
    assert ends[0].value == "answer 1 answer 2"


def test_a_handler_that_does_otherwise_the_second_time_is_found_out() -> None:
    calls = ["a", "b"]

    def fickle() -> str:
        calls.reverse()
        return handler(calls)

    scheduler = Scheduler(Service(), Census(), Chance(1), start=0)
    steps = replayed(fickle, label="f", clock=lambda: 0)
    scheduler.start(Process("f", steps, lambda _: None))
    with pytest.raises(NotDeterministicError):
        scheduler.run()


def test_random_faults_come_as_often_as_they_should_and_no_more_than_allowed() -> None:
    chance = Chance(1)
    kinds = tuple(FaultKind)
    plan = AtRandom(0.1, most=10_000)
    for number in range(5_000):
        plan.fault_at(str(number), kinds, chance.bits(str(number)) >> 32)
    assert 400 < len(plan.met) < 600
    assert {fault.kind for fault in plan.met.values()} == set(FaultKind)
    bounded = AtRandom(1.0, most=3)
    for number in range(10):
        bounded.fault_at(str(number), kinds, 0)
    assert len(bounded.met) == 3


def test_a_draw_depends_on_seed_and_name_alone() -> None:
    assert Chance(1).unit("a") == Chance(1).unit("a")
    assert len({Chance(seed).bits(name) for seed in (1, 2) for name in "ab"}) == 4
    assert {Chance(1).below(str(number), 3) for number in range(50)} == {0, 1, 2}

"""Each invariant that no planted bug violates is violated here by a fault made for it."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from homing.dispatch import express_path
from homing.dispatch.executions import Workflow
from homing.dispatch.express_path import ExpressPath
from homing.endpoints.concurrency import ConcurrencySlots
from homing.retry.policy import Policy
from simulation.checks.invariants import violations
from simulation.deployed import stand_ins
from simulation.deployment import Deployment
from simulation.engine import scheduler
from simulation.engine.clock import HOUR
from simulation.engine.faults import Fault, FaultKind
from simulation.scenario import Answer, Scenario, Submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulation.history import History


def broken(history: History) -> set[str]:
    return {violation.invariant for violation in violations(history)}


def one(*answers: Answer, **given: Any) -> Scenario:
    return Scenario((Submission("m0", ("a",)),), {"a": answers}, **given)


def test_a_message_that_stays_on_the_queue_is_stuck(run: Callable[..., History]) -> None:
    history = run(one(Answer(200)))
    assert broken(history) == set()
    assert broken(replace(history, queued=1)) == {"nothing_is_stuck"}


def test_an_execution_that_runs_on_is_stuck(run: Callable[..., History]) -> None:
    history = run(one(Answer(200)))
    history.journal.executions[0].running = True
    assert broken(history) == {"nothing_is_stuck"}


def test_a_scheduled_message_that_goes_the_way_of_others_is_early(
    run: Callable[..., History], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(express_path, "is_scheduled", lambda _: False)
    later = Scenario((Submission("m0", ("a",), deliver_in=HOUR),), {"a": (Answer(200),)})
    assert broken(run(later)) == {"not_before_deliver_at"}


def test_a_history_that_does_not_end_is_broken(
    run: Callable[..., History], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "MAX_EVENTS", 10)
    assert broken(run(one(Answer(200)))) == {"ends"}


def test_a_second_request_without_a_cause_is_one_too_many(
    run: Callable[..., History], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = ExpressPath.settle

    def settle_twice(self: ExpressPath, body: str) -> Any:
        runs = self.first_attempts
        assert runs is not None
        runs.run("twice", body)
        return settle(self, body)

    def settle_blind(self: ExpressPath, body: str) -> Any:
        blind = replace(self, records=Blind())
        return settle_twice(blind, body)

    monkeypatch.setattr(ExpressPath, "settle", settle_blind)
    assert "doubles_have_a_cause" in broken(run(one(Answer(200))))


def test_two_executions_of_a_delivery_are_one_too_many(
    run: Callable[..., History], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Workflow.start

    def start_twice(self: Workflow, delivery_id: str, document: str) -> bool:
        start(self, f"{delivery_id}-twin", document)
        return start(self, delivery_id, document)

    monkeypatch.setattr(Workflow, "start", start_twice)
    history = run(one(Answer(200), deployment=Deployment(defers=1.0)))
    assert broken(history) == {"one_delivery_per_target"}


class Blind:
    """A ledger that contains nothing."""

    def read(self, reference: Any) -> None:
        return None


def test_a_webhook_id_of_each_attempt_s_own_is_no_webhook_id(
    run: Callable[..., History], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = count()
    monkeypatch.setattr(
        stand_ins, "request_headers", lambda *_: {"webhook-id": f"id-{next(numbers)}"}
    )
    assert broken(run(one(Answer(503), Answer(200)))) == {"requests_are_alike"}


def test_a_queue_that_dead_letters_at_the_first_failure_needs_the_watchdog(
    run: Callable[..., History],
) -> None:
    never_waiting = replace(Deployment(), max_receive_count=1)
    faults = {"express:m0@a#1/1:lambda.invoke": Fault(FaultKind.CRASH_BEFORE)}
    assert broken(run(one(Answer(200), deployment=never_waiting), faults)) == {"heals_at_once"}
    assert broken(run(one(Answer(200)), faults)) == set()


def crowd(**given: Any) -> Scenario:
    """Four messages at once to an endpoint that takes 3 s and allows one request at a time."""
    submissions = tuple(Submission(f"m{number}", ("a",)) for number in range(4))
    narrow = Deployment(attempts_at_once=1)
    return Scenario(submissions, {"a": (Answer(200, takes=3000),)}, narrow, **given)


def test_attempts_at_a_narrow_endpoint_take_turns_and_each_is_made_once(
    run: Callable[..., History],
) -> None:
    history = run(crowd())
    assert broken(history) == set()
    assert [sent.attempt for sent in history.journal.sent] == [0] * 4


def test_an_endpoint_that_gets_more_than_it_allows_has_no_room(
    run: Callable[..., History], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ConcurrencySlots, "take", lambda *_: "always one left")
    assert broken(run(crowd())) == {"room_at_the_endpoint"}


@pytest.mark.parametrize(
    ("answer", "takes"),
    [
        pytest.param(Answer(200, takes=700), 700, id="answered"),
        pytest.param(Answer(None), 0, id="refused at once"),
        pytest.param(Answer(200, takes=40_000), Deployment().attempt_timeout, id="timed out"),
    ],
)
def test_a_request_is_under_way_until_its_caller_has_the_response(
    run: Callable[..., History], answer: Answer, takes: int
) -> None:
    """The caller holds its concurrency slot until then, and releases it then."""
    (sent,) = run(one(answer, deployment=Deployment(policy=Policy(max_attempts=1)))).journal.sent
    assert sent.until - sent.instant == takes

"""Planted bugs: small patches to the deployed code, each of which breaks a promise.

They show that the simulation finds bugs. Each bug is planted in turn, and a small scenario is
simulated, first without a fault and then with each single fault, until a promise is broken.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from homing import timestamps
from homing.delivery import Reference
from homing.dispatch.express_path import ExpressPath, Settled
from homing.errors import UnsettledError
from homing.ledger import updates
from homing.ledger.table import Ledger
from homing.queues.visibility import Redelivery
from homing.reception.acceptance import Acceptance
from homing.recovery.watchdog import Finding, Watchdog
from homing.retry import classification, plan
from lambdas import dispatch
from simulation.deployment import Deployment
from simulation.engine.clock import HOUR
from simulation.engine.faults import Fault, FaultKind
from simulation.scenario import Act, Answer, Intervention, Outage, Scenario, Submission
from simulation.search.exhaustive import EVENT
from simulation.search.planted_order import ORDERING_BUGS
from simulation.search.planted_pace import PACE_BUGS
from simulation.search.planted_reception import RECEPTION_BUGS
from simulation.search.planting import PlantedBug, replaced

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from homing.ledger.record import Record
    from homing.reception.idempotency import IdempotencyRecord
    from homing.reception.message import Message
    from homing.retry.classification import Decision, Status

_GOOD, _BUSY, _GONE = Answer(200), Answer(503), Answer(410)


def _one(*answers: Answer, **given: Any) -> Scenario:
    return Scenario((Submission("m0", ("a",)),), {"a": answers}, **given)


def _drop_conditions(states: dict[str, Any]) -> None:
    for name in ("RecordDelivered", "RecordFailure"):
        del states[name]["Arguments"]["ConditionExpression"]
        for value in (":attemptNumber", ":generation", ":executionName"):
            states[name]["Arguments"]["ExpressionAttributeValues"].pop(value, None)


def _acknowledge_early() -> AbstractContextManager[None]:
    settle = dispatch._settle  # noqa: SLF001  # the bug is planted there

    def settle_or_not(record: Any) -> None:
        try:
            settle(record)
        except UnsettledError:
            return

    return replaced(dispatch, "_settle", settle_or_not)


def _record_before_sending(states: dict[str, Any]) -> None:
    """Record the delivery as delivered before the request is sent."""
    first = json.dumps(states["RecordDelivered"])
    for guess, known in {
        "$states.input.outcome.timestamp": "$states.context.State.EnteredTime",
        "$string($states.input.outcome.responseTime)": "'0'",
        "$string($states.input.outcome.httpStatus)": "'200'",
        "$states.input.verdict.category": "'SUCCESS'",
        "$states.input.verdict.reason": "'HTTP 200'",
    }.items():
        first = first.replace(guess, known)
    record = json.loads(first)
    del record["End"]
    record["Next"] = "Send"
    record["Output"] = "{% $states.input %}"
    record["Catch"] = [
        {"ErrorEquals": ["States.ALL"], "Output": {"end": "SUPERSEDED"}, "Next": "Superseded"}
    ]
    states["Send"] = states["Deliver"]
    states["Deliver"] = record
    states["WhatNext"]["Choices"][0].update(Next="Delivered", Output={"end": "DELIVERED"})


def _wait_to_the_millisecond() -> AbstractContextManager[None]:
    """Do not round due times up. Since a Wait state truncates milliseconds, attempts are early."""
    return replaced(plan, "to_due_text", timestamps.to_text)


def _believe_to_be_superseded() -> AbstractContextManager[None]:
    """Treat a delivery as done when its execution was superseded, without reading its status."""
    original = ExpressPath.settle

    def settle(self: ExpressPath, body: str) -> tuple[Reference, Settled]:
        runs = self.first_attempts
        if runs is None:
            return original(self, body)
        reference = Reference.from_document(json.loads(body)["reference"])
        if self.records.read(reference) is not None:
            return original(self, body)
        end = runs.run(reference.delivery_id, body).end
        return reference, Settled.ALREADY_SETTLED if end == "SUPERSEDED" else Settled(end)

    return replaced(ExpressPath, "settle", settle)


def _hand_off_without_a_name(states: dict[str, Any]) -> None:
    if "HandOff" in states:
        del states["HandOff"]["Arguments"]["Name"]


_EQUAL = "attribute_not_exists(attempts) OR attempts = :attemptNumber"


def _lock_out_after_a_gap(states: dict[str, Any]) -> None:
    for name in ("RecordDelivered", "RecordFailure"):
        states[name]["Arguments"]["ConditionExpression"] = _EQUAL


def _one_attempt_too_many() -> AbstractContextManager[None]:
    def status_after(decision: Decision, attempts: int, max_attempts: int) -> Status:
        return original(decision, attempts, max_attempts + 1)

    original = classification._status_after  # noqa: SLF001  # the bug is planted there
    return replaced(classification, "_status_after", status_after)


def _dead_letter_at_the_second_receive_only() -> AbstractContextManager[None]:
    """Send no dead letter for a redelivered queue message if the ledger records the failure."""
    original = ExpressPath._from_record  # noqa: SLF001  # the bug is planted there

    def from_record(self: ExpressPath, document: Any, record: Any) -> Settled:
        if record.has_failed:
            return Settled.ALREADY_SETTLED
        return original(self, document, record)

    return replaced(ExpressPath, "_from_record", from_record)


def _no_dead_letter_for_the_replayed(states: dict[str, Any]) -> None:
    """When the condition of a write fails, always assume that another execution wrote the record.

    This is wrong if the execution repeats a write of its own that had already taken effect: in that
    case the condition fails, too.
    """
    states["RecordedByUs"]["Choices"][0]["Condition"] = "{% true %}"


def _delivered_whatever_is_on_record(states: dict[str, Any]) -> None:
    """When the condition for recording a success fails, count the delivery as delivered anyway.

    That is right only if the ledger is unavailable.
    """
    del states["RecordDelivered"]["Catch"][0]


def _claim_without_a_condition() -> AbstractContextManager[None]:
    """After a wait, claim the attempt without a condition, so that the claim always succeeds."""
    return replaced(updates, "CLAIM_CONDITION", "attribute_not_exists(nothing)")


def _wait_without_an_owner() -> AbstractContextManager[None]:
    """When a delivery must wait, start its execution but do not record that execution as owner."""
    return replaced(Ledger, "own", lambda *_: None)


def _redrive_whatever_is_on_record() -> AbstractContextManager[None]:
    """Redrive without a condition, so that a redrive overwrites what another redrive recorded."""
    apply = Ledger._apply  # noqa: SLF001  # the bug is planted there

    def unconditional(self: Ledger, update: Mapping[str, Any]) -> bool:
        values = update["ExpressionAttributeValues"]
        used = {name: value for name, value in values.items() if not name.startswith(":seen")}
        changed = {
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": used,
        }
        return apply(self, {**update, **changed})

    return replaced(Ledger, "_apply", unconditional)


def _be_redelivered_too_early() -> AbstractContextManager[None]:
    """Redeliver the queue message of a detached attempt while the attempt is still running."""
    put_off = Redelivery.put_off

    def put_off_a_little(self: Redelivery, receipt_handle: str, _: int, queue: str = "") -> bool:
        return put_off(self, receipt_handle, 2, queue)

    return replaced(Redelivery, "put_off", put_off_a_little)


def _compute_the_list_anew() -> AbstractContextManager[None]:
    """Send a duplicate of an event to the current subscribers instead of the recorded ones."""

    def as_they_are_now(_: Acceptance, message: Message, standing: IdempotencyRecord) -> Message:
        now = message.idempotency
        anew = replace(standing, targets=now.targets, endpoint_ids=now.endpoint_ids)
        return replace(message, idempotency=anew)

    return replaced(Acceptance, "_as_accepted", as_they_are_now)


def _take_up_too_early() -> AbstractContextManager[None]:
    """Have the watchdog resume deliveries that are not overdue."""
    overdue = Ledger.overdue

    def due_tomorrow(self: Ledger, before: datetime, most: int) -> Any:
        return overdue(self, before + timedelta(days=1), most)

    return replaced(Ledger, "overdue", due_tomorrow)


def _take_nothing_up() -> AbstractContextManager[None]:
    """Have the watchdog ignore the delivery of a stopped execution, and not find it again."""

    def settle(self: Watchdog, reference: Reference, record: Record, *_: Any) -> Finding:
        self.ledger.settle(reference, record)
        return Finding.SETTLED

    return replaced(Watchdog, "_take_up", settle)


def _take_up_whatever_is_on_record() -> AbstractContextManager[None]:
    """Have the watchdog overwrite what an execution or another watchdog run has recorded."""
    return _redrive_whatever_is_on_record()


def _list_failures_only() -> AbstractContextManager[None]:
    """Have the watchdog add a failed delivery to the list of failures, but send no dead letter."""

    def list_it(self: Watchdog, reference: Reference, record: Record, _: Any) -> Finding:
        self.ledger.list_failure(reference, record)
        return Finding.SETTLED

    return replaced(Watchdog, "_dead_letter", list_it)


def _acting(act: Act, at: int, *answers: Answer) -> Scenario:
    return _one(*answers, interventions=(Intervention(act, "m0", "a", at),))


# An execution is stopped, and the watchdog that resumes its delivery is invoked twice.
_TWO_WATCHDOGS: Mapping[str, Fault] = {
    "standard:m0@a@1:WaitUntilDue": Fault(FaultKind.STOPPED),
    "watchdog#1/1:lambda.invoke": Fault(FaultKind.TWICE),
}
# `dispatch` is invoked twice with the same batch, so that two executions make the same first
# attempt.
_RACE: Mapping[str, Fault] = {"worker-0/2:lambda.invoke": Fault(FaultKind.TWICE)}

PLANTED_BUGS: tuple[PlantedBug, ...] = (
    PlantedBug("a dropped condition", _one(_GOOD), change=_drop_conditions),
    PlantedBug("acknowledging early", _one(_GOOD), _acknowledge_early),
    PlantedBug("recording before sending", _one(_GOOD), change=_record_before_sending),
    PlantedBug("an unrounded wait", _one(_BUSY, _GOOD), _wait_to_the_millisecond),
    PlantedBug(
        "superseded treated as done",
        _one(_BUSY, _BUSY, _GOOD, workers=1),
        _believe_to_be_superseded,
        given=_RACE,
    ),
    PlantedBug("a hand-off without a name", _one(_BUSY, _GOOD), change=_hand_off_without_a_name),
    PlantedBug(
        "a condition that locks out after a gap",
        _one(_BUSY, _BUSY, _GOOD),
        change=_lock_out_after_a_gap,
    ),
    PlantedBug("one attempt too many", _one(_BUSY), _one_attempt_too_many),
    PlantedBug(
        "a dead letter at the second receive only",
        _one(_GONE, outages=(Outage("sqs.send_message", 0, 2 * HOUR),)),
        _dead_letter_at_the_second_receive_only,
    ),
    PlantedBug(
        "no dead letter for a replayed record",
        _one(_GONE, deployment=Deployment(express_path_is_on=False)),
        change=_no_dead_letter_for_the_replayed,
    ),
    PlantedBug(
        "delivered, whatever is on record",
        _one(_BUSY, Answer(200, takes=800), workers=1),
        change=_delivered_whatever_is_on_record,
        given=_RACE,
    ),
    PlantedBug(
        "a claim without a condition",
        _acting(Act.RETRY_NOW, 700, _BUSY, _GOOD),
        _claim_without_a_condition,
    ),
    PlantedBug(
        "a wait without an owner",
        _one(_BUSY, _GOOD, workers=1, deployment=Deployment(attempts_at_once=1)),
        _wait_without_an_owner,
        given=_RACE,
    ),
    PlantedBug(
        "a redrive whatever is on record",
        _acting(Act.REDRIVE_DEAD_LETTERS, 5_000, _GONE, _GOOD),
        _redrive_whatever_is_on_record,
    ),
    PlantedBug("a list computed anew", EVENT, _compute_the_list_anew),
    PlantedBug(
        "a detached message redelivered too early",
        _one(Answer(200, takes=9_000)),
        _be_redelivered_too_early,
    ),
    PlantedBug(
        "a watchdog that resumes too early",
        Scenario(
            (Submission("m0", ("a",)), Submission("m1", ("b",))),
            {"a": (Answer(503, retry_after="7200"), _GOOD), "b": (_BUSY, _GOOD)},
            stops=True,
        ),
        _take_up_too_early,
        given={"standard:m1@b@1:WaitUntilDue": Fault(FaultKind.STOPPED)},
    ),
    PlantedBug("a watchdog that resumes nothing", _one(_BUSY, _GOOD, stops=True), _take_nothing_up),
    PlantedBug(
        "a watchdog that overwrites a claim",
        _one(_BUSY, _BUSY, _GOOD, stops=True),
        _take_up_whatever_is_on_record,
        given=_TWO_WATCHDOGS,
    ),
    PlantedBug(
        "a watchdog that sends no dead letter",
        _one(_GONE, stops=True, deployment=Deployment(express_path_is_on=False)),
        _list_failures_only,
    ),
    *RECEPTION_BUGS,
    *ORDERING_BUGS,
    *PACE_BUGS,
)

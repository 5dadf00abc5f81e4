"""The delivery protocol as a table: what each actor can do to a record, and which state follows.

docs/delivery-protocol.md shows the table. tests/unit/homing/ledger/test_transitions.py compares it
with the updates of the ledger, the workflow definition, `dispatch`, the interventions and that
page. tests/simulation/test_transitions.py compares it with every change of a record in simulated
histories.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing.ledger.record import Record


class State(StrEnum):
    """The state of a record. MAX_RETRIES_EXCEEDED counts as FAILED."""

    NONE = "no record"
    QUEUED = "QUEUED"
    RETRY_SCHEDULED = "RETRY_SCHEDULED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    FAILED_UNSENT = "FAILED, unsent"


def state_of(record: Record | None) -> State:
    """Return the state of a record; a failure that may lack its dead letter is "unsent"."""
    if record is None:
        return State.NONE
    if record.has_failed:
        return State.FAILED_UNSENT if record.may_lack_dead_letter else State.FAILED
    return State(record.status)


class Action(StrEnum):
    """What `dispatch` does with a queue message."""

    FIRST_ATTEMPT = "makes the first attempt"
    START_OWNER = "starts the owner by its name"
    DEAD_LETTER = "sends the dead letter"
    NOTHING = "nothing"


# What `dispatch` does, by the state of the record that it reads. If the delivery is scheduled, or
# `expressPath` is off, `dispatch` makes no first attempt, but gives the delivery to its Standard
# execution (`Move.OWN`).
DISPATCH: Mapping[State, Action] = MappingProxyType(
    {
        State.NONE: Action.FIRST_ATTEMPT,
        State.QUEUED: Action.START_OWNER,
        State.RETRY_SCHEDULED: Action.START_OWNER,
        State.DELIVERED: Action.NOTHING,
        State.CANCELLED: Action.NOTHING,
        State.FAILED: Action.NOTHING,
        State.FAILED_UNSENT: Action.DEAD_LETTER,
    }
)


class Move(StrEnum):
    """A write that an actor tries; the condition of the write decides whether it takes effect."""

    OWN = "`dispatch` gives the delivery to its execution"
    KEEP = "`dispatch` keeps the dead letter that was sent"
    EXPRESS_DELIVERED = "first attempt in the express path: delivered"
    EXPRESS_RETRY = "first attempt in the express path: retry"
    EXPRESS_FAILURE = "first attempt in the express path: failed"
    CLAIM = "the owner wakes and claims its attempt"
    DELIVERED = "attempt of the owner: delivered"
    RETRY = "attempt of the owner: retry"
    FAILURE = "attempt of the owner: failed"
    LIST = "the dead letter is sent, and the failure listed"
    LATER_CLAIM = "an execution of a later generation claims the attempt"
    EARLIER_CLAIM = "an execution of an earlier generation wakes"
    EARLIER_DELIVERED = "attempt of an earlier generation: delivered"
    EARLIER_RETRY = "attempt of an earlier generation: retry"
    EARLIER_FAILURE = "attempt of an earlier generation: failed"
    REDRIVE = "an operator redrives"
    RETRY_NOW = "an operator retries now"
    CANCEL = "an operator cancels"
    DRAIN = "an operator drains what waits"
    TAKE_UP = "the watchdog gives the delivery to a later generation"


Outcomes: TypeAlias = "Mapping[State, State]"


def _waiting(after: State | None = None) -> Outcomes:
    """Map each waiting state to the state `after`. If that is None, map each to itself."""
    waits = (State.QUEUED, State.RETRY_SCHEDULED)
    return MappingProxyType({state: after or state for state in waits})


def _due(after: State, gone: State) -> Outcomes:
    """Map each waiting state to the state `after`, and a missing record to the state `gone`."""
    return MappingProxyType({State.NONE: gone, **_waiting(after)})


_REFUSED: Outcomes = MappingProxyType({})

# For each move and state, the state that follows. In a state that is missing here, the write is
# refused and changes nothing. If the result of a first attempt is refused, the record determines
# what `dispatch` does with the message.
TRANSITIONS: Mapping[Move, Outcomes] = MappingProxyType(
    {
        Move.OWN: MappingProxyType({State.NONE: State.QUEUED}),
        Move.KEEP: MappingProxyType(
            {State.FAILED: State.FAILED, State.FAILED_UNSENT: State.FAILED}
        ),
        Move.EXPRESS_DELIVERED: MappingProxyType(
            {State.NONE: State.DELIVERED, State.QUEUED: State.DELIVERED}
        ),
        Move.EXPRESS_RETRY: MappingProxyType({State.NONE: State.RETRY_SCHEDULED}),
        Move.EXPRESS_FAILURE: MappingProxyType({State.NONE: State.FAILED_UNSENT}),
        Move.CLAIM: _waiting(),
        Move.DELIVERED: _due(State.DELIVERED, State.DELIVERED),
        Move.RETRY: _due(State.RETRY_SCHEDULED, State.RETRY_SCHEDULED),
        Move.FAILURE: _due(State.FAILED, State.FAILED_UNSENT),
        Move.LIST: MappingProxyType(
            {state: state for state in (State.FAILED, State.FAILED_UNSENT)}
        ),
        Move.LATER_CLAIM: _waiting(),
        Move.EARLIER_CLAIM: _REFUSED,
        Move.EARLIER_DELIVERED: _REFUSED,
        Move.EARLIER_RETRY: _REFUSED,
        Move.EARLIER_FAILURE: _REFUSED,
        Move.REDRIVE: MappingProxyType(
            dict.fromkeys((State.NONE, State.FAILED, State.FAILED_UNSENT), State.QUEUED)
        ),
        Move.RETRY_NOW: _waiting(),
        Move.CANCEL: _due(State.CANCELLED, State.CANCELLED),
        Move.DRAIN: _due(State.FAILED, State.FAILED),
        Move.TAKE_UP: _waiting(),
    }
)

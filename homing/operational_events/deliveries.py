"""The operational events of deliveries, derived from changes to their ledger records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from homing.delivery import Reference
from homing.ledger.record import FAILED, Record
from homing.operational_events.event import OWN_EVENT_TYPES, Kind, OperationalEvent
from homing.retry.classification import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.operational_events.event import Change

# A delivery counts as failing from its second failed attempt on: a single failure is normal.
_FAILING = 2


def delivery_patterns(*, delivered: bool) -> list[dict[str, Any]]:
    """Return the event patterns for changes to the ledger that can lead to an operational event.

    Lambda drops all other changes without charge. If `delivered` is false, it drops all changes of
    a delivery that succeeds at its first or second attempt and is not redriven. Lambda accepts at
    most five patterns.

    Args:
        delivered: whether there is an event for every delivery that succeeds.
    """
    is_delivered = {"status": {"S": [Status.DELIVERED.value]}}
    late = [
        is_delivered | {"attempts": {"N": [{"anything-but": ["1", "2"]}]}},
        is_delivered | {"redrivenFrom": {"S": [{"exists": True}]}},
    ]
    failing = {
        "NewImage": {
            "status": {"S": [Status.RETRY_SCHEDULED.value]},
            "attempts": {"N": [{"anything-but": ["0", "1"]}]},
        },
        "OldImage": {"attempts": {"N": ["0", "1"]}},
    }
    images = [
        failing,
        {"NewImage": {"status": {"S": sorted(each.value for each in FAILED)}}},
        *({"NewImage": each} for each in ([is_delivered] if delivered else late)),
    ]
    return [{"dynamodb": each} for each in images]


def delivery_events(
    change: Change, *, delivered: bool, blocks: Callable[[Reference], bool] = lambda _: False
) -> list[OperationalEvent]:
    """Return the events for a change to a ledger record.

    Args:
        change: the change.
        delivered: whether there is an event for every delivery that succeeds.
        blocks: returns whether the failure of a delivery blocks its line. It is called only for
            deliveries in lines.
    """
    if change.after is None:
        return []
    reference, after = Reference.from_document(change.after), Record.from_attributes(change.after)
    if (reference.event_type or "").startswith(OWN_EVENT_TYPES):
        return []
    before = None if change.before is None else Record.from_attributes(change.before)
    if before is not None and before.is_of_previous_acceptance(after.created_at):
        before = None
    kinds = _kinds(before, after, delivered=delivered)
    if Kind.DELIVERY_FAILED in kinds and reference.ordering_key and blocks(reference):
        kinds = [*kinds, Kind.ORDERING_BLOCKED]
    return [_event(kind, reference, after) for kind in kinds]


def _kinds(before: Record | None, after: Record, *, delivered: bool) -> list[Kind]:
    status = before.status if before else None
    match after.status:
        case Status.FAILED | Status.MAX_RETRIES_EXCEEDED:
            return [] if status in FAILED else [Kind.DELIVERY_FAILED]
        case Status.DELIVERED if status is not Status.DELIVERED:
            recovered = [Kind.DELIVERY_RECOVERED] if _has_recovered(after) else []
            return [*recovered, *([Kind.DELIVERY_DELIVERED] if delivered else [])]
        case Status.RETRY_SCHEDULED if after.attempts >= _FAILING:
            is_known = before is not None and before.attempts >= _FAILING
            return [] if is_known else [Kind.DELIVERY_FAILING]
        case _:
            return []


def _has_recovered(record: Record) -> bool:
    """Return whether a successful delivery was failing before, or had failed and was redriven."""
    return record.attempts > _FAILING or bool(record.redrives)


def _event(kind: Kind, reference: Reference, record: Record) -> OperationalEvent:
    category, reason = _why(record)
    due = {} if record.next_retry_at is None else {"nextRetryAt": record.next_retry_at}
    detail = {
        **reference.ids(),
        **_place(reference),
        "targetUrl": reference.target_url,
        "status": record.status.value,
        "attempts": record.attempts,
        "generation": record.generation,
        "category": category,
        "reason": reason,
        "timestamp": record.last_updated_at,
        **due,
    }
    return OperationalEvent(kind, record.last_updated_at, detail)


def _place(reference: Reference) -> dict[str, Any]:
    named = {"orderingKey": reference.ordering_key, "sequence": reference.sequence}
    return {name: value for name, value in named.items() if value is not None}


def _why(record: Record) -> tuple[str, str]:
    """Return the category and the reason for the status of a delivery.

    They are those of the last attempt, unless an operator has ended the delivery since then.
    """
    last = record.history[-1] if record.history else {}
    if last.get("timestamp") != record.last_updated_at and record.dead_letter is not None:
        verdict = json.loads(record.dead_letter)["verdict"]
        return verdict["category"], verdict["reason"]
    return last["errorCategory"], last["errorDetails"]["message"]

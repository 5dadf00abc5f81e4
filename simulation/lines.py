"""Finds lines of deliveries that are stuck, from the items in the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulation.items import delivery_of, number_of, status_of, text_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    Items = Mapping[tuple[str, ...], Mapping[str, Any]]

_WAITING = frozenset({"QUEUED", "RETRY_SCHEDULED"})
_FAILED = frozenset({"FAILED", "MAX_RETRIES_EXCEEDED"})


def standing_still(
    lines: Items, places: Items, ledger: Items, blocking: Collection[str]
) -> Iterator[str]:
    """Yield the id of each line in which deliveries wait although the head has ended.

    A line that is blocked by its failed head is not yielded.

    Args:
        lines: the items of the table of lines, typed, by key.
        places: the items of the table of places.
        ledger: the items of the ledger.
        blocking: the ids of the endpoints that block lines.
    """
    for line_id in sorted({key[0] for key in places}):
        line = lines.get((line_id,))
        if line is not None and (is_under_way(line, ledger) or is_blocked(line, ledger, blocking)):
            continue
        head = 0 if line is None else number_of(line, "head")
        following = [key for key in sorted(places) if key[0] == line_id and int(key[1]) > head]
        if following and not _goes_on(places[following[0]], ledger):
            yield line_id


def is_under_way(line: Mapping[str, Any], ledger: Items) -> bool:
    """Return whether the head of a line has not yet ended."""
    record = ledger.get((text_of(line, "deliveryPk"), text_of(line, "deliverySk")), {})
    return not has_ended(record)


def is_blocked(line: Mapping[str, Any], ledger: Items, blocking: Collection[str]) -> bool:
    """Return whether the head of a line has failed and its endpoint blocks lines."""
    record = ledger.get((text_of(line, "deliveryPk"), text_of(line, "deliverySk")), {})
    is_passed = number_of(line, "passedOver") == number_of(line, "head")
    return (
        status_of(record) in _FAILED and not is_passed and line["endpointId"].get("S") in blocking
    )


def has_ended(record: Mapping[str, Any]) -> bool:
    """Return whether a delivery has ended, according to its ledger item.

    A delivery whose status is QUEUED or RETRY_SCHEDULED has ended if the watchdog has removed its
    item from the watchdog's index.
    """
    status = status_of(record)
    return bool(status) and not (status in _WAITING and "attention" in record)


def _goes_on(place: Mapping[str, Any], ledger: Items) -> bool:
    """Return whether the delivery at a place is in progress, which means that its line moves on."""
    keys = [
        key for key, item in ledger.items() if delivery_of(item) == text_of(place, "deliveryId")
    ]
    return bool(keys) and not has_ended(ledger[keys[0]])

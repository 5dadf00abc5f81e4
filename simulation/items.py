"""Functions that read fields of ledger items in DynamoDB's typed form, such as `{"S": "x"}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.delivery import Reference
from homing.ledger.record import WAITING

if TYPE_CHECKING:
    from collections.abc import Mapping


def delivery_of(item: Mapping[str, Any]) -> str:
    """Return the id of the delivery that an item belongs to."""
    reference = Reference(
        message_id=text_of(item, "messageId"),
        sender_id=text_of(item, "senderId"),
        timestamp=text_of(item, "timestamp"),
        target_url=text_of(item, "targetUrl"),
        correlation_id=text_of(item, "correlationId"),
        created_at=text_of(item, "createdAt"),
    )
    return reference.delivery_id


def status_of(item: Mapping[str, Any]) -> str:
    """Return the status in a ledger item; empty if there is no item."""
    return text_of(item, "status")


def text_of(item: Mapping[str, Any], name: str) -> str:
    """Return a string in a typed item; empty if the item does not contain it."""
    return str(item[name]["S"]) if name in item else ""


def is_watched(item: Mapping[str, Any]) -> bool:
    """Return whether a ledger item is in the watchdog's index as a waiting delivery.

    The index also contains failed and cancelled deliveries; for those, return False.
    """
    return text_of(item, "attention").partition("#")[0] in WAITING


def number_of(item: Mapping[str, Any], name: str) -> int:
    """Return a number in a typed item; 0 if the item does not contain it."""
    return int(item[name]["N"]) if name in item else 0


def history_of(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the attempts in the `retryHistory` of a ledger item, oldest first."""
    return [entry["M"] for entry in item["retryHistory"]["L"]] if "retryHistory" in item else []


def redrives_of(item: Mapping[str, Any]) -> int:
    """Return how many redrives a ledger item records; it contains at most the newest 20."""
    return len(item["redriveHistory"]["L"]) if "redriveHistory" in item else 0


def entries_of_run(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the attempts in a ledger item's `retryHistory` that were made after the last redrive.

    Without a redrive, that is all of them.
    """
    if not redrives_of(item):
        return history_of(item)
    return history_of(item)[number_of(item["redriveHistory"]["L"][-1]["M"], "attemptsOnRecord") :]

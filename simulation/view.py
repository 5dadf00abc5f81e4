"""A history, arranged for the invariants: by delivery, items read as they are, typed."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from homing.delivery import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulation.account import Sent
    from simulation.history import History


class View:
    """A history, arranged by delivery."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.account = history.account
        self.items = {delivery_of(item): item for item in history.ledger.values()}

    @cached_property
    def sent(self) -> Mapping[str, list[Sent]]:
        """The requests of each delivery."""
        found: dict[str, list[Sent]] = defaultdict(list)
        for sent in self.account.sent:
            found[sent.delivery].append(sent)
        return found

    @cached_property
    def documents(self) -> Mapping[str, dict[str, Any]]:
        """The document of each delivery that got as far as an execution."""
        return {each.delivery: each.document for each in self.account.executions}

    @cached_property
    def delivered(self) -> frozenset[str]:
        """The deliveries of which an execution or the ledger says that they were delivered."""
        told = {
            each.delivery
            for each in self.account.executions
            if each.output is not None and each.output["end"] == "DELIVERED"
        }
        recorded = {
            delivery for delivery, item in self.items.items() if status_of(item) == "DELIVERED"
        }
        return frozenset(told | recorded)

    def name(self, delivery: str) -> str:
        """Give a delivery a name for people."""
        document = self.documents.get(delivery)
        return delivery[:8] if document is None else document["reference"]["sk"][25:]

    def has_gap(self, delivery: str, attempt: int) -> bool:
        """Tell whether it was said aloud that this attempt may not be on record."""
        return (delivery, attempt) in self.account.gaps


def delivery_of(item: Mapping[str, Any]) -> str:
    """Give the id of the delivery that an item belongs to."""
    names = ("messageId", "senderId", "timestamp", "targetUrl", "correlationId", "createdAt")
    return Reference(*(text_of(item, name) for name in names)).delivery_id


def status_of(item: Mapping[str, Any]) -> str:
    """Give the status on record, empty without a record."""
    return text_of(item, "status")


def text_of(item: Mapping[str, Any], name: str) -> str:
    """Give a text of a typed item, empty where it is missing."""
    return str(item[name]["S"]) if name in item else ""


def number_of(item: Mapping[str, Any], name: str) -> int:
    """Give a number of a typed item, 0 where it is missing."""
    return int(item[name]["N"]) if name in item else 0


def history_of(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the entries of a typed item, oldest first."""
    return [entry["M"] for entry in item["retryHistory"]["L"]] if "retryHistory" in item else []

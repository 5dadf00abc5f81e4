"""What a list of deliveries is narrowed down by."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from homing import timestamps
from homing.items import to_dynamodb
from homing_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping


class FilterError(CommandError):
    """Raised when a filter cannot be read."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a delivery must fit; an empty one lets everything through.

    Args:
        status: its ledger status.
        sender: its senderId.
        endpoint: a part of its target URL; on the page also the id of an endpoint.
        category: of its latest attempt.
        since: it was last updated then or later, ISO-8601; without a zone, UTC.
        until: it was last updated then or earlier.
        text: what its messageId begins with, or its deliveryId or correlationId.
    """

    status: str = ""
    sender: str = ""
    endpoint: str = ""
    category: str = ""
    since: str = ""
    until: str = ""
    text: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """Read them from the parameters of a page.

        Raises:
            FilterError: when a time is none.
        """
        given = {field.name: query.get(field.name, "").strip() for field in fields(cls)}
        for name in ("since", "until"):
            _instant(given[name])
        return cls(**given)

    def to_query(self) -> dict[str, str]:
        """Return the parameters that are set."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value}

    @property
    def since_text(self) -> str:
        """The earliest time as the ledger writes it, empty for none."""
        return _instant(self.since)

    @property
    def until_text(self) -> str:
        """The latest time as the ledger writes it, empty for none."""
        return _instant(self.until)

    def fits(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record, as plain values, fits."""
        history = record.get("retryHistory") or [{}]
        return (
            self.may_fit(record)
            and self.status in ("", record.get("status"))
            and self.category in ("", history[-1].get("errorCategory"))
            and self._is_named(record)
        )

    def may_fit(self, entry: Mapping[str, Any]) -> bool:
        """Return whether a record can fit by what the attention index has of it."""
        updated = entry.get("lastUpdatedAt", "")
        return (
            self.sender in ("", entry.get("senderId"))
            and self.endpoint in entry.get("targetUrl", "")
            and (not self.since or updated >= self.since_text)
            and (not self.until or updated <= self.until_text)
        )

    @property
    def is_narrow(self) -> bool:
        """Whether it asks for more than a status, so that many records may not fit."""
        return any(name != "status" for name in self.to_query())

    def _is_named(self, record: Mapping[str, Any]) -> bool:
        begins = str(record.get("messageId", "")).startswith(self.text)
        return begins or record.get("correlationId") == self.text

    def conditions(self) -> dict[str, Any]:
        """Return what lets DynamoDB leave out most of what does not fit; `fits` decides.

        The category is that of the last entry of a list, which no expression can address.
        """
        parts, values = [], {}
        for name, (condition, value) in _CONDITIONS.items():
            if given := getattr(self, value):
                parts.append(condition)
                values[name] = to_dynamodb(given)
        if not parts:
            return {}
        names = {"#status": "status"} if self.status else {}
        made: dict[str, Any] = {
            "FilterExpression": " AND ".join(parts),
            "ExpressionAttributeValues": values,
        }
        return made | ({"ExpressionAttributeNames": names} if names else {})


_CONDITIONS: Mapping[str, tuple[str, str]] = {
    ":status": ("#status = :status", "status"),
    ":sender": ("senderId = :sender", "sender"),
    ":endpoint": ("contains(targetUrl, :endpoint)", "endpoint"),
    ":since": ("lastUpdatedAt >= :since", "since_text"),
    ":until": ("lastUpdatedAt <= :until", "until_text"),
    ":text": ("(begins_with(messageId, :text) OR correlationId = :text)", "text"),
}


def _instant(text: str) -> str:
    if not text:
        return ""
    try:
        read = datetime.fromisoformat(text)
        return timestamps.to_text(read if read.tzinfo else read.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise FilterError(f"{text} is no time: write it like 2026-11-24T07:30") from error

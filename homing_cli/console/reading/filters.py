"""Filters of a list of deliveries."""

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
    """Filters of a list of deliveries; an empty field matches all.

    Args:
        status: its ledger status.
        sender: its senderId.
        endpoint: a part of its target URL; on the page also the id of an endpoint.
        category: the category of its latest attempt.
        since: the earliest time of its last update, ISO-8601; UTC without a zone.
        until: the latest time of its last update.
        text: the beginning of its messageId, or its deliveryId or correlationId.
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
        """Return the filters of the parameters of a page.

        Raises:
            FilterError: when a time is not valid.
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
        """The earliest time in the ledger's format; empty for none."""
        return _instant(self.since)

    @property
    def until_text(self) -> str:
        """The latest time in the ledger's format; empty for none."""
        return _instant(self.until)

    def fits(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record, given as plain values, matches."""
        history = record.get("retryHistory") or [{}]
        return (
            self.may_fit(record)
            and self.status in ("", record.get("status"))
            and self.category in ("", history[-1].get("errorCategory"))
            and self._is_named(record)
        )

    def may_fit(self, entry: Mapping[str, Any]) -> bool:
        """Return whether a record can match, by its attributes in the attention index."""
        updated = entry.get("lastUpdatedAt", "")
        return (
            self.sender in ("", entry.get("senderId"))
            and self.endpoint in entry.get("targetUrl", "")
            and (not self.since or updated >= self.since_text)
            and (not self.until or updated <= self.until_text)
        )

    @property
    def is_narrow(self) -> bool:
        """Whether more than a status is filtered, so that many records may not match."""
        return any(name != "status" for name in self.to_query())

    def _is_named(self, record: Mapping[str, Any]) -> bool:
        begins = str(record.get("messageId", "")).startswith(self.text)
        return begins or record.get("correlationId") == self.text

    def conditions(self) -> dict[str, Any]:
        """Return a filter expression that excludes most records that do not match; `fits` decides.

        The category is not in it: no expression can address the last entry of a list.
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
        raise FilterError(f"{text} is not a time: write it like 2026-11-24T07:30") from error

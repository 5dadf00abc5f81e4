"""One sender, as shown in the list of senders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from homing.senders.api_key import ApiKey
    from homing_cli.console.endpoints.backlog import Backlog
    from homing_cli.console.endpoints.rows import Row


@dataclass(frozen=True, slots=True)
class Tenant:
    """A sender.

    Args:
        sender_id: its id.
        states: how many of its endpoints are in each state, one of `rows.STATES`.
        waiting: how many of its deliveries wait for an attempt; None until they have been counted.
        failed: how many have failed and were not sent again; None until they have been counted.
        keys: its API keys that are not revoked, the newest first.
    """

    sender_id: str
    states: Counter[str]
    waiting: int | None
    failed: int | None
    keys: Sequence[ApiKey]


def tenants(rows: Sequence[Row], keys: Iterable[ApiKey], backlog: Backlog | None) -> list[Tenant]:
    """Return the senders with an endpoint, an API key, or waiting or failed deliveries.

    Those with the most failed deliveries come first.
    """
    known = list(keys)
    ids = {row.endpoint.sender_id for row in rows} | {key.sender_id for key in known}
    ids |= set() if backlog is None else backlog.senders
    found = [_tenant(sender_id, rows, known, backlog) for sender_id in ids]
    return sorted(found, key=lambda each: (-(each.failed or 0), each.sender_id))


def _tenant(
    sender_id: str, rows: Sequence[Row], keys: Sequence[ApiKey], backlog: Backlog | None
) -> Tenant:
    waiting, failed = (None, None) if backlog is None else backlog.of_sender(sender_id)
    valid = [key for key in keys if key.sender_id == sender_id and key.revoked_at is None]
    return Tenant(
        sender_id,
        Counter(row.state for row in rows if row.endpoint.sender_id == sender_id),
        waiting,
        failed,
        sorted(valid, key=lambda key: key.created_at, reverse=True),
    )

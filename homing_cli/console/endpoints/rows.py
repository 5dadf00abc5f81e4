"""One endpoint as shown in lists and on its page: state, health, waiting and failed deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homing.ledger.record import FAILED
from homing.retry.classification import Status
from homing.timestamps import from_text, to_text
from homing_cli.console.endpoints.health import Health, health_by_endpoint
from homing_cli.console.endpoints.recent_attempts import NOT_SENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from homing.endpoints.endpoint import Endpoint
    from homing.ledger.delivery_groups import Group
    from homing_cli.console.endpoints.backlog import Backlog
    from homing_cli.console.endpoints.recent_attempts import Sample

# The states by which a list of endpoints can be filtered, the most urgent first, with their names
# on pages.
STATES = {"failing": "Failing", "disabled": "Disabled", "enabled": "Enabled"}
_ATTEMPTED = FAILED | {Status.RETRY_SCHEDULED}


@dataclass(frozen=True, slots=True)
class Row:
    """An endpoint with its health, and its waiting and failed deliveries.

    Args:
        endpoint: the endpoint.
        health: the health in the period of the sample; None until the attempts have been read.
        groups: its deliveries that wait or have failed, in groups with the same cause; None until
            they have been counted.
        waiting: how many deliveries wait for an attempt; None until they have been counted.
        failed: how many have failed and were not sent again; None until they have been counted.
    """

    endpoint: Endpoint
    health: Health | None
    groups: Sequence[Group] | None
    waiting: int | None
    failed: int | None

    @property
    def state(self) -> str:
        """The endpoint's state, one of `STATES`."""
        if not self.endpoint.enabled:
            return "disabled"
        return "failing" if self.endpoint.failing_since else "enabled"

    @property
    def cause(self) -> str:
        """The most frequent category of the waiting and failed deliveries, or an empty string."""
        found = (group.values["category"] for group in self.groups or ())
        return next(filter(None, found), "")

    @property
    def last_success(self) -> str | None:
        """The time of the latest success among the recent attempts, in ISO 8601, or None."""
        at = self.health and self.health.last_success
        return to_text(at) if at else None

    @property
    def last_failure(self) -> str | None:
        """The time of the latest failure in recent attempts or the ledger, in ISO 8601, or None."""
        known = [
            from_text(group.last_at)
            for group in self.groups or ()
            if group.values["status"] in _ATTEMPTED and group.values["category"] not in NOT_SENT
        ]
        if self.health and self.health.last_failure:
            known.append(self.health.last_failure)
        return to_text(max(known)) if known else None

    def is_named(self, text: str) -> bool:
        """Return whether the endpoint's ids, URL, description or event types contain a text."""
        endpoint = self.endpoint
        known = (endpoint.endpoint_id, endpoint.sender_id, endpoint.url, endpoint.description)
        wanted = text.casefold()
        return any(wanted in each.casefold() for each in (*known, *endpoint.event_types))


def rows(
    endpoints: Iterable[Endpoint], backlog: Backlog | None, sample: Sample | None
) -> list[Row]:
    """Return a row for each endpoint, sorted by state (most urgent first), sender and id."""
    health = {} if sample is None else health_by_endpoint(sample.attempts)
    groups: dict[tuple[str, str], list[Group]] = {}
    for group in () if backlog is None else backlog.groups:
        groups.setdefault((group.values["senderId"], group.values["endpoint"]), []).append(group)
    found = []
    for endpoint in endpoints:
        key = endpoint.sender_id, endpoint.endpoint_id
        row = Row(
            endpoint,
            None if sample is None else health.get(key, Health()),
            None if backlog is None else groups.get(key, []),
            None if backlog is None else backlog.waiting[key],
            None if backlog is None else backlog.failed[key],
        )
        found.append(row)
    return sorted(found, key=_urgency)


def _urgency(row: Row) -> tuple[int, str, str]:
    return list(STATES).index(row.state), row.endpoint.sender_id, row.endpoint.endpoint_id

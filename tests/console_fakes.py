"""The console's server with fakes that know one delivery, for tests without a browser."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.testclient import TestClient

from homing.delivery import Reference
from homing.endpoints.endpoint import Endpoint
from homing.ledger.delivery_groups import BY_ENDPOINT_AND_CAUSE, Group, grouped
from homing.ledger.delivery_index import Page
from homing.recovery.bulk_redrive import BulkRedrive
from homing.routing.pattern import Mismatch
from homing_cli.console.actions.jobs import Done, Jobs
from homing_cli.console.app import make_app
from homing_cli.console.reading.addressed import Recipient
from homing_cli.console.reading.counts import BY, Counted
from homing_cli.console.reading.delivered import listed
from homing_cli.console.rendering.view import View
from homing_cli.console.services import Services
from homing_cli.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from homing.ledger.delivery_filter import DeliveryFilter, Listed
    from homing.routing.subscriptions import Event
    from homing_cli.console.actions.chosen import Chosen

PORT = 8088
HOST = f"127.0.0.1:{PORT}"
RECORD = {
    "messageId": "<script>alert(1)</script>",
    "senderId": "default",
    "timestamp": "2026-01-01T12:00:00.000Z",
    "targetUrl": "https://example.com/?a=1&b=2",
    "correlationId": "c",
    "createdAt": "2026-01-01T12:00:00.000Z",
    "lastUpdatedAt": "2026-01-01T12:00:00.000Z",
    "endpointId": "old-shop",
    "status": "FAILED",
    "attempts": 1,
    "ttl": 4_000_000_000,
    "retryHistory": [
        {
            "attemptNumber": 0,
            "timestamp": "2026-01-01T12:00:00.000Z",
            "errorCategory": "GONE",
            "errorDetails": {"message": "HTTP 410"},
            "responseTime": 5,
        }
    ],
}


DISABLED = Endpoint(
    sender_id="crm",
    endpoint_id="old-shop",
    url="https://example.com/hooks",
    created_at="2026-01-01T12:00:00.000Z",
    updated_at="2026-01-01T12:00:00.000Z",
    enabled=False,
    disabled_at="2026-01-01T12:00:00.000Z",
    disabled_reason="it answered 410",
)


LISTED = listed(Reference.from_document(RECORD).to_document() | RECORD)
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


class FakeCatalogue:
    """Knows one delivery."""

    def message(self, message_id: str, sender_id: str) -> list[dict[str, Any]]:
        return [self.delivery(message_id, sender_id, "")]

    def delivery(self, message_id: str, sender_id: str, delivery_id: str) -> dict[str, Any]:
        if message_id != RECORD["messageId"]:
            raise NotFoundError(f"no message {message_id}")
        return Reference.from_document(RECORD).to_document() | RECORD


@dataclass
class FakeLists:
    """Returns deliveries as a page that has a next page; remembers the requested filters."""

    found: tuple[Listed, ...] = (LISTED,)
    asked: list[DeliveryFilter] = field(default_factory=list)

    def page(self, wanted: DeliveryFilter, *, after: Any, limit: int, now: datetime) -> Page:
        self.asked.append(wanted)
        return Page(self.found, ("a", "b", "c") if self.found else None)

    def ask(self, asked: tuple[DeliveryFilter, Any], wait_seconds: float) -> Page:
        return self.page(asked[0], after=asked[1], limit=50, now=NOW)


@dataclass
class FakeCounts:
    """Returns the counts of some deliveries; None stands for a count that is not finished."""

    found: Iterable[Listed] | None = (LISTED,)

    def ask(self, wanted: DeliveryFilter, wait_seconds: float) -> Counted | None:
        return None if self.found is None else Counted(tuple(grouped(self.found, BY)), NOW)


class FakeRedrives:
    """Previews bulk redrives; remembers which were begun and which were stopped."""

    def __init__(self, found: Iterable[Listed] = (LISTED,)) -> None:
        self.found = found
        self.begun: dict[str, BulkRedrive] = {}
        self.redrives = self

    def preview(self, wanted: DeliveryFilter, now: datetime) -> list[Group]:
        return grouped(self.found, BY_ENDPOINT_AND_CAUSE)

    def begin(
        self, redrive_id: str, wanted: DeliveryFilter, rate: float, *, matched: int, now: datetime
    ) -> BulkRedrive:
        self.begun[redrive_id] = BulkRedrive.begun(redrive_id, wanted, rate, matched, now)
        return self.begun[redrive_id]

    def find(self, redrive_id: str) -> BulkRedrive | None:
        return self.begun.get(redrive_id)

    def stop(self, redrive_id: str) -> BulkRedrive | None:
        if found := self.begun.get(redrive_id):
            self.begun[redrive_id] = replace(found, is_stopped=True)
        return self.find(redrive_id)

    def newest(self, most: int) -> list[BulkRedrive]:
        return [*self.begun.values()][:most]


class FakeExecutions:
    """Knows no execution."""

    def of_delivery(self, record: Any) -> list[Any]:
        return []

    def reference(self, delivery_id: str) -> None:
        return None


class FakeAddressed:
    """Knows one endpoint, to which the fake catalogue's delivery is addressed; it is disabled."""

    def recipient(self, sender_id: str, endpoint_id: str | None) -> Recipient | None:
        return Recipient(sender_id, endpoint_id, DISABLED) if endpoint_id else None

    def explained(self, event: Event) -> Any:
        if event.sender_id == "nobody":
            return []
        missing = Mismatch("filter.payload.total", "is <5>, but must be one of [6]")
        active = replace(DISABLED, endpoint_id="active", enabled=True)
        return [(DISABLED, ()), (active, (missing,) if event.payload == '{"total": 5}' else ())]

    def endpoints(self, deliveries: Iterable[Listed]) -> dict[tuple[str, str], Endpoint]:
        found = {(one.sender_id, one.endpoint_id or ""): DISABLED for one in deliveries}
        return {key: endpoint for key, endpoint in found.items() if key[1] == "old-shop"}


class FakeActions:
    """Remembers the actions it was asked for; each succeeds at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def act(self, way: str, chosen: Sequence[Chosen]) -> Iterator[Done]:
        self.asked.append((way, [one.message_id for one in chosen]))
        return iter([Done(one) for one in chosen])


def client_of(actions: FakeActions | None, **others: Any) -> TestClient:
    """Return a client of a console: read-only without `actions`; `others` replace its services."""
    services = Services(
        target=None,  # type: ignore[arg-type]  # no page asked for here needs it
        catalogue=FakeCatalogue(),  # type: ignore[arg-type]
        addressed=FakeAddressed(),  # type: ignore[arg-type]
        sources=None,  # type: ignore[arg-type]
        pages=FakeLists(),  # type: ignore[arg-type]
        delivered=FakeLists(),  # type: ignore[arg-type]
        counts=FakeCounts(),  # type: ignore[arg-type]
        executions=FakeExecutions(),  # type: ignore[arg-type]
        attempts=None,  # type: ignore[arg-type]
        histories=None,  # type: ignore[arg-type]
        standing=None,  # type: ignore[arg-type]
        redrives=FakeRedrives(),  # type: ignore[arg-type]
        actions=actions,  # type: ignore[arg-type]
        endpoint_actions=None,
        jobs=Jobs(lambda: None),
        view=View({"place": "a local cloud", "may_act": actions is not None}),
    )
    app = make_app(replace(services, **others), PORT)
    return TestClient(app, base_url=f"http://{HOST}")


def token(client: TestClient) -> str:
    """Return the token that the pages of a console have."""
    guard = client.app.user_middleware[0].kwargs["dispatch"]  # type: ignore[attr-defined]
    found: str = guard.token
    return found

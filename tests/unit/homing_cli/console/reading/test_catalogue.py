"""Single deliveries by their ids, with a record and without one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from seeded import record

from homing.delivery import Reference
from homing.items import to_dynamodb
from homing.reception.idempotency import IdempotencyRecord
from homing_cli.console.reading.catalogue import Catalogue
from homing_cli.errors import NotFoundError

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
URLS = ("https://a.example/", "https://b.example/")
IDS = ("shop", "crm")


@dataclass(frozen=True)
class TablesTarget:
    """A target with nothing but two tables, in moto."""

    dynamodb: Any
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        assert service == "dynamodb"
        return self.dynamodb

    def put(self, table: str, item: dict[str, Any]) -> None:
        typed = {name: to_dynamodb(value) for name, value in item.items()}
        self.dynamodb.put_item(TableName=self.outputs[table], Item=typed)


@pytest.fixture
def target(ledger_table: Any, messages_table: Any) -> TablesTarget:
    outputs = {"LedgerTable": ledger_table.name, "MessagesTable": messages_table.name}
    return TablesTarget(ledger_table.client, outputs)


@pytest.fixture
def catalogue(target: TablesTarget) -> Catalogue:
    return Catalogue(target, clock=lambda: NOW)  # type: ignore[arg-type]


def accepted(message_id: str) -> IdempotencyRecord:
    at, ttl = "2026-01-01T11:00:00.000Z", int(NOW.timestamp()) + 60
    return IdempotencyRecord(message_id, "default", at, message_id, at, URLS, None, "f", ttl)


def test_a_delivery_without_a_record_is_queued(catalogue: Catalogue, target: TablesTarget) -> None:
    target.put("MessagesTable", accepted("new").to_item())
    found = catalogue.message("new", "default")
    assert [(one["targetUrl"], one["status"], one["attempts"]) for one in found] == [
        (URLS[0], "QUEUED", 0),
        (URLS[1], "QUEUED", 0),
    ]


def test_a_message_to_an_endpoint_tells_which_with_a_record_and_without(
    catalogue: Catalogue, target: TablesTarget
) -> None:
    to_shop = replace(accepted("new"), endpoint_ids=IDS)
    target.put("MessagesTable", to_shop.to_item())
    failed = {"status": "FAILED", "attempts": 1, "retryHistory": [], "ttl": to_shop.expires_at}
    target.put("LedgerTable", to_shop.references()[0].to_document() | failed)
    found = catalogue.message("new", "default")
    assert [(each["status"], each["endpointId"]) for each in found] == [
        ("FAILED", "shop"),
        ("QUEUED", "crm"),
    ]


def test_one_delivery_is_found_by_its_ids(catalogue: Catalogue, target: TablesTarget) -> None:
    made = record(7, NOW)
    target.put("LedgerTable", made)
    delivery_id = Reference.from_document(made).delivery_id
    found = catalogue.delivery("seed-00007", "billing", delivery_id)
    assert found["lastUpdatedAt"] == made["lastUpdatedAt"]
    with pytest.raises(NotFoundError, match="has no delivery"):
        catalogue.delivery("seed-00007", "billing", "0" * 32)


def test_a_record_that_has_expired_is_not_found(catalogue: Catalogue, target: TablesTarget) -> None:
    target.put("LedgerTable", record(7, NOW) | {"ttl": int(NOW.timestamp()) - 1})
    with pytest.raises(NotFoundError):
        catalogue.message("seed-00007", "billing")


def test_an_event_that_matched_no_endpoint_is_said_to_be_one(
    catalogue: Catalogue, target: TablesTarget
) -> None:
    target.put("MessagesTable", replace(accepted("event"), targets=()).to_item())
    with pytest.raises(NotFoundError, match="matched no endpoint"):
        catalogue.message("event", "default")


def test_an_unknown_message_is_not_found(catalogue: Catalogue) -> None:
    with pytest.raises(NotFoundError, match="there is no message none"):
        catalogue.message("none", "default")


@pytest.mark.parametrize(
    ("message_id", "sender_id"),
    [("m" * 3000, "default"), ("m", "s" * 3000), ("a#b", "default"), ("", "default"), ("m", "")],
)
def test_an_id_that_nothing_can_have_is_not_found_and_not_asked_for(
    catalogue: Catalogue, target: TablesTarget, message_id: str, sender_id: str
) -> None:
    """DynamoDB refuses a key of more than 2,048 bytes."""
    asked: list[Any] = []
    target.dynamodb.meta.events.register("before-call", lambda **call: asked.append(call))
    with pytest.raises(NotFoundError):
        catalogue.message(message_id, sender_id)
    with pytest.raises(NotFoundError):
        catalogue.delivery(message_id, sender_id, "0" * 32)
    assert asked == []

"""The endpoints to which deliveries are addressed, as read by the console."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from seeded import record

from homing.endpoints.endpoint import Endpoint
from homing.items import to_dynamodb
from homing_cli.console.reading.addressed import Addressed, Recipient
from homing_cli.console.reading.delivered import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = Endpoint(
    sender_id="crm",
    endpoint_id="shop",
    url="https://shop.example.com/hooks",
    created_at="2026-01-01T12:00:00.000Z",
    updated_at="2026-01-01T12:00:00.000Z",
)


@dataclass(frozen=True)
class TableTarget:
    """A target with nothing but its endpoints table, in moto."""

    dynamodb: Any
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        assert service == "dynamodb"
        return self.dynamodb


@pytest.fixture
def addressed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Addressed]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName="endpoints",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
            ],
        )
        item = {name: to_dynamodb(value) for name, value in SHOP.to_item().items()}
        client.put_item(TableName="endpoints", Item=item)
        yield Addressed(TableTarget(client, {"EndpointsTable": "endpoints"}))  # type: ignore[arg-type]


def test_the_endpoints_of_deliveries_are_read_by_sender_and_id(addressed: Addressed) -> None:
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    one = listed(record(8, at))
    to_shop = replace(one, sender_id="crm", endpoint_id="shop")
    others = (replace(to_shop, endpoint_id="gone"), replace(one, endpoint_id=None), to_shop)
    assert addressed.endpoints([to_shop, *others]) == {("crm", "shop"): SHOP}
    assert addressed.endpoints([]) == {}


def test_a_delivery_to_a_plain_url_has_no_recipient(addressed: Addressed) -> None:
    assert addressed.recipient("crm", None) is None


def test_a_deleted_endpoint_is_still_named_and_is_not_served(addressed: Addressed) -> None:
    gone = addressed.recipient("crm", "gone")
    assert gone == Recipient("crm", "gone", None)
    assert gone is not None
    assert not gone.is_served


@pytest.mark.parametrize("enabled", [True, False])
def test_an_endpoint_is_served_while_it_is_enabled(*, enabled: bool) -> None:
    assert Recipient("crm", "shop", replace(SHOP, enabled=enabled)).is_served is enabled


@pytest.mark.parametrize(("sender_id", "ends"), [("default", "--enable"), ("crm", "--sender crm")])
def test_the_command_that_enables_an_endpoint_names_any_sender_but_the_default_one(
    sender_id: str, ends: str
) -> None:
    command = Recipient(sender_id, "shop", SHOP).command
    assert command.startswith("homing endpoints set shop --enable")
    assert command.endswith(ends)

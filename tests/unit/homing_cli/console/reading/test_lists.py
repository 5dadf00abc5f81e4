"""The console's lists: filters, cursors, and pages that miss nothing and repeat nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from seeded import KINDS, record

from homing.items import to_dynamodb
from homing.reception.idempotency import IdempotencyRecord
from homing.retry.classification import Status
from homing_cli.console.reading import cursor
from homing_cli.console.reading.catalogue import Catalogue
from homing_cli.console.reading.cursor import CursorError
from homing_cli.console.reading.filters import FilterError, Filters
from homing_cli.console.reading.table_scan import IN_ONE_READ
from homing_cli.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SIZE = 7
NUMBERS = count()
IDS = ("shop", "crm")
INDEXED = [
    "messageId",
    "senderId",
    "targetUrl",
    "endpointId",
    "eventType",
    "status",
    "attempts",
    "nextRetryAt",
    "lastUpdatedAt",
]


@dataclass(frozen=True)
class TablesTarget:
    """A target that has nothing but its two tables, in moto."""

    dynamodb: Any
    outputs: dict[str, str]
    endpoint: str = "http://127.0.0.1:1"

    def client(self, service: str) -> Any:
        assert service == "dynamodb"
        return self.dynamodb

    def put(self, table: str, *items: dict[str, Any]) -> None:
        for item in items:
            typed = {name: to_dynamodb(value) for name, value in item.items()}
            self.dynamodb.put_item(TableName=self.outputs[table], Item=typed)


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield boto3.client("dynamodb", region_name="us-east-1")


def new_target(client: Any, name: str) -> TablesTarget:
    client.create_table(
        TableName=f"{name}-ledger",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[_key("pk", "HASH"), _key("sk", "RANGE")],
        AttributeDefinitions=[_text(n) for n in ("pk", "sk", "attention", "attentionAt")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "attention",
                "KeySchema": [_key("attention", "HASH"), _key("attentionAt", "RANGE")],
                "Projection": {
                    "ProjectionType": "INCLUDE",
                    "NonKeyAttributes": INDEXED,
                },
            }
        ],
    )
    client.create_table(
        TableName=f"{name}-messages",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[_key("pk", "HASH")],
        AttributeDefinitions=[_text("pk")],
    )
    outputs = {"LedgerTable": f"{name}-ledger", "MessagesTable": f"{name}-messages"}
    return TablesTarget(client, outputs)


def _key(name: str, kind: str) -> dict[str, str]:
    return {"AttributeName": name, "KeyType": kind}


def _text(name: str) -> dict[str, str]:
    return {"AttributeName": name, "AttributeType": "S"}


@pytest.fixture
def catalogue(target: TablesTarget) -> Catalogue:
    return Catalogue(target, monotonic=lambda: 0.0, clock=lambda: NOW)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def seeds() -> list[dict[str, Any]]:
    return [record(number, NOW) for number in range(120)]


@pytest.fixture(scope="module")
def seeded_target(dynamodb: Any, seeds: list[dict[str, Any]]) -> TablesTarget:
    """Tables that hold the seeds. Tests read them and change nothing."""
    target = new_target(dynamodb, "seeded")
    target.put("LedgerTable", *seeds)
    return target


@pytest.fixture
def target(dynamodb: Any, request: pytest.FixtureRequest) -> TablesTarget:
    """Empty tables; for tests that ask for `seeded`, those that hold the seeds."""
    if "seeded" in request.fixturenames:
        found: TablesTarget = request.getfixturevalue("seeded_target")
        return found
    return new_target(dynamodb, f"test-{next(NUMBERS)}")


@pytest.fixture
def seeded(seeds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return seeds


def all_pages(catalogue: Catalogue, filters: Filters) -> list[list[str]]:
    """Page through a list to its end, by cursors as the browser carries them."""
    pages, text = [], ""
    while True:
        page = catalogue.page(filters, cursor.from_text(text) if text else None, SIZE)
        pages.append([str(found["messageId"]) for found in page.records])
        if page.cursor is None:
            return pages
        text = page.cursor


def names(records: list[dict[str, Any]], keep: Callable[[dict[str, Any]], bool]) -> list[str]:
    return [found["messageId"] for found in records if keep(found)]


@pytest.mark.parametrize("status", ["MAX_RETRIES_EXCEEDED", "FAILED"])
def test_failures_are_paged_latest_first_without_gap_or_repetition(
    catalogue: Catalogue, seeded: list[dict[str, Any]], status: str
) -> None:
    """The higher a seed's number, the longer ago it failed."""
    pages = all_pages(catalogue, Filters(status=status))
    assert [name for page in pages for name in page] == names(
        seeded, lambda found: found["status"] == status
    )
    assert all(len(page) == SIZE for page in pages[:-1])


def test_retries_are_paged_soonest_first(
    catalogue: Catalogue, seeded: list[dict[str, Any]]
) -> None:
    pages = all_pages(catalogue, Filters(status="RETRY_SCHEDULED"))
    due = sorted(
        (f for f in seeded if f["status"] == "RETRY_SCHEDULED"), key=lambda f: f["nextRetryAt"]
    )
    assert [name for page in pages for name in page] == [found["messageId"] for found in due]


def test_a_small_ledger_is_paged_latest_change_first(
    catalogue: Catalogue, seeded: list[dict[str, Any]]
) -> None:
    pages = all_pages(catalogue, Filters())
    assert [name for page in pages for name in page] == names(seeded, lambda _: True)


FILTERS = {
    "sender": (Filters(sender="crm"), lambda f: f["senderId"] == "crm"),
    "endpoint": (Filters(endpoint="shop-7."), lambda f: "shop-7." in f["targetUrl"]),
    "category": (
        Filters(category="TIMEOUT"),
        lambda f: f["retryHistory"][-1]["errorCategory"] == "TIMEOUT",
    ),
    "since": (Filters(since="2026-01-01T11:59"), lambda f: f["messageId"] <= "seed-00060"),
    "until": (Filters(until="2026-01-01T11:59"), lambda f: f["messageId"] >= "seed-00060"),
    "text": (Filters(text="seed-0002"), lambda f: f["messageId"].startswith("seed-0002")),
    "correlation": (Filters(text="cart-00033"), lambda f: f["messageId"] == "seed-00033"),
    "delivered": (Filters(status="DELIVERED"), lambda f: f["status"] == "DELIVERED"),
    "failed at an endpoint": (
        Filters(status="FAILED", endpoint="shop-8."),
        lambda f: f["status"] == "FAILED" and "shop-8." in f["targetUrl"],
    ),
    "failed with another outcome": (Filters(status="FAILED", category="TIMEOUT"), lambda _: False),
}


@pytest.mark.parametrize(("filters", "keep"), FILTERS.values(), ids=FILTERS.keys())
@pytest.mark.parametrize("is_large", [False, True])
def test_a_list_holds_what_fits_and_nothing_else(
    catalogue: Catalogue,
    seeded: list[dict[str, Any]],
    filters: Filters,
    keep: Callable[[dict[str, Any]], bool],
    is_large: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a ledger that one read takes in, and in one that it does not."""
    if is_large:
        monkeypatch.setattr("homing_cli.console.reading.table_scan.IN_ONE_READ", 20)
    found = [name for page in all_pages(catalogue, filters) for name in page]
    assert sorted(found) == names(seeded, keep)


def test_a_page_ends_when_its_time_is_up_and_says_where_to_go_on(
    target: TablesTarget, seeded: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homing_cli.console.reading.table_scan.IN_ONE_READ", 20)
    seconds = iter(range(1000))
    slow = Catalogue(target, monotonic=lambda: next(seconds), clock=lambda: NOW)  # type: ignore[arg-type]
    pages = all_pages(slow, Filters(category="GONE"))
    assert len(pages) > 3
    assert len([name for page in pages for name in page]) == 12


def test_expired_records_are_not_shown(catalogue: Catalogue, target: TablesTarget) -> None:
    forgotten = record(7, NOW) | {"ttl": int(NOW.timestamp()) - 1}
    target.put("LedgerTable", forgotten)
    assert all_pages(catalogue, Filters()) == [[]]
    assert all_pages(catalogue, Filters(status="MAX_RETRIES_EXCEEDED")) == [[]]


def idempotency(message_id: str, *urls: str) -> IdempotencyRecord:
    at = "2026-01-01T11:00:00.000Z"
    ttl = int(NOW.timestamp()) + 60
    return IdempotencyRecord(message_id, "default", at, message_id, at, urls, None, "f", ttl)


def test_a_delivery_without_a_record_is_queued(catalogue: Catalogue, target: TablesTarget) -> None:
    target.put(
        "MessagesTable", idempotency("new", "https://a.example/", "https://b.example/").to_item()
    )
    page = catalogue.page(Filters(status="QUEUED"))
    assert [found["targetUrl"] for found in page.records] == [
        "https://a.example/",
        "https://b.example/",
    ]
    (first, _) = catalogue.message("new", "default")
    assert (first["status"], first["attempts"]) == ("QUEUED", 0)
    assert [found["messageId"] for found in catalogue.page(Filters()).records] == ["new", "new"]


def test_a_messages_own_id_leads_to_it_at_once(catalogue: Catalogue, target: TablesTarget) -> None:
    target.put("MessagesTable", idempotency("new", "https://a.example/").to_item())
    page = catalogue.page(Filters(text="new"))
    assert (len(page.records), page.looked_at) == (1, 1)


def test_an_unknown_message_is_not_found(catalogue: Catalogue) -> None:
    with pytest.raises(NotFoundError):
        catalogue.message("none", "default")


@given(
    st.recursive(st.integers() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=4))
)
def test_a_place_survives_its_cursor(place: Any) -> None:
    assert cursor.from_text(cursor.to_text(place)) == place


@pytest.mark.parametrize("text", ["?", "abc", "eJw", "x" * 100, "aGVsbG8"])
def test_a_cursor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CursorError):
        cursor.from_text(text)


@pytest.mark.parametrize("place", [["a", "b", "c"], {"FAILED#0": 3}, "x"])
def test_a_cursor_of_another_list_is_refused(
    catalogue: Catalogue, seeded: list[dict[str, Any]], place: Any
) -> None:
    with pytest.raises(CursorError):
        catalogue.page(Filters(status="FAILED"), place)


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize(
    "text",
    ["yesterday", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00"],
)
def test_a_time_that_is_none_is_refused(name: str, text: str) -> None:
    with pytest.raises(FilterError, match=f"^{re.escape(text)} is not a time"):
        Filters.from_query({name: text})


def test_filters_come_back_from_the_address_as_they_went() -> None:
    filters = Filters(status="FAILED", endpoint="a b", since="2026-01-01T00:00")
    assert Filters.from_query(filters.to_query()) == filters


def test_the_seeds_are_of_every_kind_that_the_index_holds() -> None:
    assert {kind[0] for kind in KINDS} == set(Status) - {Status.QUEUED, Status.CANCELLED}
    assert IN_ONE_READ > 120


def test_a_message_to_an_endpoint_tells_which_with_a_record_and_without(
    catalogue: Catalogue, target: TablesTarget
) -> None:
    to_shop = replace(
        idempotency("new", "https://a.example/", "https://b.example/"), endpoint_ids=IDS
    )
    target.put("MessagesTable", to_shop.to_item())
    reference = to_shop.references()[0]
    failed = {"status": "FAILED", "attempts": 1, "retryHistory": []}
    target.put("LedgerTable", reference.to_document() | failed)
    found = catalogue.message("new", "default")
    assert [(each["status"], each["endpointId"]) for each in found] == [
        ("FAILED", "shop"),
        ("QUEUED", "crm"),
    ]


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


def test_a_list_narrowed_down_by_an_id_that_nothing_can_have_is_empty(
    catalogue: Catalogue,
) -> None:
    assert all_pages(catalogue, Filters(text="m" * 3000)) == [[]]

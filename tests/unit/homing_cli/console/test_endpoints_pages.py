"""The pages of endpoints, over tables in moto."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from homing.endpoints.confidential import Confidential
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.secret_rotation import SigningSecret
from homing.endpoints.store import EndpointStore
from homing.ledger.delivery_filter import Listed
from homing.ledger.delivery_groups import grouped
from homing.retry.classification import Category, Status
from homing_cli.console.app import make_app
from homing_cli.console.endpoints.background import Latest
from homing_cli.console.endpoints.backlog import BY, Backlog
from homing_cli.console.endpoints.recent_attempts import Sample, Seen
from homing_cli.console.endpoints.registered import Registry
from homing_cli.console.endpoints.sources import Sources
from homing_cli.console.reading.addressed import Addressed
from homing_cli.console.rendering.view import View
from homing_cli.console.rendering.wording import NOTHING
from homing_cli.console.services import Services

if TYPE_CHECKING:
    from collections.abc import Sequence

    from httpx import Response

PORT = 8088
NOON = "2026-01-01T12:00:00.000Z"
NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
ORDERS = Endpoint(
    "shop",
    "orders",
    "https://example.com/<orders>",
    NOON,
    NOON,
    description="Paid ones",
    event_types=("order.*",),
    filter='{"payload": {"total": [{"numeric": [">", 100]}]}}',
    attempts_at_once=4,
    rate_per_second=0.5,
    policy={"maxAttempts": 2},
    header_names=("X-Shop",),
)
PLAIN = Endpoint("crm", "plain", "https://crm.example.com", NOON, NOON)
DISABLED = replace(
    PLAIN,
    endpoint_id="gone",
    url="https://gone.example.com",
    enabled=False,
    disabled_at=NOON,
    disabled_reason="it answered 410 Gone",
)
OUTPUTS = {"EndpointsTable": "endpoints", "SecretsTable": "secrets", "KeysTable": "keys"}


@dataclass(frozen=True)
class Tables:
    """A target that has nothing but its tables."""

    dynamodb: Any

    @property
    def outputs(self) -> dict[str, str]:
        return OUTPUTS

    def client(self, _: str) -> Any:
        return self.dynamodb


def known(value: Any, error: str = "") -> Any:
    """What `Background` returns, as if it had been read."""
    return SimpleNamespace(latest=lambda: Latest(value, error))


def failed(count: int, endpoint: Endpoint) -> list[Listed]:
    one = Listed(
        pk="m#s",
        sk=f"{NOON}#{endpoint.url}",
        message_id="m",
        sender_id=endpoint.sender_id,
        target_url=endpoint.url,
        endpoint_id=endpoint.endpoint_id,
        created_at=NOON,
        status=Status.FAILED,
        attempts=1,
        at=NOON,
        last_updated_at=NOON,
        category=Category.GONE,
        reason="HTTP 410",
    )
    return [one] * count


@pytest.fixture
def client(registry: Any) -> TestClient:
    store = EndpointStore("endpoints", "secrets", registry)
    secrets = (
        SigningSecret("whsec_new", NOW),
        SigningSecret("whsec_old", datetime(2025, 6, 1, tzinfo=UTC), NOW),
    )
    for endpoint in (ORDERS, PLAIN, DISABLED):
        assert store.save(endpoint, Confidential(secrets), has_new_rate=True)
    seen = [Seen(f"e{n}", NOW, "shop", "orders", 10 * n, n > 1) for n in range(1, 5)]
    return client_over(
        registry, backlog=failed(312, DISABLED), sample=Sample(seen, NOW.replace(hour=11), NOW)
    )


def client_over(
    registry: Any, *, backlog: Sequence[Listed] | None, sample: Sample | None, error: str = ""
) -> TestClient:
    target: Any = Tables(registry)
    counted = None if backlog is None else Backlog.of(grouped(backlog, BY), NOW)
    sources = Sources(Registry(target), known(counted, error), known(sample, error))
    nothing: dict[str, Any] = dict.fromkeys(field.name for field in fields(Services))
    services = Services(
        **nothing
        | {
            "addressed": Addressed(target),
            "sources": sources,
            "view": View({"place": "moto", "may_act": False}),
        }
    )
    return TestClient(make_app(services, PORT), base_url=f"http://127.0.0.1:{PORT}")


def names(answer: Response) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/endpoint\?[^"]+">([^<]+)</a>', answer.text)


def cells(answer: Response, name: str) -> list[str]:
    """The cells of an endpoint's row, without markup."""
    row = answer.text.split(f">{name}</a>")[1].split("</tr>")[0]
    return [" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in row.split("<td")[1:]]


def test_endpoints_of_all_senders_are_listed_the_disabled_ones_before_the_others(
    client: TestClient,
) -> None:
    assert names(client.get("/endpoints")) == ["gone", "plain", "orders"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"text": "ORDER"}, ["orders"]),
        ({"text": "crm.example"}, ["plain"]),
        ({"sender": "crm"}, ["gone", "plain"]),
        ({"sender": "a#b"}, []),
        ({"state": "disabled"}, ["gone"]),
        ({"state": "failing"}, []),
    ],
)
def test_the_list_is_narrowed_down(
    client: TestClient, query: dict[str, str], found: list[str]
) -> None:
    assert names(client.get("/endpoints", params=query)) == found


def test_a_row_says_how_healthy_an_endpoint_is_and_what_it_holds_up(client: TestClient) -> None:
    answer = client.get("/endpoints")
    assert cells(answer, "orders")[1][-4:] == "75 %"
    assert "20 ms" in cells(answer, "orders")[2]
    assert "40 ms" in cells(answer, "orders")[3]
    assert "Disabled it answered 410 Gone" in cells(answer, "gone")[0]
    assert cells(answer, "gone")[-1].endswith("312")
    assert "of 4 attempts, all to endpoints in the last 60 min" in answer.text


def test_a_search_without_a_match_says_what_was_searched(client: TestClient) -> None:
    text = client.get("/endpoints?text=nowhere&sender=crm").text
    assert "No endpoint with <b>nowhere</b>" in text
    assert "of the sender <b>crm</b>" in text
    assert 'href="/endpoints">show all' in text


def test_what_is_still_being_read_is_left_open(registry: Any, client: TestClient) -> None:
    del client  # which has filled the tables
    answer = client_over(registry, backlog=None, sample=None).get("/endpoints")
    assert "being read" in answer.text
    assert "being counted" in answer.text
    assert [cell.split(">")[-1].strip() for cell in cells(answer, "orders")[1:]] == [NOTHING] * 7


def test_what_cannot_be_read_is_reported_and_the_rest_is_shown(
    registry: Any, client: TestClient
) -> None:
    del client
    answer = client_over(registry, backlog=None, sample=None, error="AccessDenied").get(
        "/endpoints"
    )
    assert "cannot be read from the functions' logs: AccessDenied" in answer.text.replace(
        "&#39;", "'"
    )
    assert names(answer) == ["gone", "plain", "orders"]


def test_the_page_of_an_endpoint_shows_its_settings(client: TestClient) -> None:
    text = client.get("/endpoint?sender=shop&id=orders").text
    for shown in (
        "0.5 attempts a second",
        "0 of 4 concurrency slots in use",
        "X-Shop",
        "{&#34;maxAttempts&#34;: 2}",
        "<code>order.*</code>",
        "https://example.com/&lt;orders&gt;",
        "the current one is of <time",
        "an earlier one of <time",
    ):
        assert shown in text
    assert "whsec_" not in text


def test_a_disabled_endpoint_says_why_and_since_when(client: TestClient) -> None:
    text = client.get("/endpoint?sender=crm&id=gone").text
    assert "it answered 410 Gone" in text
    assert 'datetime="2026-01-01T12:00:00.000Z"' in text.split("Disabled since")[1]
    assert "312" in text
    assert "HTTP 410" in text


@pytest.mark.parametrize("query", ["sender=shop&id=none", "sender=a%23b&id=orders", "id=..", ""])
def test_an_endpoint_that_is_not_there_is_not_found(client: TestClient, query: str) -> None:
    answer = client.get(f"/endpoint?{query}")
    assert answer.status_code == 404
    assert "no such endpoint" in answer.text


@pytest.mark.parametrize(
    ("event_type", "payload", "says"),
    [
        ("order.paid", '{"total": 250}', "It would get this event"),
        ("order.paid", '{"total": 99}', "<code>filter.payload.total</code> is 99"),
        ("order.paid", "{}", "<code>filter.payload.total</code> is absent"),
        ("refund", '{"total": 250}', "<code>eventTypes</code> has none for"),
        ("order.paid", "{", "body is not JSON"),
    ],
)
def test_an_event_is_tried_against_the_endpoint_and_what_fails_is_named(
    client: TestClient, event_type: str, payload: str, says: str
) -> None:
    asked = {"sender": "shop", "id": "orders", "type": event_type, "payload": payload}
    answer = client.get("/endpoint", params=asked)
    assert answer.status_code == 200
    assert says in answer.text


def test_secrets_that_may_not_be_read_hide_nothing_else(registry: Any, client: TestClient) -> None:
    del client
    registry.delete_table(TableName="secrets")
    answer = client_over(registry, backlog=[], sample=None).get("/endpoint?sender=shop&id=orders")
    assert answer.status_code == 200
    assert "their dates cannot be read (ResourceNotFoundException)" in answer.text


def test_each_list_names_its_cells_for_a_phone(client: TestClient) -> None:
    row = client.get("/endpoints").text.split("<tbody>")[1].split("</tr>")[0]
    labels = re.findall(r'data-label="([^"]+)"', row)
    assert labels == [
        *("succeeded", "p50", "p99", "last success", "last failure", "waiting", "failed")
    ]

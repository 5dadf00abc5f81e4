"""The pages of endpoints and senders, with tables in moto."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from starlette.testclient import TestClient

from homing.credentials.confidential import Confidential
from homing.credentials.secret_rotation import SigningSecret
from homing.delivery import Reference
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.store import EndpointStore
from homing.ledger.delivery_filter import Listed
from homing.ledger.delivery_groups import grouped
from homing.ordering.line import Line
from homing.retry.classification import Category, Status
from homing.senders.api_key import ApiKey
from homing.senders.keys_table import KeysTable
from homing_cli.client.lines import LineView
from homing_cli.console.actions.endpoint_actions import EndpointActions
from homing_cli.console.app import make_app
from homing_cli.console.endpoints.recent_attempts import Sample, Seen
from homing_cli.console.endpoints.registered import Registry
from homing_cli.console.endpoints.sources import Sources
from homing_cli.console.reading.addressed import Addressed
from homing_cli.console.reading.counts import BY, Counted
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
    """A target with nothing but its tables."""

    dynamodb: Any

    @property
    def outputs(self) -> dict[str, str]:
        return OUTPUTS

    def client(self, _: str) -> Any:
        return self.dynamodb


class Known:
    """Answers that are known at once, as if they had been computed in the background."""

    def __init__(self, value: Any, error: str) -> None:
        self._value = value
        self._error = error
        self.asked: list[object] = []

    def ask(self, question: object, _wait_seconds: float) -> Any:
        self.asked.append(question)
        if self._error:
            refusal = {"Error": {"Code": self._error, "Message": "no"}}
            raise ClientError(refusal, "Scan")  # type: ignore[arg-type]  # as botocore has it
        return self._value


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


class FakeApi:
    """An API that gives the same response to every request about endpoints."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answer: dict[str, Any] = {}

    def endpoints(self, *asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        return self.answer


def client_over(
    registry: Any,
    *,
    backlog: Sequence[Listed] | None,
    sample: Sample | None = None,
    lines: Sequence[LineView] | None = (),
    error: str = "",
    api: FakeApi | None = None,
) -> TestClient:
    target: Any = Tables(registry)
    counted = None if backlog is None else Counted(tuple(grouped(backlog, BY)), NOW)
    known: Any = [Known(value, error) for value in (counted, sample, lines)]
    sources = Sources(Registry(target), *known)
    nothing: dict[str, Any] = dict.fromkeys(field.name for field in fields(Services))
    services = Services(
        **nothing
        | {
            "addressed": Addressed(target),
            "sources": sources,
            "endpoint_actions": None if api is None else EndpointActions(api),
            "view": View({"place": "moto", "may_act": api is not None}),
        }
    )
    return TestClient(make_app(services, PORT), base_url=f"http://127.0.0.1:{PORT}")


def names(answer: Response) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/endpoint\?[^"]+">([^<]+)</a>', answer.text)


def cells(answer: Response, name: str) -> list[str]:
    """Return the cells of an endpoint's row, without markup."""
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
    assert "from all 4 attempts to endpoints in the last 60 min" in answer.text


def test_a_search_without_a_match_says_what_was_searched(client: TestClient) -> None:
    text = client.get("/endpoints?text=nowhere&sender=crm").text
    assert "No endpoint with <b>nowhere</b>" in text
    assert "of the sender <b>crm</b>" in text
    assert 'href="/endpoints">show all' in text


def test_what_is_still_being_read_is_left_open(registry: Any, client: TestClient) -> None:
    del client  # the fixture that fills the tables
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
    assert "cannot be read from the functions' logs: ClientError" in answer.text.replace(
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
        "the current one was created <time",
        "an earlier one, created <time",
    ):
        assert shown in text
    assert "whsec_" not in text


def test_a_disabled_endpoint_says_why_and_since_when(client: TestClient) -> None:
    text = client.get("/endpoint?sender=crm&id=gone").text
    assert "it answered 410 Gone" in text
    assert 'datetime="2026-01-01T12:00:00.000Z"' in text.split("Disabled since")[1]
    assert "312" in text
    assert "HTTP 410" in text


def test_what_an_endpoint_holds_up_is_counted_apart_from_all_others(client: TestClient) -> None:
    app: Any = client.app
    counts = app.state.services.sources.counts
    client.get("/endpoint?sender=crm&id=gone")
    client.get("/endpoints")
    assert [(one.sender_id, one.endpoint_id) for one in counts.asked] == [
        ("crm", "gone"),
        (None, None),
    ]


def line_of(endpoint: Endpoint, key: str, waiting: int) -> LineView:
    reference = replace(
        Reference("m2", endpoint.sender_id, NOON, endpoint.url, "m2", NOON),
        endpoint_id=endpoint.endpoint_id,
        ordering_key=key,
    )
    head = Line(head=7, delivery_id="d", key=("m1#shop", "d"), created_at=NOON, begun=3)
    return LineView(reference, head, "MAX_RETRIES_EXCEEDED", waiting)


def test_the_page_of_an_endpoint_shows_its_lines_and_no_others(
    registry: Any, client: TestClient
) -> None:
    del client
    lines = [line_of(ORDERS, "order-1841", 312), line_of(DISABLED, "another", 1)]
    text = (
        client_over(registry, backlog=[], lines=lines).get("/endpoint?sender=shop&id=orders").text
    )
    table = text.split('aria-label="Lines"')[1].split("<tbody>")[1].split("</tbody>")[0]
    [row] = table.split("</tr>")[:-1]
    words = " ".join(re.sub("<[^>]+>", " ", row).split())
    assert words == "order-1841 m1 number 7 ✕ Max retries exceeded 312"
    assert "messageId=m1" in row
    assert "Failed deliveries are skipped." in text


@pytest.mark.parametrize("lines", [(), None])
def test_an_endpoint_without_lines_has_no_table_of_them(
    registry: Any, client: TestClient, lines: tuple[()] | None
) -> None:
    del client
    answer = client_over(registry, backlog=[], lines=lines).get("/endpoint?sender=shop&id=orders")
    assert answer.status_code == 200
    assert 'aria-label="Lines"' not in answer.text


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
    answer = client_over(registry, backlog=[]).get("/endpoint?sender=shop&id=orders")
    assert answer.status_code == 200
    assert "their dates cannot be read (ResourceNotFoundException)" in answer.text


def test_each_list_names_its_cells_for_a_phone(client: TestClient) -> None:
    row = client.get("/endpoints").text.split("<tbody>")[1].split("</tr>")[0]
    labels = re.findall(r'data-label="([^"]+)"', row)
    assert labels == [
        *("succeeded", "p50", "p99", "last success", "last failure", "waiting", "dead-lettered")
    ]


GONE = {"sender": "crm", "endpoint": "gone"}


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def acting(registry: Any, client: TestClient, api: FakeApi) -> TestClient:
    """A console that allows actions, with the tables of `client`."""
    del client
    return client_over(registry, backlog=failed(312, DISABLED), api=api)


def token(client: TestClient) -> str:
    text = client.get("/endpoint?sender=shop&id=orders").text
    return text.split('name="csrf" value="')[1].split('"')[0]


def test_a_disabled_endpoint_has_the_button_that_enables_it(acting: TestClient) -> None:
    text = acting.get("/endpoint?sender=crm&id=gone").text
    assert re.findall(r'name="way" value="([^"]+)"', text) == ["enable", "test", "rotate-secret"]


def test_an_enabled_endpoint_can_be_disabled(acting: TestClient) -> None:
    text = acting.get("/endpoint?sender=shop&id=orders").text
    assert re.findall(r'name="way" value="([^"]+)"', text) == ["test", "disable", "rotate-secret"]


def test_a_console_that_only_reads_has_no_buttons_and_names_the_command(client: TestClient) -> None:
    text = client.get("/endpoint?sender=crm&id=gone").text
    assert 'name="way"' not in text
    assert "<code>homing endpoints set gone --enable --sender crm</code>" in text


@pytest.mark.parametrize(
    ("way", "title", "says"),
    [
        ("enable", "Enable: gone?", "sent to it again within a minute"),
        ("test", "Send a test: gone?", "delivered like any other"),
        ("rotate-secret", "Rotate the secret: gone?", 'name="hours"'),
    ],
)
def test_an_action_says_what_it_does_and_to_which_endpoint_before_it_is_done(
    acting: TestClient, api: FakeApi, way: str, title: str, says: str
) -> None:
    form = {**GONE, "way": way, "csrf": token(acting)}
    answer = acting.post("/endpoints/confirm", data=form)
    assert title in answer.text
    assert "https://gone.example.com" in answer.text
    assert says in answer.text
    assert api.asked == []


def test_an_enabled_endpoint_leads_to_what_has_failed_meanwhile(
    acting: TestClient, api: FakeApi
) -> None:
    form = {**GONE, "way": "enable", "csrf": token(acting)}
    answer = acting.post("/endpoints/begin", data=form)
    assert api.asked == [("PATCH", "/gone", {"enabled": True}, "crm")]
    assert "gone is enabled" in answer.text
    assert "<b>312</b> deliveries to it have been dead-lettered" in answer.text
    assert "/redrives/new?senderId=crm&amp;endpointId=gone" in answer.text


def test_a_test_message_can_be_followed(acting: TestClient, api: FakeApi) -> None:
    api.answer = {"messageId": "t-1", "senderId": "crm", "deliveries": [{"deliveryId": "d-1"}]}
    answer = acting.post("/endpoints/begin", data={**GONE, "way": "test", "csrf": token(acting)})
    assert 'href="/delivery?message=t-1&amp;sender=crm&amp;id=d-1"' in answer.text


def test_a_new_secret_is_shown_once_with_the_end_of_the_old_ones(
    acting: TestClient, api: FakeApi
) -> None:
    api.answer = {"secret": "whsec_new", "oldSecretsEndAt": [NOON]}
    form = {**GONE, "way": "rotate-secret", "hours": "3", "csrf": token(acting)}
    answer = acting.post("/endpoints/begin", data=form)
    assert api.asked == [("POST", "/gone/rotate-secret", {"graceSeconds": 10800}, "crm")]
    assert '<code class="url">whsec_new</code>' in answer.text
    assert f'also sign until <time datetime="{NOON}"' in answer.text
    again = acting.get(answer.url)
    assert again.status_code == 404
    assert "whsec_new" not in again.text


def test_a_private_key_stays_and_its_public_key_is_shown(acting: TestClient, api: FakeApi) -> None:
    api.answer = {"publicKey": "whpk_1", "oldSecretsEndAt": []}
    form = {**GONE, "way": "rotate-secret", "hours": "0", "csrf": token(acting)}
    text = acting.post("/endpoints/begin", data=form).text
    assert "whpk_1" in text
    assert "No other secret signs any more" in text


@pytest.mark.parametrize("path", ["/endpoints/confirm", "/endpoints/begin"])
def test_without_the_pages_token_nothing_is_done(
    acting: TestClient, api: FakeApi, path: str
) -> None:
    assert acting.post(path, data={**GONE, "way": "enable"}).status_code == 403
    assert api.asked == []


@pytest.mark.parametrize("path", ["/endpoints/confirm", "/endpoints/begin"])
def test_a_console_that_only_reads_does_nothing_even_with_its_token(
    client: TestClient, path: str
) -> None:
    app: Any = client.app
    right = app.user_middleware[0].kwargs["dispatch"].token
    assert client.post(path, data={**GONE, "way": "enable", "csrf": right}).status_code == 403


def test_senders_are_listed_with_their_endpoints_keys_and_failures(
    registry: Any, client: TestClient
) -> None:
    KeysTable("keys", registry).add(ApiKey("k", "keyed", "hash", NOON))
    answer = client.get("/senders")
    found = re.findall(r'<th scope="row"><a href="/endpoints\?sender=(\w+)">', answer.text)
    assert found == ["crm", "keyed", "shop"]
    assert cells(answer, "crm")[0].endswith("2, 1 disabled")
    assert cells(answer, "crm")[2].endswith("312")
    assert "1, the newest" in cells(answer, "keyed")[3]
    assert "/dead-letters?senderId=crm" in answer.text


def test_senders_are_searched_by_any_part_of_their_id(client: TestClient) -> None:
    assert ">shop</a>" in client.get("/senders?text=HO").text
    assert "No sender with <b>nobody</b>" in client.get("/senders?text=nobody").text


def test_keys_that_may_not_be_read_hide_no_sender(registry: Any, client: TestClient) -> None:
    registry.delete_table(TableName="keys")
    text = client.get("/senders").text
    assert ">crm</a>" in text
    assert "API keys cannot be read (ResourceNotFoundException)" in text

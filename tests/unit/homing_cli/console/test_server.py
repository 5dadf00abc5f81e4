"""The console's server without a browser: what is served, what is refused, what pages say."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from console_fakes import HOST, PORT, RECORD, FakeActions, client_of, token
from starlette.routing import Route

from homing_cli.console.actions.chosen import Chosen
from homing_cli.console.reading.catalogue import Catalogue

if TYPE_CHECKING:
    from starlette.testclient import TestClient


@pytest.fixture
def actions() -> FakeActions:
    return FakeActions()


@pytest.fixture
def client(actions: FakeActions) -> TestClient:
    return client_of(actions)


def delivery_path() -> str:
    chosen = Chosen(str(RECORD["messageId"]), "default", "0" * 32)
    return f"/delivery?{chosen.to_text()}"


FORM = {"way": "redrive", "id": "message=m-1&sender=default&id=d-1"}


def test_every_link_of_the_navigation_leads_to_a_page(client: TestClient) -> None:
    navigation = client.get("/deliveries").text.split("<nav", 1)[1].split("</nav>")[0]
    links = re.findall(r'href="([^"]+)"[^>]*>([^<]+)<', navigation)
    pages = {route.path for route in client.app.routes if isinstance(route, Route)}  # type: ignore[attr-defined]
    assert [words for _, words in links] == [
        "Overview",
        "Deliveries",
        "Dead letters",
        "Endpoints",
        "Senders",
        "Events",
        "What if",
    ]
    assert [address for address, _ in links if address not in pages] == []


@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}"])
def test_its_own_addresses_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/deliveries", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", "", f"[::1]:{PORT}"],
)
def test_another_host_is_refused_so_that_a_rebound_name_leads_nowhere(
    client: TestClient, host: str
) -> None:
    assert client.get("/deliveries", headers={"host": host}).status_code == 403


@pytest.mark.parametrize(
    ("site", "mode", "destination", "status"),
    [
        ("none", "navigate", "document", 200),
        ("same-origin", "navigate", "document", 200),
        ("same-origin", "cors", "empty", 200),  # htmx
        ("cross-site", "navigate", "document", 200),  # a link
        ("same-site", "navigate", "document", 200),  # a link from another port of this machine
        ("cross-site", "navigate", "iframe", 403),
        ("cross-site", "navigate", "object", 403),
        ("same-site", "navigate", "iframe", 403),
        ("same-origin", "navigate", "iframe", 403),
        ("same-origin", "navigate", "embed", 403),
        ("cross-site", "no-cors", "image", 403),
        ("cross-site", "no-cors", "script", 403),
        ("cross-site", "cors", "empty", 403),
        ("same-site", "no-cors", "image", 403),
        ("same-site", "cors", "empty", 403),
        ("cross-site", "navigate", None, 403),
    ],
)
def test_another_page_may_link_here_and_no_more(
    client: TestClient, site: str, mode: str, destination: str | None, status: int
) -> None:
    """It may not even cause a page to be rendered, since that calls AWS."""
    headers = {"sec-fetch-site": site, "sec-fetch-mode": mode}
    if destination:
        headers["sec-fetch-dest"] = destination
    assert client.get("/deliveries", headers=headers).status_code == status


def test_another_page_may_not_fetch_a_page_beforehand(client: TestClient) -> None:
    followed = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
    ahead = followed | {"sec-purpose": "prefetch"}
    assert client.get("/deliveries", headers=ahead).status_code == 403


def test_a_browser_that_says_only_the_origin_is_refused_as_well(client: TestClient) -> None:
    answer = client.get("/deliveries", headers={"origin": "http://evil.example"})
    assert answer.status_code == 403


def test_no_answer_may_be_read_by_another_origin(client: TestClient) -> None:
    answer = client.get("/deliveries", headers={"origin": "http://evil.example"})
    assert [name for name in answer.headers if name.startswith("access-control")] == []


def test_a_page_runs_only_its_own_scripts_and_loads_nothing_from_elsewhere(
    client: TestClient,
) -> None:
    answer = client.get("/deliveries")
    policy = answer.headers["content-security-policy"]
    nonce = policy.split("script-src 'nonce-")[1].split("'")[0]
    scripts = answer.text.count("<script")
    assert scripts == answer.text.count(f'<script nonce="{nonce}" src="/static/') > 0
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    assert "https://" not in answer.text.replace(str(RECORD["targetUrl"]).replace("&", "&amp;"), "")
    assert client.get("/deliveries").headers["content-security-policy"] != policy


def test_what_senders_wrote_cannot_become_markup(client: TestClient) -> None:
    for path in ("/deliveries", delivery_path()):
        text = client.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


def test_no_page_has_a_handler_or_style_inline(client: TestClient) -> None:
    for path in ("/deliveries", delivery_path()):
        text = client.get(path).text
        assert " style=" not in text
        assert " onclick=" not in text


def test_an_action_is_asked_for_once_more_and_then_begun(
    client: TestClient, actions: FakeActions
) -> None:
    form = {**FORM, "csrf": token(client)}
    asked = client.post("/actions/confirm", data=form)
    assert "Send again: m-1?" in asked.text
    assert actions.asked == []
    begun = client.post("/actions/begin", data=form)
    assert begun.url.path.startswith("/jobs/")
    assert "The page of each delivery shows whether it arrived." in client.get(begun.url.path).text
    assert actions.asked == [("redrive", ["m-1"])]


@pytest.mark.parametrize("path", ["/actions/confirm", "/actions/begin"])
@pytest.mark.parametrize(
    ("given", "headers"),
    [
        ({}, {}),
        ({"csrf": "guessed"}, {}),
        ({"csrf": None}, {"origin": "http://evil.example"}),
        ({"csrf": None}, {"origin": f"http://127.0.0.1:{PORT + 1}"}),
        ({"csrf": None}, {"origin": "null"}),
        ({"csrf": None}, {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}),
    ],
)
def test_without_the_pages_token_or_from_another_page_nothing_is_done(
    client: TestClient,
    actions: FakeActions,
    path: str,
    given: dict[str, str | None],
    headers: dict[str, str],
) -> None:
    """None stands for the right token. Other pages cannot know it, and are refused even with it."""
    right = token(client)
    form = {**FORM, **{name: value or right for name, value in given.items()}}
    assert client.post(path, data=form, headers=headers).status_code == 403
    assert actions.asked == []


def test_an_action_cannot_be_asked_for_by_a_link(client: TestClient, actions: FakeActions) -> None:
    assert client.get("/actions/begin", params=FORM).status_code == 405
    assert actions.asked == []


def test_a_console_that_only_reads_does_nothing_even_with_its_token() -> None:
    reading = client_of(None)
    form = {**FORM, "csrf": token(reading)}
    assert reading.post("/actions/begin", data=form).status_code == 403


@pytest.mark.parametrize(
    "form",
    [
        {"way": "explode", "id": FORM["id"]},
        {"way": "redrive"},
        {"way": "redrive", "id": "message=only"},
    ],
)
def test_an_invalid_form_is_answered_with_an_error(
    client: TestClient, actions: FakeActions, form: dict[str, str]
) -> None:
    answer = client.post("/actions/begin", data={**form, "csrf": token(client)})
    assert answer.status_code == 400
    assert actions.asked == []


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/nowhere", 404, "Page not found"),
        ("/delivery", 404, "the address names no delivery"),
        ("/delivery?message=x&id=y", 404, "no message x"),
        ("/deliveries?since=yesterday", 400, "since is not a valid ISO-8601 date-time"),
        ("/deliveries?since=0001-01-01T00:00:00%2B23:59", 400, "since is out of range"),
        ("/dead-letters?after=nonsense", 400, "leave it out for the first page"),
        ("/redrives/new?category=BAD", 400, "category"),
        ("/redrives/none", 404, "there is no bulk redrive none"),
        ("/jobs/none", 404, "there is no such action"),
    ],
)
def test_what_cannot_be_shown_is_said_on_a_page(
    client: TestClient, path: str, status: int, says: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "text/html; charset=utf-8",
    )
    assert says in answer.text
    assert "content-security-policy" in answer.headers


def test_the_delivery_page_says_why_and_offers_to_send_it_again(client: TestClient) -> None:
    text = client.get(delivery_path()).text
    assert "Why it was not delivered" in text
    assert "The endpoint says that it is gone for good" in text
    assert "Send again…" in text


def test_a_disabled_endpoint_is_named_on_the_delivery_page_with_the_way_to_enable_it(
    client: TestClient,
) -> None:
    text = client.get(delivery_path()).text
    assert "has been disabled since" in text
    assert "it answered 410" in text
    assert "<code>homing endpoints set old-shop --enable</code>" in text


def test_the_delivery_page_of_a_reading_console_says_how_to() -> None:
    text = client_of(None).get(delivery_path()).text
    assert "Send again…" not in text
    assert "--allow-actions" in text


@pytest.mark.parametrize(
    "query",
    [
        {"message": "m" * 3000, "id": "0" * 32},
        {"message": "m", "sender": "s" * 3000, "id": "0" * 32},
    ],
)
def test_an_id_that_nothing_can_have_leads_to_a_page_that_says_not_found(
    query: dict[str, str],
) -> None:
    class NoTables:
        outputs = {"LedgerTable": "ledger", "MessagesTable": "messages"}  # noqa: RUF012 -- a fake

        def client(self, _service: str) -> object:
            return object()  # DynamoDB would refuse a key of more than 2,048 bytes

    client = client_of(None)
    services = client.app.state.services  # type: ignore[attr-defined]  # an ASGI application
    catalogue = Catalogue(NoTables())  # type: ignore[arg-type]
    client.app.state.services = replace(services, catalogue=catalogue)  # type: ignore[attr-defined]
    answer = client.get("/delivery", params=query)
    assert answer.status_code == 404
    assert len(answer.text) < 10_000


def test_an_event_is_tried_against_the_filters_of_a_senders_endpoints(client: TestClient) -> None:
    asked = {"sender": "crm", "type": "order.paid", "payload": '{"total": 5}'}
    text = client.get("/events", params=asked).text
    rows = re.findall(
        r'<th scope="row"><a[^>]*>(.*?)</a></th>\s*<td[^>]*>(.*?)</td>\s*<td>(.*?)</td>', text
    )
    why = "is &lt;5&gt;, but must be one of [6]"
    assert rows == [
        ("old-shop", "yes, but it is disabled", ""),
        ("active", "no", f"<p><code>filter.payload.total</code> {why}</p>"),
    ]
    assert "no endpoints" in client.get("/events", params=asked | {"sender": "nobody"}).text


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"payload": "{"}, "body is not JSON"),
        ({"type": "é"}, "eventType must have 1 to 128"),
        ({"sender": "a#b"}, "sender is not the id of a sender"),
        ({"payload": '1, "eventType": "x"'}, "eventType is given twice"),
    ],
)
def test_an_event_that_is_none_is_explained_beside_the_form(
    client: TestClient, wrong: dict[str, str], complaint: str
) -> None:
    answer = client.get("/events", params={"type": "order.paid", "payload": "{}", **wrong})
    assert answer.status_code == 200
    assert complaint in answer.text.split('role="alert">')[1]


def test_the_form_of_events_alone_asks_nothing(client: TestClient) -> None:
    text = client.get("/events").text
    assert "<textarea" in text
    assert "<table" not in text

"""The pages of endpoints and senders in a real browser, on a laptop and on a phone."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from browser.accessibility import serious
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from homing_cli.client.api import ApiClient
    from homing_cli.receiver.server import Receiver

SIZES = {"laptop": {"width": 1280, "height": 860}, "phone": {"width": 390, "height": 844}}
DELIVERED_MS = 60_000


@pytest.fixture(params=SIZES)
def either(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page with the width of a laptop or of a phone, which may use the clipboard."""
    size: Any = SIZES[request.param]
    context = browser.new_context(viewport=size, bypass_csp=True, timezone_id="Asia/Kolkata")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


def examine(page: Page) -> None:
    """Check what must hold for every page: nothing is cut off, and axe finds nothing serious."""
    assert page.viewport_size is not None
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    cut = page.evaluate(
        "[...document.querySelectorAll('main *')]"
        ".filter((one) => getComputedStyle(one).overflowX !== 'visible')"
        ".filter((one) => !one.matches('.unseen, input') && one.scrollWidth > one.clientWidth + 1)"
        ".map((one) => one.outerHTML.slice(0, 120))"
    )
    assert cut == []
    assert serious(page) == []


@pytest.fixture
def endpoint(api: ApiClient, receiver: Receiver, message_id: str) -> str:
    """A disabled endpoint with a failed delivery."""
    name = f"shop-{message_id}"
    settings = {
        "url": f"{receiver.url}/script/200?{message_id}",
        "enabled": False,
        "eventTypes": ["order.*"],
        "filter": {"payload": {"total": [{"numeric": [">", 100]}]}},
        "ratePerSecond": 50,
    }
    api.endpoints("PUT", f"/{name}", settings)
    body = {"messageId": message_id, "endpointId": name, "payload": {"total": 12}}
    api.submit(json.dumps(body).encode())
    return name


def test_a_disabled_endpoint_is_found_understood_enabled_and_tested(
    either: Page, console: str, endpoint: str, receiver: Receiver
) -> None:
    """The pages alone say why it is disabled, which deliveries it affects, and what to do."""
    page = either
    page.goto(console)
    page.get_by_role("link", name="Endpoints", exact=True).click()
    page.wait_for_load_state()  # with the page's script, which notices the input
    page.get_by_label("Search", exact=True).fill(endpoint[2:])
    expect(page.locator("tbody tr")).to_have_count(1)
    examine(page)
    page.get_by_role("link", name=endpoint).click()
    expect(page.locator(".why")).to_contain_text("by its sender")
    expect(page.locator(".card.bad")).to_contain_text("1", timeout=DELIVERED_MS)
    expect(page.get_by_role("button", name="Enable")).to_be_in_viewport()
    expect(page.locator(".why")).to_be_in_viewport()
    examine(page)
    page.get_by_role("button", name="Enable").click()
    expect(page.locator("h1")).to_have_text(f"Enable: {endpoint}?")
    examine(page)
    page.get_by_role("button", name="Enable").click()
    expect(page.get_by_role("status")).to_contain_text("1 delivery to it has been dead-lettered")
    expect(page.get_by_role("link", name="send again")).to_be_visible()
    examine(page)
    page.get_by_role("link", name=f"Back to {endpoint}").click()
    expect(page.locator(".head").get_by_role("status")).to_contain_text("Enabled")
    page.get_by_role("button", name="Send a test").click()
    page.get_by_role("button", name="Send a test").click()
    page.get_by_role("link", name="follow").click()
    expect(page.locator("#story > .head .status")).to_have_text(
        re.compile("Delivered|Failed"), timeout=DELIVERED_MS
    )
    examine(page)


def test_a_secret_is_rotated_and_the_new_one_copied(
    either: Page, console: str, endpoint: str
) -> None:
    page = either
    page.goto(f"{console}/endpoint?id={endpoint}")
    page.get_by_role("button", name="Rotate the secret").click()
    page.get_by_label("The old secrets sign for").fill("2")
    examine(page)
    page.get_by_role("button", name="Rotate the secret").click()
    expect(page.get_by_text("The secret is not shown again")).to_be_visible()
    page.wait_for_load_state()  # with the page's script, which copies the text
    page.get_by_role("button", name="Copy the secret").click()
    expect(page.locator("p[data-said]")).to_have_text("Copied: secret")
    secret = page.evaluate("navigator.clipboard.readText()")
    assert secret.startswith("whsec_")
    expect(page.locator("main code")).to_have_text(secret)
    page.reload()
    expect(page.locator("h1")).to_have_text("Not found")


def test_an_event_is_tried_and_what_fails_is_named(
    either: Page, console: str, endpoint: str
) -> None:
    page = either
    page.goto(f"{console}/endpoint?id={endpoint}")
    page.get_by_label("Event type").fill("order.paid")
    page.get_by_label("Payload (JSON)").fill('{"total": 99}')
    page.get_by_role("button", name="Try").click()
    expect(page.locator("#trial")).to_contain_text("filter.payload.total is 99")
    examine(page)
    page.get_by_label("Payload (JSON)").fill('{"total": 101}')
    page.get_by_role("button", name="Try").click()
    expect(page.locator("#trial")).to_contain_text("It would get this event")


def test_local_time_stands_beside_utc_by_choice_and_stays(
    either: Page, console: str, endpoint: str
) -> None:
    page = either
    page.goto(f"{console}/endpoint?id={endpoint}")
    created = page.locator("dt:text-is('created') + dd time")
    expect(created).not_to_have_attribute("data-local", re.compile("."))
    page.get_by_role("button", name="UTC").click()
    utc = str(created.get_attribute("datetime"))
    minutes = int(utc[11:13]) * 60 + int(utc[14:16]) + 330  # Kolkata is 5 h 30 min ahead
    local = f"{minutes // 60 % 24:02}:{minutes % 60:02}"
    expect(created).to_have_attribute("data-local", re.compile(local))
    page.reload()
    expect(created).to_have_attribute("data-local", re.compile(local))
    expect(page.get_by_text("Next to them: local time")).to_be_visible()
    examine(page)
    page.get_by_role("button", name="UTC + local").click()
    expect(created).not_to_have_attribute("data-local", re.compile("."))


def test_a_sender_leads_to_its_endpoints(either: Page, console: str, endpoint: str) -> None:
    page = either
    page.goto(f"{console}/senders?text=default")
    examine(page)
    page.locator("tbody").get_by_role("link", name="default").click()
    expect(page.get_by_role("link", name=endpoint)).to_be_visible()

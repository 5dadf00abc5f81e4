"""Each page of the console in a real browser: it loads, is accessible, and fits on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from browser.accessibility import serious
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGES = {
    "/": "Overview",
    "/deliveries": "Deliveries",
    "/deliveries?status=MAX_RETRIES_EXCEEDED": "Deliveries",
    "/deliveries?view=groups": "Deliveries",
    "/deliveries?messageId=nothing-has-this": "Deliveries",
    "/dead-letters": "Dead letters",
    "/redrives": "Bulk redrives",
    "/redrives/new?senderId=crm": "Send again: 250 messages?",
    "/endpoints": "Endpoints",
    "/senders": "Senders",
    "/events": "Who would get an event?",
    "/what-if": "What if the retry policy were different?",
    "/what-if?preset=standard-webhooks": "What if the retry policy were different?",
}


@pytest.mark.parametrize(("path", "title"), PAGES.items())
def test_each_page_loads_without_a_complaint(
    page: Page, console: str, path: str, title: str
) -> None:
    page.goto(console + path)
    expect(page.locator("h1")).to_have_text(title)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(browser: Browser, console: str, path: str, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    try:
        page = context.new_page()
        page.goto(console + path)
        assert serious(page) == []
    finally:
        context.close()


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_need_not_scroll_sideways(browser: Browser, console: str, path: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    try:
        page = context.new_page()
        page.goto(console + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    finally:
        context.close()

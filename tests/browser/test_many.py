"""Hundreds of dead letters in a real browser, from the overview until they are delivered."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from homing.ledger.delivery_filter import DeliveryFilter
from homing.recovery.bulk_redrive import REDRIVABLE
from homing_cli.client import many

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

    from homing_cli.client.api import ApiClient
    from homing_cli.client.target import Target
    from homing_cli.receiver.server import Receiver

MESSAGES = 300
MOST_CLICKS = 8
FAILED_SECONDS = 240
ARRIVED_MS = 240_000


def send_in_vain(
    target: Target, api: ApiClient, receiver: Receiver, endpoint: str, script: str, count: int
) -> None:
    """Send messages that an endpoint refuses, and wait until all are dead-lettered."""
    api.endpoints("PUT", f"/{endpoint}", {"url": f"{receiver.url}/script/{script}"})
    bodies = [
        {"messageId": f"{endpoint}-{number}", "endpointId": endpoint, "payload": {"n": number}}
        for number in range(count)
    ]
    api.submit_all([json.dumps(body).encode() for body in bodies])
    failed = DeliveryFilter(statuses=REDRIVABLE, sender_id="default", endpoint_id=endpoint)
    deadline = monotonic() + FAILED_SECONDS
    while len(many.listed(target, failed, datetime.now(UTC))) < count and monotonic() < deadline:
        sleep(1)


class Clicks:
    """Clicks on a page, and counts the clicks."""

    count = 0

    def __call__(self, what: Locator) -> None:
        self.count += 1
        what.click()


@pytest.mark.parametrize("width", [390, 1280])
def test_somebody_who_is_woken_sends_300_again_and_sees_them_delivered(
    browser: Browser,
    console: str,
    target: Target,
    api: ApiClient,
    receiver: Receiver,
    message_id: str,
    width: int,
) -> None:
    """The person starts at the overview and only follows the pages, past 10,000 others."""
    send_in_vain(target, api, receiver, message_id, "400,200", MESSAGES)
    context = browser.new_context(viewport={"width": width, "height": 844})
    page, click = context.new_page(), Clicks()
    try:
        page.goto(console)
        row = page.locator(".faults tr").filter(has_text=message_id)
        expect(row).to_contain_text("The endpoint refused the request", timeout=ARRIVED_MS)
        expect(page.locator(".faults tbody tr").first).to_contain_text(message_id)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        click(row.get_by_role("link", name=str(MESSAGES), exact=True))
        expect(page.locator("h1")).to_have_text("Dead letters")
        click(page.get_by_role("button", name=f"Send again all {MESSAGES} that match…"))
        expect(page.locator("h1")).to_have_text(f"Send again: {MESSAGES} messages?")
        (to_whom,) = page.locator("tbody tr").all()
        expect(to_whom).to_contain_text(message_id)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        click(page.get_by_label("At most"))
        page.keyboard.press("Control+a")
        page.keyboard.type("50")
        click(page.get_by_role("button", name=f"Send again all {MESSAGES}"))
        status = page.locator("#redrive").get_by_role("status")
        expect(status).to_have_text(
            f"Done: {MESSAGES} of {MESSAGES} delivered.", timeout=ARRIVED_MS
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert click.count <= MOST_CLICKS
    finally:
        context.close()
    ours = Counter(each.message_id for each in receiver.arrivals if each.message_id)
    assert Counter(ours.values()) == {2: MESSAGES}


def test_a_bulk_redrive_is_stopped_by_clicking_and_what_failed_again_is_a_click_away(
    browser: Browser,
    console: str,
    target: Target,
    api: ApiClient,
    receiver: Receiver,
    message_id: str,
) -> None:
    count = 30
    send_in_vain(target, api, receiver, message_id, "400", count)
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    try:
        page.goto(f"{console}/redrives/new?endpointId={message_id}&senderId=default")
        page.get_by_label("At most").fill("1")
        page.get_by_role("button", name=f"Send again all {count}").click()
        status = page.locator("#redrive").get_by_role("status")
        expect(status).to_have_text(re.compile("Sending: [2-9] of 30"), timeout=ARRIVED_MS)
        page.get_by_role("button", name="Stop").click()
        expect(status).to_have_text("Stopped: 0 of 30 delivered.", timeout=ARRIVED_MS)
        failed = page.locator("a.card", has_text="failed again")
        again = int(failed.locator("b").inner_text())
        assert 1 < again < count
        failed.click()
        expect(page.locator("#list").get_by_role("status")).to_contain_text(f"{again} match")
    finally:
        context.close()

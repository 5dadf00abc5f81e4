"""The console in a real browser, against a real local cloud."""

from __future__ import annotations

import json
import re
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from browser.accessibility import serious
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    from homing_cli.client.api import ApiClient
    from homing_cli.receiver.server import Receiver

REFRESHED_MS = 6000
DELIVERED_MS = 30_000


def post(api: ApiClient, message_id: str, url: str, **more: Any) -> None:
    body = {"messageId": message_id, "targetUrl": url, "payload": {"total": 12}, **more}
    api.submit(json.dumps(body).encode())


def rows(page: Page) -> Any:
    return page.locator("tbody tr")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_a_failed_delivery_and_on_the_way_to_send_it_again(
    browser: Browser, console: str, api: ApiClient, receiver: Receiver, message_id: str, scheme: Any
) -> None:
    post(api, message_id, f"{receiver.url}/script/410")
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    try:
        page = context.new_page()
        page.goto(f"{console}/deliveries?messageId={message_id}")
        page.get_by_role("link", name=message_id, exact=True).click()
        page.get_by_text("Why it was not delivered").wait_for(timeout=DELIVERED_MS)
        assert serious(page) == []
        page.get_by_role("link", name="Show the dead letter").click()
        expect(page.locator("h1")).to_have_text(f"Dead letter of {message_id}")
        assert serious(page) == []
        page.get_by_role("button", name="Discard").click()
        expect(page.locator("h1")).to_have_text(f"Discard: {message_id}?")
        assert serious(page) == []
        page.get_by_role("button", name="Discard").click()
        expect(page.get_by_role("status")).to_have_text("Done: 1 of 1.", timeout=DELIVERED_MS)
        assert serious(page) == []
    finally:
        context.close()


def test_nothing_jumps_while_the_overview_renews_itself(page: Page, console: str) -> None:
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => {"
        " for (const entry of list.getEntries()) window.shift += entry.value;"
        "}).observe({type: 'layout-shift', buffered: true});"
    )
    page.goto(console)
    expect(page.locator("#live .faults")).to_be_visible()
    page.evaluate("window.shift = 0")  # the first count may come a second after the page
    with page.expect_response(lambda answer: "hours=" in answer.url, timeout=15_000):
        pass
    page.wait_for_timeout(500)
    assert page.evaluate("window.shift") < 0.02


def test_a_delivery_is_followed_live_from_queued_to_delivered(
    page: Page, console: str, api: ApiClient, receiver: Receiver, message_id: str
) -> None:
    post(api, message_id, f"{receiver.url}/script/503,503,200")
    page.goto(console)
    page.get_by_role("searchbox").fill(message_id)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=message_id, exact=True).click()
    status = page.locator("#story > .head .status")
    expect(status).to_have_text(re.compile("Queued|Retry scheduled"))
    expect(page.locator(".countdown")).to_have_text(re.compile("in|now"), timeout=DELIVERED_MS)
    expect(status).to_have_text(re.compile("Delivered"), timeout=DELIVERED_MS)
    expect(page.locator(".timeline .attempt")).to_have_count(3)
    expect(page.locator(".state.now")).to_have_attribute("data-state", "RecordDelivered")
    # One arrow for each step: Deliver, Classify, WhatNext; ComputeBackoff, RecordRetry,
    # WaitUntilDue; RecordDelivered.
    expect(page.locator(".arrow.taken")).to_have_count(7)


def test_a_person_finds_why_a_message_was_not_delivered_and_sends_it_again(
    page: Page, console: str, api: ApiClient, receiver: Receiver, message_id: str
) -> None:
    """The person only follows the pages: search, read, send again, and see it arrive."""
    post(api, message_id, f"{receiver.url}/script/410,200")
    page.goto(console)
    page.get_by_role("searchbox").fill(message_id)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=message_id, exact=True).click()
    expect(page.get_by_text("Why it was not delivered")).to_be_visible(timeout=DELIVERED_MS)
    expect(page.get_by_text("The endpoint says that it is gone for good")).to_be_visible()
    page.get_by_role("button", name="Send again").click()
    expect(page.locator("h1")).to_have_text(f"Send again: {message_id}?")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("status")).to_have_text("Done: 1 of 1.", timeout=DELIVERED_MS)
    page.locator("#job li a").click()
    expect(page.locator("#story > .head .status")).to_have_text(
        re.compile("Delivered"), timeout=DELIVERED_MS
    )
    ours = [arrival for arrival in receiver.arrivals if arrival.message_id == message_id]
    assert len(ours) == 2


def test_a_wait_is_cut_short_by_clicking(
    page: Page, console: str, api: ApiClient, receiver: Receiver, message_id: str
) -> None:
    wait_for_an_hour(page, console, api, message_id, f"{receiver.url}/script/503,200")
    page.get_by_role("button", name="Try now").click()
    expect(page.locator("h1")).to_have_text(f"Try now: {message_id}?")
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_role("status")).to_have_text("Done: 1 of 1.", timeout=DELIVERED_MS)
    page.locator("#job li a").click()
    expect(page.locator("#story > .head .status")).to_have_text(
        re.compile("Delivered"), timeout=DELIVERED_MS
    )
    assert len([a for a in receiver.arrivals if a.message_id == message_id]) == 2


def test_a_delivery_that_waits_is_cancelled_by_clicking(
    page: Page, console: str, api: ApiClient, receiver: Receiver, message_id: str
) -> None:
    wait_for_an_hour(page, console, api, message_id, f"{receiver.url}/script/503,200")
    page.get_by_role("button", name="Cancel delivery").click()
    expect(page.locator("h1")).to_have_text(f"Cancel delivery: {message_id}?")
    page.get_by_role("button", name="Cancel delivery").click()
    expect(page.get_by_role("status")).to_have_text("Done: 1 of 1.", timeout=DELIVERED_MS)
    page.locator("#job li a").click()
    expect(page.locator("#story > .head .status")).to_have_text(
        re.compile("Cancelled"), timeout=DELIVERED_MS
    )
    expect(page.get_by_role("button", name="Try now")).to_have_count(0)
    assert len([a for a in receiver.arrivals if a.message_id == message_id]) == 1


def test_what_is_dead_lettered_for_a_disabled_endpoint_is_explained(
    page: Page, console: str, api: ApiClient, receiver: Receiver, message_id: str
) -> None:
    endpoint = f"shop-{message_id}"
    api.endpoints("PUT", f"/{endpoint}", {"url": f"{receiver.url}/script/200", "enabled": False})
    body = {"messageId": message_id, "endpointId": endpoint, "payload": {"total": 12}}
    api.submit(json.dumps(body).encode())
    page.goto(f"{console}/deliveries?messageId={message_id}")
    page.get_by_role("link", name=message_id, exact=True).click()
    expect(page.get_by_text("has been disabled since")).to_be_visible(timeout=DELIVERED_MS)
    expect(page.get_by_text(f"homing endpoints set {endpoint} --enable")).to_be_visible()
    page.get_by_role("link", name=endpoint).first.click()
    expect(page.get_by_text("Disabled since")).to_be_visible()
    expect(page.locator(".why")).to_contain_text("by its sender")


def wait_for_an_hour(page: Page, console: str, api: ApiClient, message_id: str, url: str) -> None:
    """Send a message whose second attempt is due in an hour, and open its delivery's page."""
    post(api, message_id, url, policy={"schedule": [3600], "jitter": "none"})
    page.goto(f"{console}/deliveries?messageId={message_id}")
    page.get_by_role("link", name=message_id, exact=True).click()
    expect(page.locator("#story > .head .status")).to_have_text(
        re.compile("Retry scheduled"), timeout=DELIVERED_MS
    )


def test_dead_letters_are_chosen_and_discarded(
    page: Page, console: str, api: ApiClient, receiver: Receiver, message_id: str
) -> None:
    post(api, message_id, f"{receiver.url}/script/410")
    row = page.locator("tbody tr", has_text=message_id)
    page.goto(f"{console}/dead-letters")
    expect(row).to_be_visible(timeout=DELIVERED_MS)  # the list refreshes itself
    row.get_by_role("checkbox").check()
    page.wait_for_timeout(REFRESHED_MS)
    # The list does not refresh while a row is selected.
    expect(row.get_by_role("checkbox")).to_be_checked()
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("h1")).to_have_text(re.compile("Discard: .*"))
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("status")).to_have_text("Done: 1 of 1.", timeout=DELIVERED_MS)
    page.goto(f"{console}/dead-letters")
    expect(row).to_have_count(0)


def test_a_choice_stays_with_its_row_where_a_refresh_was_on_its_way(
    page: Page, console: str, api: ApiClient, receiver: Receiver, message_id: str
) -> None:
    held: list[Route] = []
    post(api, message_id, f"{receiver.url}/script/410")
    page.goto(f"{console}/dead-letters")
    row = page.locator("tbody tr", has_text=message_id).last
    expect(row).to_be_visible(timeout=DELIVERED_MS)

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/dead-letters*", hold)  # the next response with the list is delayed
    with page.expect_request("**/dead-letters*", timeout=REFRESHED_MS):
        pass
    row.get_by_role("checkbox").check()
    post(api, f"{message_id}-later", f"{receiver.url}/script/410")
    other = page.context.new_page()
    other.goto(f"{console}/dead-letters")
    expect(other.locator("tbody tr", has_text=f"{message_id}-later")).to_be_visible(
        timeout=DELIVERED_MS
    )
    with page.expect_response("**/dead-letters*"):
        held.pop().continue_()
    page.wait_for_timeout(500)  # if it were shown at all, it would be shown by now
    assert page.locator("input:checked").evaluate_all(
        "(chosen) => chosen.map((one) => one.getAttribute('aria-label'))"
    ) == [f"Choose {message_id}"]


def test_what_was_opened_stays_open_while_the_page_renews_itself(
    page: Page, console: str, api: ApiClient, receiver: Receiver, message_id: str
) -> None:
    wait_for_an_hour(page, console, api, message_id, f"{receiver.url}/script/503")
    page.get_by_text("Ids", exact=True).click()
    for _ in range(2):
        with page.expect_response(lambda answer: "/delivery" in answer.url):
            pass
    page.wait_for_timeout(200)
    expect(page.locator("details", has_text="Ids")).to_have_attribute("open", "")


def test_ten_thousand_deliveries_are_paged_through_each_page_within_a_second(
    page: Page, console: str
) -> None:
    page.goto(f"{console}/deliveries?status=MAX_RETRIES_EXCEEDED")
    expect(rows(page)).to_have_count(50)
    seen: set[str] = set()
    seconds: list[float] = []
    for _ in range(5):
        names = rows(page).locator("th a").all_inner_texts()
        assert seen.isdisjoint(names)
        seen.update(names)
        started = monotonic()
        page.get_by_role("link", name="Next page").click()
        expect(rows(page).locator("th a").first).not_to_have_text(names[0])
        expect(rows(page)).to_have_count(50)
        seconds.append(monotonic() - started)
    assert median(seconds) < 1  # one page may be slow on a busy machine
    times = sorted(seen)
    assert times[0] == "seed-00007"  # the latest failure is listed first


@pytest.mark.parametrize(
    ("label", "value", "column"),
    [
        ("Endpoint", "shop-7", "shop-7"),
        ("Sender", "crm", "crm"),
        ("Message", "ed-0012", "seed-0012"),
        ("Reason", "TIMED", "timed out"),
    ],
)
def test_a_list_is_narrowed_down_as_one_types(
    page: Page, console: str, label: str, value: str, column: str
) -> None:
    page.goto(f"{console}/deliveries")
    page.get_by_label(label, exact=True).fill(value)
    expect(rows(page).first).to_contain_text(column)
    expect(rows(page).filter(has_not_text=column)).to_have_count(0)
    assert value in page.url


def test_a_list_is_narrowed_down_by_status_category_and_time(page: Page, console: str) -> None:
    page.goto(f"{console}/deliveries")
    page.get_by_label("Status").select_option("Failed")
    expect(rows(page).filter(has_not_text="Failed")).to_have_count(0)
    expect(rows(page).filter(has_text="Gone").first).to_be_visible()
    page.get_by_label("Category").select_option("Timeout")
    expect(rows(page)).to_have_count(0)
    expect(page.locator("#list .empty")).to_contain_text("Nothing matches. Searched: all deliver")
    page.get_by_label("Status").select_option("waiting, failed or cancelled")
    expect(rows(page).first).to_contain_text("Timeout")
    page.get_by_text("More filters").click()
    page.get_by_label("before").fill("2020-01-01T00:00")
    expect(rows(page)).to_have_count(0)


def test_a_console_that_only_reads_offers_no_action(page: Page, reading_console: str) -> None:
    page.goto(f"{reading_console}/dead-letters?senderId=crm")
    expect(page.get_by_role("checkbox")).to_have_count(0)
    page.get_by_role("button", name="Send again all").click()
    expect(page.get_by_text("homing dead-letters redrive --sender crm")).to_be_visible()
    expect(page.get_by_role("button", name="Send again")).to_have_count(0)
    expect(page.locator("footer").get_by_text("--allow-actions")).to_be_visible()


def test_what_if_answers_as_one_types(page: Page, console: str) -> None:
    page.goto(f"{console}/what-if")
    page.get_by_label("Maximum attempts").fill("6")
    expect(page.locator(".panel tbody").first.locator("tr")).to_have_count(6)
    page.get_by_label("Multiplier").fill("0")
    expect(page.get_by_role("alert")).to_contain_text("multiplier")
    expect(page.locator("#schedule canvas")).to_have_count(0)
    page.get_by_label("Multiplier").fill("3")
    expect(page.locator("#schedule canvas")).to_be_visible()


def test_the_theme_can_be_switched_and_is_kept(page: Page, console: str) -> None:
    page.goto(console)
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Switch between light and dark").click()
    after = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert after != before
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == after


def test_the_keyboard_alone_leads_to_a_delivery(page: Page, console: str) -> None:
    page.goto(f"{console}/deliveries")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    focused = page.evaluate("document.activeElement.id")
    assert focused == "main"
    while page.evaluate("document.activeElement.closest('th') === null"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()

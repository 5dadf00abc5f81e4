"""Takes the screenshots of the console that are in docs/: `make screenshots`.

Each shows a real local cloud on which the traffic of `homing console --demo` has run for a while.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from browser.chromium import launch
from playwright.sync_api import expect, sync_playwright

from homing_cli.client.api import ApiClient
from homing_cli.client.target import local_target
from homing_cli.console.serve import running
from homing_cli.demo import traffic
from homing_cli.local import local_cloud
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from homing_cli.client.target import Target

WARM_UP_SECONDS = 150
PAUSE_SECONDS = 1.2
# Words on a page that is still waiting for data.
UNFINISHED = re.compile("Counting|Searching…|being read|being counted")
PATIENCE_MS = 120_000
# Of pages that may be long, only the first screen is taken.
LONG = ("deliveries", "dead-letters", "incident-endpoint", "endpoint", "endpoints-phone")
LAPTOP = {"width": 1240, "height": 800}
PHONE = {"width": 390, "height": 844}
# How the receiver responds, attempt by attempt.
SCRIPTS = {
    "order-1841": "503,503,200",
    "order-1842": "410",
    "order-1843": "503,503,200",
    "order-1844": "400",
}
OUTAGE = 30
EVENTS = 12


def main(folder: Path) -> None:
    """Start everything, wait for a while, and take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        state_dir = Path(stack.enter_context(tempfile.TemporaryDirectory())) / ".homing"
        stack.enter_context(local_cloud.throwaway(state_dir))
        target = local_target(state_dir / local_cloud.RECORD)
        stack.enter_context(traffic.running(target, PAUSE_SECONDS))
        receiver = stack.enter_context(Receiver())
        url = stack.enter_context(running(target, allow_actions=True))
        for message_id, script in SCRIPTS.items():
            send(target, message_id, f"{receiver.url}/script/{script}")
        for number in range(OUTAGE):
            send(target, f"invoice-{number:03}", f"{receiver.url}/script/503?shop=acme")
        send_events(target, receiver.url)
        time.sleep(WARM_UP_SECONDS)
        lose_an_entry(target, "order-1843")
        browser = launch(stack.enter_context(sync_playwright()))
        stack.callback(browser.close)
        take(browser, url, folder)


def send(target: Target, message_id: str, url: str) -> None:
    """Send a message."""
    payload = {"order": message_id[-4:], "total": 1.10}
    body = {"messageId": message_id, "targetUrl": url, "payload": payload}
    ApiClient(target).submit(json.dumps(body).encode())


def send_events(target: Target, url: str) -> None:
    """Register endpoints of two senders, one of which fails, and send events to them."""
    api = ApiClient(target)
    large = {"payload": {"total": [{"numeric": [">", 100]}]}}
    for sender in ("acme", "zenith"):
        for endpoint, script, more in (
            ("books", "200", {"eventTypes": ["order.*"], "filter": large, "ratePerSecond": 20}),
            ("crm", "503", {"eventTypes": ["*"], "policy": {"maxAttempts": 2}}),
            ("archive", "200", {"eventTypes": ["*"], "attemptsAtOnce": 10}),
        ):
            body = {"url": f"{url}/script/{script}?of={sender}-{endpoint}", **more}
            api.endpoints("PUT", f"/{endpoint}", body, sender)
        for number in range(EVENTS):
            event = {"eventType": "order.paid", "payload": {"total": 60 + 10 * number}}
            api.submit(json.dumps({"senderId": sender, **event}).encode())


def lose_an_entry(target: Target, message_id: str) -> None:
    """Remove the second attempt from a delivery's record, as if the ledger had been throttled."""
    client, table = target.client("dynamodb"), target.outputs["LedgerTable"]
    (item,) = client.query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"{message_id}#default"}},
    )["Items"]
    client.update_item(
        TableName=table,
        Key={"pk": item["pk"], "sk": item["sk"]},
        UpdateExpression="REMOVE retryHistory[1]",
    )


def take(browser: Browser, url: str, folder: Path) -> None:
    """Take each picture. It has a name, an address, and steps that come first."""
    outage = "category=SERVER_ERROR&messageId=invoice"
    policy = "maxAttempts=6&jitter=full&deliveries=10000"
    for name, path, message_id in (
        ("overview", "/", ""),
        ("deliveries", "/deliveries", ""),
        ("delivery", "/deliveries?messageId=order-1841", "order-1841"),
        ("not-delivered", "/deliveries?messageId=order-1842", "order-1842"),
        ("dead-letters", "/dead-letters", ""),
        ("incident-endpoint", f"/dead-letters?{outage}", ""),
        ("incident-ledger", "/deliveries?messageId=order-1843", "order-1843"),
        ("incident-poison", "/deliveries?messageId=order-1844", "order-1844"),
        ("endpoints", "/endpoints", ""),
        ("endpoint", "/endpoint?sender=acme&id=crm", ""),
        ("endpoints-phone", "/endpoints?sender=acme", ""),
        ("senders", "/senders", ""),
        ("what-if", f"/what-if?{policy}", ""),
    ):
        size: Any = PHONE if name.endswith("-phone") else LAPTOP
        page = browser.new_page(viewport=size, color_scheme="light")
        shoot(page, url + path, message_id, folder / f"{name}.png")


def shoot(page: Page, address: str, message_id: str, file: Path) -> None:
    """Open a page, or that of the named message's delivery, and take the picture."""
    page.goto(address)
    if message_id:
        page.get_by_role("link", name=message_id).first.click()
        page.wait_for_selector(".machine")
    expect(page.locator("main")).not_to_contain_text(UNFINISHED, timeout=PATIENCE_MS)
    page.wait_for_timeout(1000)
    page.screenshot(path=file, full_page=file.stem not in LONG)
    page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Takes the pictures of the console that stand in docs/: `make screenshots`.

Each is of a real local cloud on which the traffic of `homing console --demo` has run for a while.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from browser.chromium import launch
from playwright.sync_api import sync_playwright

from workbench import local_cloud
from workbench.api_client import ApiClient
from workbench.console import traffic
from workbench.console.serve import running
from workbench.receiver import Receiver
from workbench.target import local_target

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WARM_UP_SECONDS = 150
PAUSE_SECONDS = 1.2
LAPTOP = {"width": 1240, "height": 800}
PHONE = {"width": 390, "height": 844}


def main(folder: Path) -> None:
    """Bring everything up, wait for a while, and take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        state_dir = Path(stack.enter_context(tempfile.TemporaryDirectory())) / ".homing"
        stack.enter_context(local_cloud.throwaway(state_dir))
        target = local_target(state_dir / local_cloud.RECORD)
        stack.enter_context(traffic.running(target, PAUSE_SECONDS))
        receiver = stack.enter_context(Receiver())
        url = stack.enter_context(running(target, allow_actions=True))
        for message_id, script in {"order-1841": "503,503,200", "order-1842": "410"}.items():
            body = {
                "messageId": message_id,
                "targetUrl": f"{receiver.url}/script/{script}",
                "payload": {"order": message_id[-4:], "total": 1.10},
            }
            ApiClient(target).submit(json.dumps(body).encode(), again=True)
        time.sleep(WARM_UP_SECONDS)
        browser = launch(stack.enter_context(sync_playwright()))
        stack.callback(browser.close)
        take(browser, url, folder)


def take(browser: Browser, url: str, folder: Path) -> None:
    """Take each picture: name, address, and what is done before."""
    policy = "maxAttempts=6&jitter=full&deliveries=10000"
    for name, path, message_id in (
        ("overview", "/", ""),
        ("deliveries", "/deliveries", ""),
        ("delivery", "/deliveries?text=order-1841", "order-1841"),
        ("not-delivered", "/deliveries?text=order-1842", "order-1842"),
        ("dead-letters", "/dead-letters", ""),
        ("what-if", f"/what-if?{policy}", ""),
    ):
        page = browser.new_page(viewport=LAPTOP, color_scheme="light")
        shoot(page, url + path, message_id, folder / f"{name}.png")
    dark = browser.new_page(viewport=LAPTOP, color_scheme="dark")
    shoot(dark, f"{url}/", "", folder / "overview-dark.png")
    phone = browser.new_page(viewport=PHONE, color_scheme="light")
    shoot(phone, f"{url}/deliveries?text=order-1842", "order-1842", folder / "phone.png")


def shoot(page: Page, address: str, message_id: str, file: Path) -> None:
    """Go there, to the delivery of a message where one is named, and take the whole page."""
    page.goto(address)
    if message_id:
        page.get_by_role("link", name=message_id).first.click()
        page.wait_for_selector(".machine")
    page.wait_for_timeout(1000)
    page.screenshot(path=file, full_page=True)
    page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

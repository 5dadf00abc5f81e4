"""Fixtures: a real browser, a real console, and a real local cloud."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from browser.chromium import launch
from playwright.sync_api import sync_playwright
from seeded import seed

from homing_cli.client.api import ApiClient
from homing_cli.client.target import local_target
from homing_cli.console.serve import running
from homing_cli.local import local_cloud
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from homing_cli.client.target import Target

SEEDED = 10_000


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A local cloud with true waits, and with ten thousand deliveries in the ledger."""
    state_dir = tmp_path_factory.mktemp("browser") / ".homing"
    with local_cloud.throwaway(state_dir):
        found = local_target(state_dir / local_cloud.RECORD)
        seed(found, SEEDED)
        yield found


@pytest.fixture(scope="session")
def console(target: Target) -> Iterator[str]:
    """The address of a console that allows actions."""
    with running(target, allow_actions=True) as url:
        yield url


@pytest.fixture(scope="session")
def reading_console(target: Target) -> Iterator[str]:
    """The address of a console that is read-only."""
    with running(target, allow_actions=False) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new page. The test fails if the page logs errors, or makes requests to other hosts."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None if asked.url.startswith("http://127.0.0.1:") else complaints.append(asked.url)
        ),
    )
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def api(target: Target) -> ApiClient:
    return ApiClient(target)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running_receiver:
        yield running_receiver


@pytest.fixture
def message_id() -> str:
    return f"seen-{secrets.token_hex(4)}"

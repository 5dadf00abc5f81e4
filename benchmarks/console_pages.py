"""Measure the console's pages with a ledger of 100,000 records: `make bench-console`.

The benchmark starts a local cloud and a console for it, and requests the console's pages by HTTP.
The records are generated as for the browser tests. The command prints a table. It exits non-zero if
the median time of a page is above a second. The what-if page has no limit.
"""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import TYPE_CHECKING
from urllib.request import urlopen

from seeded import seed

from benchmarks.sizes import APP, sized
from homing_cli.client.target import local_target
from homing_cli.console.serve import running
from homing_cli.local import local_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS = sized(100_000, 3000)
TIMES = sized(5, 1)
DEEP = sized(20, 1)  # the number of pages of a list that are skipped to reach a deep page
ALLOWED_SECONDS = 1.0
AGAIN_SECONDS = 1.0
PATHS = {
    "overview": "/",
    "deliveries": "/deliveries",
    "dead letters": "/dead-letters",
    "by endpoint and cause": "/deliveries?view=groups",
    "retries": "/deliveries?status=RETRY_SCHEDULED",
    "delivered": "/deliveries?status=DELIVERED",
    "queued (none)": "/deliveries?status=QUEUED",
    "one sender": "/deliveries?senderId=crm",
    "one endpoint": "/deliveries?endpointId=shop-7",
    "dead letters of one endpoint": "/dead-letters?senderId=billing&endpointId=shop-7",
    "one category": "/deliveries?category=TIMEOUT",
    "a status without the category": "/dead-letters?status=FAILED&category=TIMEOUT",
    "a part of a reason": "/deliveries?reason=timed",
    "a reason that nothing has": "/deliveries?reason=none",
    "the last ten minutes": "/deliveries?since={since}",
    "a part of an id": "/deliveries?messageId=ed-9999",
    "one id with its sender": "/deliveries?messageId=seed-77777&senderId=shop",
    "endpoints": "/endpoints",
    "one of them": "/endpoint?sender=billing&id=shop-7",
    "senders": "/senders",
    "what if": "/what-if",
}
# Pages without a limit of time. The what-if page reads up to 5,000 histories.
UNBOUND = {"what if"}


# Words on a page whose list or count is not complete yet.
UNFINISHED = ("Searching…", "Counting")


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of one page in seconds, from several requests.

    Args:
        name: the page.
        seconds: how long each request took.
        complete: how long it took until the page had its list and its count. The page is requested
            again every second, as a browser does.
    """

    name: str
    seconds: tuple[float, ...]
    complete: float

    @property
    def row(self) -> str:
        """Return a row of the table."""
        middle, longest = median(self.seconds), max(self.seconds)
        return f"| {self.name} | {middle:.2f} | {longest:.2f} | {self.complete:.1f} |"

    @property
    def is_late(self) -> bool:
        """Return whether the page has a limit and its median time is above this limit."""
        return self.name not in UNBOUND and median(self.seconds) > ALLOWED_SECONDS


def main() -> int:
    """Seed a ledger, request each page and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        state_dir = Path(folder) / ".homing"
        with local_cloud.throwaway(state_dir, app=APP):
            target = local_target(state_dir / local_cloud.RECORD)
            seed(target, RECORDS)
            with running(target, allow_actions=False) as url:
                timings = [*timed(url)]
    print(
        f"| page, {RECORDS:,} records | median of {TIMES} (s) | longest (s) | complete after (s) |"
    )
    print("|---|---|---|---|")
    print("\n".join(timing.row for timing in timings))
    return any(timing.is_late for timing in timings)


def timed(url: str) -> Iterator[Timing]:
    """Yield the times of each page, also of pages whose URL is found in a link on another page."""
    newest = completed(f"{url}/deliveries?status=FAILED")
    (latest, *_) = re.findall(r'<time datetime="([^"]+)"', newest)
    since = latest[: len("2026-01-01T12:0")] + "0"
    for name, path in PATHS.items():
        yield several(name, url + path.format(since=since))
    yield several("one delivery", url + link(newest, r'<th scope="row"><a href="([^"]+)"'))
    for name in ("deliveries", "dead letters"):
        place = PATHS[name]
        for _ in range(DEEP):
            place = link(completed(url + place), r'rel="next" href="([^"]+)"')
        yield several(f"{name}, page {DEEP + 1}", url + place)


def several(name: str, address: str) -> Timing:
    """Request a page until it is complete, then several times."""
    started = perf_counter()
    first, text = ask(address)
    if is_unfinished(text):
        sleep(AGAIN_SECONDS)
        completed(address)
    complete = perf_counter() - started
    return Timing(name, (first, *(ask(address)[0] for _ in range(TIMES - 1))), complete)


def completed(address: str) -> str:
    """Request a page every second until it is complete, and return its text."""
    while is_unfinished(text := ask(address)[1]):
        sleep(AGAIN_SECONDS)
    return text


def is_unfinished(text: str) -> bool:
    """Return whether the text of a page says that its list or count is not complete yet."""
    return any(words in text for words in UNFINISHED)


def link(text: str, pattern: str) -> str:
    """Return the URL of the first link that the pattern matches."""
    (first, *_) = re.findall(pattern, text)
    return unescape(first)


def ask(address: str) -> tuple[float, str]:
    """Request a page; return its time in seconds and its text."""
    started = perf_counter()
    with urlopen(address) as answer:  # noqa: S310 -- the console's own address
        text = answer.read().decode()
    return perf_counter() - started, text


if __name__ == "__main__":
    sys.exit(main())

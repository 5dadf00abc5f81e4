"""Measure how late retries are sent on the local cloud, and the cost of making them exact.

A wait of Step Functions ends at a whole second, so a retry waits until the first whole second after
its due time. The wait could also end at the last whole second before the due time, and `Deliver`
could wait until the due time; but time in `Deliver` is billed. For the same retries, the table
shows how late they are in the first case and would be in the second; the line below it shows how
long `Deliver` would wait in the second case, and what that would cost.

    python benchmarks/retry_lateness.py [SECONDS]
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path
from statistics import mean, median, quantiles
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.handlers import deployed
from benchmarks.sizes import argument, sized
from homing.timestamps import from_text, to_due_text
from homing_cli.client.api import ApiClient
from homing_cli.cost.assumptions import load_assumptions
from homing_cli.cost.prices import prices
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

SECONDS = sized(60, 1)
PER_SECOND = 3
POLICY = {"schedule": [5], "jitter": "none"}
SECOND = timedelta(seconds=1)


def send(api: ApiClient, url: str, count: int) -> list[str]:
    """Send messages whose first attempt fails, at a steady rate; return their ids."""
    names = []
    for _ in range(count):
        names.append(f"m-{uuid.uuid4().hex}")
        body = {"messageId": names[-1], "targetUrl": url, "payload": "x", "policy": POLICY}
        api.submit(json.dumps(body).encode())
        time.sleep(1 / PER_SECOND)
    return names


def retried(receiver: Receiver, names: Sequence[str]) -> dict[str, datetime]:
    """Wait until all messages have been retried; return the time at which each retry arrived."""
    while True:
        arrivals = receiver.arrivals
        hits = Counter(one.message_id for one in arrivals)
        if all(hits[name] > 1 for name in names):
            return {one.message_id: one.received_at for one in arrivals if one.message_id}
        time.sleep(0.05)


def run(api: ApiClient, receiver: Receiver, count: int) -> None:
    """Send messages that are retried, measure, and print the table."""
    names = send(api, f"{receiver.url}/script/503,200", count)
    there = retried(receiver, names)
    as_is, exact, waited = [], [], []
    for name in names:
        (delivery,) = api.message(name)["deliveries"]
        due = from_text(delivery["retryHistory"][0]["nextRetryTimestamp"])
        late = there[name] - due
        woken = late - SECOND if due != from_text(to_due_text(due)) else late
        as_is.append(late / SECOND)
        exact.append(max(woken, timedelta()) / SECOND)
        waited.append(max(-woken, timedelta()) / SECOND)
    print(f"{count} retries, seconds from when each was due to its request")
    print(f"{'':<44}{'mean':>8}{'p50':>8}{'p99':>8}")
    _row("waits end at the whole second after", as_is)
    _row("waits end a second earlier, Deliver waits", exact)
    gigabytes = load_assumptions().functions["Deliver"].memory_mb / 1024
    dollars = prices("us-east-1")["lambda.gbSeconds"].of(mean(waited) * gigabytes * 1_000_000)
    print(f"Deliver would wait for {mean(waited):.2f} s: ${dollars:.2f} per million retries")


def _row(what: str, seconds: list[float]) -> None:
    worst = quantiles(seconds, n=100, method="inclusive")[98]
    print(f"{what:<44}{mean(seconds):>8.2f}{median(seconds):>8.2f}{worst:>8.2f}")


def main() -> None:
    """Print the table."""
    with deployed(steady=True) as target, Receiver() as receiver:
        run(ApiClient(target), receiver, argument(SECONDS) * PER_SECOND)


if __name__ == "__main__":
    main()

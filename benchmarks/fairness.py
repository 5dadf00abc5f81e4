"""Compare one sender's times from POST to delivery, with and without a flood by another sender.

One sender makes 5 deliveries a second to 20 quick endpoints. There are three runs: without a flood,
with a flood to quick endpoints, and with a flood to endpoints that hang. A flood is 600 deliveries
of another sender to 60 endpoints; they are already on the queues when the run begins.
`benchmarks/fairness_model.py` does the same in virtual time, with 3,000 deliveries.

On AWS each execution environment of a function has its own processor. Here all functions and the
emulator of AWS share this machine, and 60 deliveries a second that move to the Standard workflow
keep both cores busy. So the bulk queue is dispatched at a quarter of this rate, and the flood lasts
longer than the run. If the second run is slowed as much as the third, the cause is the machine, not
the endpoints that hang. The size of the flood can be given as an argument.

    python benchmarks/fairness.py [DELIVERIES]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.isolation import (
    DISPATCHERS,
    FIRST_SECONDS,
    PER_SECOND,
    Run,
    hanging,
    measure,
    row,
    set_slow_threshold,
)
from benchmarks.pollers import paused, polled, purge_bulk
from benchmarks.sizes import APP, argument, sized
from homing.client import Retrying
from homing_cli.client.api import ApiClient
from homing_cli.client.target import local_target
from homing_cli.local import local_cloud
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from homing_cli.client.target import Target

FLOOD = sized(600, 20)  # deliveries
ENDPOINTS = 60  # the endpoints to which the flood goes
BULK_PER_SECOND = 15.0  # the deliveries of the bulk queue that are dispatched in a second
WARM_UP = sized(300, 5)  # the deliveries that start the functions
MESSAGES = sized(200, 10)  # the messages of the sender whose times are measured
ENDED_AFTER = sized(20, 1)  # seconds, after which all attempts have timed out
TOGETHER = 100  # messages in a request
SENDING = 2  # concurrent requests
# These times are long because the machine is busy with the functions too.
PATIENT = Retrying(timeout=35, give_up_after=300)
LABELS = ("without", "with, quick endpoints", "with, endpoints hang")


def flood(api: ApiClient, url: str, count: int) -> None:
    """Send messages of the flooding sender, with policies that allow only one attempt."""

    def send(bodies: Sequence[bytes]) -> None:
        refused = [each for each in api.submit_all(bodies) if isinstance(each, Exception)]
        if refused:
            raise RuntimeError(f"{len(refused)} were not accepted: {refused[0]}")

    bodies = [_body(f"{url}/{number % ENDPOINTS}") for number in range(count)]
    parts = [bodies[start : start + TOGETHER] for start in range(0, count, TOGETHER)]
    with ThreadPoolExecutor(SENDING) as pool:
        list(pool.map(send, parts))


def _body(url: str) -> bytes:
    message = {"messageId": f"m-{uuid.uuid4().hex}", "senderId": "flood", "targetUrl": url}
    return json.dumps({**message, "payload": {}, "policy": {"maxAttempts": 1}}).encode()


def runs(count: int) -> Iterator[Run]:
    """Measure the sender that does not flood: without a flood, then with each kind of flood."""
    with (
        tempfile.TemporaryDirectory() as folder,
        local_cloud.throwaway(Path(folder), app=APP, steady=True),
        Receiver() as receiver,
        Receiver() as well,
        hanging() as hang,
    ):
        target = local_target(Path(folder) / local_cloud.RECORD)
        set_slow_threshold(target)
        api, flooding = ApiClient(target), ApiClient(target, PATIENT)
        with paused(target):
            warm_up(api, flooding, receiver, target)
            yield during(target, api, receiver, LABELS[0])
            for label, url in zip(LABELS[1:], (well.url, hang), strict=True):
                flood(flooding, url, count)
                yield during(target, api, receiver, label)


def during(target: Target, api: ApiClient, receiver: Receiver, label: str) -> Run:
    """Measure a run while both queues are dispatched; after it, empty the bulk queue."""
    with polled(target, DISPATCHERS, bulk_per_second=BULK_PER_SECOND):
        run = measure(api, receiver, MESSAGES, label)
    purge_bulk(target)
    time.sleep(ENDED_AFTER)
    return run


def warm_up(api: ApiClient, flooding: ApiClient, receiver: Receiver, target: Target) -> None:
    """Start all containers that a flood needs, by a run that is not among the results."""
    with hanging() as others:
        flood(flooding, others, WARM_UP)
        during(target, api, receiver, "warm-up")


def main() -> None:
    """Print the table, and the ratios of its times with and without a flood."""
    count = argument(FLOOD)
    print(f"{PER_SECOND:g}/s to 20 endpoints beside {count:,} deliveries of another; seconds")
    print(f"{'':<22}{'messages':>9}{'p50':>8}{'p90':>8}{'p99':>8}{'worst':>8}")
    seen = {}
    for run in runs(count):
        seen[run.label] = run
        print(row(run.label, run), flush=True)
    without, quick, hangs = (seen[label] for label in LABELS)
    first = round(FIRST_SECONDS * PER_SECOND)
    print(row(f"hang, first {FIRST_SECONDS:g} s", Run("first", hangs.seconds[:first])))
    for share in (0.5, 0.9, 0.99):
        beside_none, beside_quick = (
            hangs.percentile(share) / each.percentile(share) for each in (without, quick)
        )
        print(f"p{share * 100:g} with / without: {beside_none:.2f}; / quick: {beside_quick:.2f}")


if __name__ == "__main__":
    main()

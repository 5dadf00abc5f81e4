"""Break down the time from POST to the request at the receiver into hops, on the local cloud.

Messages are sent at a steady rate. The time at which a hop ends comes from a log, from the events
of the Express execution (which only a local cloud records, not AWS) or from the receiver.

    python benchmarks/hops.py [SECONDS]
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.handlers import deployed
from benchmarks.sizes import argument, sized
from homing.timestamps import from_text
from homing_cli.client.api import ApiClient
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from homing_cli.client.target import Target

SECONDS = sized(30, 1)
RATES = sized((5, 20), (5,))
WARM_UP = sized(40, 2)
SENDERS = 8

# The hops, each with the event that ends it. The first hop begins with the POST.
HOPS = (
    ("Accept, from the POST", "accepted"),
    ("the queue and Dispatch", "started"),
    ("Step Functions, until Deliver", "entered"),
    ("Deliver, until the request is there", "arrived"),
)


def send(api: ApiClient, url: str, count: int, per_second: float) -> dict[str, float]:
    """Send messages at a steady rate; return the time of the POST of each, by message id."""
    start, posted = time.time(), {}

    def post(number: int) -> None:
        time.sleep(max(0.0, start + number / per_second - time.time()))
        name = f"m-{uuid.uuid4().hex}"
        body = {"messageId": name, "targetUrl": url, "payload": "x" * 1024}
        posted[name] = time.time()
        api.submit(json.dumps(body).encode())

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(post, range(count)))
    return posted


def arrived(receiver: Receiver, names: Iterable[str]) -> dict[str, float]:
    """Wait until all messages have arrived; return the time of arrival of each, by message id."""
    wanted = set(names)
    while True:
        seen = {one.message_id: one.received_at.timestamp() for one in receiver.arrivals}
        if wanted <= seen.keys():
            return {name: seen[name] for name in wanted}
        time.sleep(0.05)


def accepted(target: Target, since: float) -> dict[str, float]:
    """Return the time at which each message was accepted, according to the log of `accept`."""
    logs = target.client("logs")
    found = {}
    for group in logs.describe_log_groups()["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group["logGroupName"], startTime=int(since * 1000) - 1000
        )
        for event in (event for page in pages for event in page["events"]):
            if '"message.accepted"' in event["message"]:
                document = json.loads(event["message"])
                found[document["messageId"]] = from_text(document["timestamp"]).timestamp()
    return found


def history(target: Target, delivery_id: str) -> tuple[float, float]:
    """Return the times at which a delivery's Express execution started and entered `Deliver`."""
    arn = target.outputs["FirstAttemptArn"].replace(":stateMachine:", ":execution:")
    events: Sequence[Any] = target.client("stepfunctions").get_execution_history(
        executionArn=f"{arn}:{delivery_id}"
    )["events"]
    entered = next(each for each in events if each["type"].endswith("StateEntered"))
    return events[0]["timestamp"].timestamp(), entered["timestamp"].timestamp()


def measure(target: Target, receiver: Receiver, per_second: float, seconds: int) -> None:
    """Send messages at a steady rate, and print the duration of each hop."""
    api = ApiClient(target)
    begun = time.time()
    posted = send(api, f"{receiver.url}/", round(per_second * seconds), per_second)
    there, taken = arrived(receiver, posted), accepted(target, begun)
    times: dict[str, list[float]] = {what: [] for what, _ in HOPS}
    for name, since in posted.items():
        (delivery,) = api.message(name)["deliveries"]
        started, entered = history(target, delivery["deliveryId"])
        ends = {"accepted": taken[name], "started": started, "entered": entered}
        ends["arrived"] = there[name]
        begins = [since, *(ends[end] for _, end in HOPS)]
        for (what, _), (begin, end) in zip(HOPS, pairwise(begins), strict=True):
            times[what].append((end - begin) * 1000)
    print(f"\n{len(posted)} messages, {per_second} a second; ms")
    print(f"{'':<38}{'p50':>8}{'p99':>8}")
    totals = [(there[name] - start) * 1000 for name, start in posted.items()]
    for what, found in (*times.items(), ("from the POST to the request", totals)):
        worst = quantiles(found, n=100, method="inclusive")[98]
        print(f"{what:<38}{median(found):>8.0f}{worst:>8.0f}", flush=True)


def main() -> None:
    """Print the tables."""
    with deployed(steady=True) as target, Receiver() as receiver:
        arrived(receiver, send(ApiClient(target), f"{receiver.url}/", WARM_UP, 10))
        for rate in RATES:
            measure(target, receiver, rate, argument(SECONDS))


if __name__ == "__main__":
    main()

"""Measure the processor time that each warm function takes for a message, from POST to delivery.

First, the real handlers run in separate processes and call a local cloud. Each call of a handler is
followed by a bare boto3 call (GetItem, default settings of boto3) in the same process, so the ratio
of the two is valid on a busy machine too. Then messages are sent through the whole local cloud, and
the processor time of its worker processes is measured; it includes the emulator's wrapper around
each handler. The emulator's own time is also shown: it corresponds to work of AWS's services, which
is not billed.

    python benchmarks/message_cpu.py [CALLS]
"""

from __future__ import annotations

import http.client
import json
import sys
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.handlers import Handlers, attempt, deployed, post, post_batch, queued
from benchmarks.sizes import argument, sized
from homing_cli.client.api import ApiClient
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from homing_cli.client.target import Target

CALLS = sized(60, 2)
WARM_UP = sized(10, 1)
MESSAGES = sized(300, 5)  # messages that are sent through the whole local cloud
SENDERS = 8
BATCH = 10
ENDPOINT = "bench"
PAYLOAD = "x" * 1024
TARGET_SINGLY, TARGET_IN_BATCHES = 3.2, 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """The processor time of one way to call a handler, in ms per message.

    Args:
        what: the handler, and how it is called.
        milliseconds: the median of its calls.
        bare: the median of the bare boto3 calls in the same process.
        requests: how many requests to AWS the handler makes per message.
    """

    what: str
    milliseconds: float
    bare: float
    requests: float

    @property
    def ratio(self) -> float:
        """How many times as much processor time the handler takes as a bare boto3 call."""
        return self.milliseconds / self.bare

    @property
    def least(self) -> float:
        """The time that the handler's requests would take if each were a bare boto3 call."""
        return self.requests * self.bare


def in_process(handlers: Handlers, url: str, calls: int) -> Iterator[Row]:
    """Measure each handler that runs for a message that is delivered at its first attempt."""
    to_endpoint = {"endpointId": ENDPOINT, "payload": PAYLOAD}
    to_url = {"targetUrl": url, "payload": PAYLOAD}

    def delivery() -> dict[str, Any]:
        return handlers.delivery(url, PAYLOAD, endpoint_id=ENDPOINT)

    many = range(WARM_UP + calls)
    answered = {"kind": "ATTEMPTED", "timestamp": "2026-01-01T00:00:00.000Z", "httpStatus": 200}
    answered |= {"responseTime": 12, "retryAfter": None, "responseBody": "", "error": None}
    ways = {
        "accept, to an endpoint": ("accept", 1, [post(to_endpoint) for _ in many]),
        "accept, to a URL": ("accept", 1, [post(to_url) for _ in many]),
        "accept, batches of 10": (
            "accept",
            BATCH,
            [post_batch([to_endpoint] * BATCH) for _ in many],
        ),
        "dispatch, one": ("dispatch", 1, [queued([delivery()]) for _ in many]),
        "dispatch, batches of 10": (
            "dispatch",
            BATCH,
            [queued([delivery() for _ in range(BATCH)]) for _ in many],
        ),
        "deliver": ("deliver", 1, [attempt(delivery()) for _ in many]),
        "classify": ("classify", 1, [{**delivery(), "outcome": answered} for _ in many]),
    }
    for what, (name, messages, events) in ways.items():
        called = handlers.call(name, events, bare=True)
        warm = median(called.calls[WARM_UP:]) / messages
        requests = median(called.requests[WARM_UP:]) / messages
        yield Row(what, warm, median(called.bares[WARM_UP:]), requests)


def bare_post(url: str, calls: int) -> float:
    """Return the processor time of a bare keep-alive POST in this process, in ms."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    taken = []
    for _ in range(WARM_UP + calls):
        before = time.thread_time()
        connection.request("POST", "/", PAYLOAD.encode(), {"webhook-id": uuid.uuid4().hex})
        connection.getresponse().read()
        taken.append(time.thread_time() - before)
    connection.close()
    return median(taken[WARM_UP:]) * 1000


def as_workers(target: Target, messages: int) -> dict[str, float]:
    """Send messages; return the processor time per message of each function and of the emulator."""
    emulator = next(
        child
        for child in psutil.Process().children()
        if "homing_cli.local.emulator_process" in child.cmdline()
    )
    with Receiver() as receiver:
        _send(target, receiver, messages)  # starts the worker processes and warms them up
        before = _times(emulator)
        _send(target, receiver, messages)
        after = _times(emulator)
    return {name: (after[name] - before[name]) * 1000 / messages for name in sorted(after)}


def _send(target: Target, receiver: Receiver, messages: int) -> None:
    api = ApiClient(target)
    names = {f"m-{uuid.uuid4().hex}" for _ in range(messages)}
    bodies = [
        json.dumps({"messageId": name, "targetUrl": receiver.url, "payload": PAYLOAD}).encode()
        for name in names
    ]
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(api.submit, bodies))
    while not names <= {arrival.message_id for arrival in receiver.arrivals}:
        time.sleep(0.05)
    time.sleep(2)  # until the ends of the last deliveries have been recorded


def _times(emulator: psutil.Process) -> Counter[str]:
    """Return the processor time of each function's workers and of the emulator, in seconds."""
    times: Counter[str] = Counter()
    for process in (emulator, *emulator.children(recursive=True)):
        name = "emulator"
        if process != emulator:
            # A forked process still shows the environment of the process it was forked from.
            name = process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "functions, forked")
        used = process.cpu_times()
        times[name] += used.user + used.system
    return times


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    for row in (head, *rows):
        print(f"{row[0]:<34}" + "".join(f"{each:>10}" for each in row[1:]), flush=True)


def main() -> None:
    """Print the tables."""
    calls = argument(CALLS)
    with deployed(steady=True) as target, Receiver() as receiver:
        api = ApiClient(target)
        api.endpoints("PUT", f"/{ENDPOINT}", {"url": receiver.url})
        rows = {row.what: row for row in in_process(Handlers.of(target), receiver.url, calls)}
        print(f"processor time per message, in process, warm, median of {calls} calls")
        _table(
            ("", "ms", "boto3", "ratio", "requests"),
            (
                (
                    row.what,
                    f"{row.milliseconds:.2f}",
                    f"{row.bare:.2f}",
                    f"{row.ratio:.2f}",
                    f"{row.requests:.1f}",
                )
                for row in rows.values()
            ),
        )
        for label, wanted, accept, dispatch in (
            ("singly", TARGET_SINGLY, "accept, to an endpoint", "dispatch, one"),
            (
                "in batches of 10",
                TARGET_IN_BATCHES,
                "accept, batches of 10",
                "dispatch, batches of 10",
            ),
        ):
            both = (rows[accept], rows[dispatch])
            taken = sum(row.milliseconds for row in both)
            ratio = sum(row.ratio for row in both)
            least = sum(row.least for row in both)
            print(f"accept + dispatch, {label}: {taken:.2f} ms ({ratio:.1f} boto3 calls), ", end="")
            print(f"wanted at most {wanted} ms; bare, its requests take {least:.2f} ms")
        print(f"a bare POST: {bare_post(receiver.url, calls):.2f} ms")
        print(f"\nas whole processes, {MESSAGES} messages to a URL from {SENDERS} senders")
        workers = as_workers(target, MESSAGES)
        _table(("", "ms"), ((name, f"{taken:.2f}") for name, taken in workers.items()))
        own = sum(taken for name, taken in workers.items() if name != "emulator")
        print(f"functions together: {own:.2f} ms")


if __name__ == "__main__":
    main()

"""How long others take from POST to delivered while one endpoint hangs, with and without it.

One endpoint accepts connections and never answers; messages for it wait in the queue. Meanwhile
messages for other endpoints are sent at a steady pace, and each is timed from its POST to its
arrival. One run measures without the slow endpoint and then with it, on the same cloud; the time in
which the slow endpoint is first met is told apart.

The emulator hands batches of a queue out one after the other, where AWS works on ten at once (the
default), so a batch that waits for the slow endpoint holds everybody up here: at the first
encounter for one time-out, and once more at each look whether it is well again. Those are the
figures "at worst"; what lies between them is in the percentiles.

    python benchmarks/isolation.py [OTHERS [SLOW]]
"""

from __future__ import annotations

import json
import socket
import statistics
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workbench import local_cloud
from workbench.api_client import ApiClient
from workbench.receiver import Receiver
from workbench.target import local_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OTHERS = 600
SLOW = 1000
PER_SECOND = 10.0
SENDERS = 4
WARM_UP = 30
SETTLING_SECONDS = 8.0  # the first encounter, told apart


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds from POST to arrival of one run's messages, in the order of their POSTs."""

    label: str
    seconds: Sequence[float]

    def percentile(self, share: float) -> float:
        """Give the time that this share of the messages took at most."""
        return statistics.quantiles(self.seconds, n=1000, method="inclusive")[
            round(share * 1000) - 1
        ]


@contextmanager
def hanging() -> Iterator[str]:
    """Give the URL of an endpoint that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        held: list[socket.socket] = []
        closing = threading.Event()

        def accept() -> None:
            server.settimeout(0.2)
            while not closing.is_set():
                try:
                    held.append(server.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/hang"
        finally:
            closing.set()
            thread.join()
            for connection in held:
                connection.close()


def submit(api: ApiClient, url: str, *, attempts: int = 3) -> str:
    """Hand one message over; give its id."""
    message_id = f"m-{uuid.uuid4().hex}"
    policy = {"maxAttempts": attempts}
    body = {"messageId": message_id, "targetUrl": url, "payload": {}, "policy": policy}
    answer = api.submit(json.dumps(body).encode(), again=True)
    if not answer.ok:
        raise RuntimeError("; ".join(answer.problems))
    return message_id


def measure(api: ApiClient, receiver: Receiver, count: int, label: str) -> Run:
    """Send to other endpoints at a steady pace, and time each to its arrival."""
    sent: dict[str, float] = {}

    def send_at(number: int, start: float) -> None:
        time.sleep(max(0, start + number / PER_SECOND - time.time()))
        posted = time.time()
        sent[submit(api, f"{receiver.url}/endpoint-{number % 20}")] = posted

    start = time.time()
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(lambda number: send_at(number, start), range(count)))
    deadline = time.time() + 120
    while time.time() < deadline:
        arrived = {one.message_id: one.received_at.timestamp() for one in receiver.arrivals}
        if sent.keys() <= arrived.keys():
            break
        time.sleep(0.05)
    return Run(label, [arrived[one] - posted for one, posted in sent.items()])


def flood(api: ApiClient, url: str, count: int) -> None:
    """Hand over messages for the slow endpoint, one attempt each."""
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(lambda _: submit(api, url, attempts=1), range(count)))


def runs(others: int, slow: int) -> Iterator[Run]:
    """Measure without, then with: the first encounter, and what follows."""
    with (
        tempfile.TemporaryDirectory() as folder,
        local_cloud.throwaway(Path(folder)),
        Receiver() as receiver,
        hanging() as hang,
    ):
        api = ApiClient(local_target(Path(folder) / local_cloud.RECORD))
        measure(api, receiver, WARM_UP, "warm-up")
        yield measure(api, receiver, others, "without")
        flood(api, hang, slow)
        yield measure(api, receiver, round(SETTLING_SECONDS * PER_SECOND), "first encounter")
        yield measure(api, receiver, others, "with")


def main() -> None:
    """Print the table, and the ratio that matters."""
    others, slow = (*map(int, sys.argv[1:3]), *(OTHERS, SLOW)[len(sys.argv) - 1 :])
    print(f"{slow} messages for an endpoint that hangs; {PER_SECOND:g}/s for 20 others; seconds")
    print(f"{'':<18}{'messages':>9}{'p50':>8}{'p90':>8}{'p99':>8}{'worst':>8}")
    seen = {}
    for run in runs(others, slow):
        seen[run.label] = run
        figures = [run.percentile(share) for share in (0.5, 0.9, 0.99)]
        row = "".join(f"{figure:>8.3f}" for figure in (*figures, max(run.seconds)))
        print(f"{run.label:<18}{len(run.seconds):>9}{row}", flush=True)
    for share in (0.5, 0.99):
        ratio = seen["with"].percentile(share) / seen["without"].percentile(share)
        print(f"p{share * 100:g} with / without: {ratio:.2f}")


if __name__ == "__main__":
    main()

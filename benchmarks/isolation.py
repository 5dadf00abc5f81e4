"""Compare how long messages take from POST to delivery, with and without an endpoint that hangs.

Messages to 20 endpoints are sent at a steady rate, and each is timed from its POST to its arrival.
At the same time, the same number of messages goes to one more endpoint. In the first run this
endpoint is quick; in the second it hangs: it accepts connections and never responds. So both runs
have the same load. The second run is measured from the moment when the endpoint that hangs gets its
first message, and its first seconds are also shown separately.

Unlike on AWS, all processes of a local cloud share one machine, so a container that starts during a
run would slow the others. Therefore messages are sent to hanging endpoints before each run, until
no further container is started. The rate is moderate: at twice the rate, two cores are too slow
(docs/benchmarks.md).

AWS dispatches ten batches concurrently (by default), but the emulator one after the other. So here
ten pollers replace the emulator's poller (`benchmarks/pollers.py`). `benchmarks/isolation_model.py`
makes the same comparison without the limits of one machine.

    python benchmarks/isolation.py [MESSAGES]
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pollers import polled
from benchmarks.sizes import APP, argument, sized
from homing_cli.client.api import ApiClient
from homing_cli.client.target import local_target
from homing_cli.local import local_cloud
from homing_cli.local.emulator import Emulator
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from homing_cli.client.target import Target

MESSAGES = sized(1000, 10)  # to the 20 endpoints, and as many to the one that is quick or hangs
DISPATCHERS = 10  # concurrent batches, the default of the stack's settings
PER_SECOND = 5.0  # to the 20 endpoints, and as many to the one that is quick or hangs
SENDERS = 4
WARM_UP = sized(100, 5)  # messages in one round
ROUNDS = sized(8, 1)  # the maximum number of rounds of warming up
FIRST_WAIT = "0.15"  # the default of the stack; the local cloud has a longer one
SLOW_THRESHOLD = "1"  # the default of the stack; the local cloud has a longer one
FIRST_SECONDS = sized(8.0, 1.0)  # of the run with the endpoint that hangs; shown separately


@dataclass(frozen=True, slots=True)
class Run:
    """One run: how long each message took from POST to arrival, in the order of the POSTs.

    Args:
        label: the name of the run in the table.
        seconds: the time that each message took.
        started: how many containers were started during the run.
    """

    label: str
    seconds: Sequence[float]
    started: int = 0

    def percentile(self, share: float) -> float:
        """Return the time within which this share of the messages arrived."""
        return statistics.quantiles(self.seconds, n=1000, method="inclusive")[
            round(share * 1000) - 1
        ]


@contextmanager
def hanging() -> Iterator[str]:
    """Yield the URL of an endpoint that accepts connections and never answers."""
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
    """Send one message and return its id."""
    message_id = f"m-{uuid.uuid4().hex}"
    policy = {"maxAttempts": attempts}
    body = {"messageId": message_id, "targetUrl": url, "payload": {}, "policy": policy}
    api.submit(json.dumps(body).encode())
    return message_id


def at_a_pace(send: Callable[[int], None], count: int) -> None:
    """Send `count` messages at a steady rate."""
    start = time.time()

    def send_at(number: int) -> None:
        time.sleep(max(0, start + number / PER_SECOND - time.time()))
        send(number)

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send_at, range(count)))


def measure(api: ApiClient, receiver: Receiver, count: int, label: str) -> Run:
    """Send to the 20 endpoints at a steady rate, and time each message from POST to arrival."""
    sent: dict[str, float] = {}

    def send(number: int) -> None:
        posted = time.time()
        sent[submit(api, f"{receiver.url}/endpoint-{number % 20}")] = posted

    at_a_pace(send, count)
    deadline = time.time() + 120
    while time.time() < deadline:
        arrived = {one.message_id: one.received_at.timestamp() for one in receiver.arrivals}
        if sent.keys() <= arrived.keys():
            break
        time.sleep(0.05)
    in_order = sorted(sent.items(), key=lambda item: item[1])
    return Run(label, [arrived[one] - posted for one, posted in in_order])


def processes(folder: Path) -> int:
    """Count the processes of a local cloud: the emulator's, and one for each container."""
    emulator = Emulator.find(folder)
    if emulator is None:
        raise RuntimeError("the local cloud has ended")
    listed = subprocess.run(["/bin/ps", "-A", "-o", "pgid="], capture_output=True, check=True)
    return listed.stdout.split().count(str(emulator.pid).encode())


def warm_up(api: ApiClient, receiver: Receiver, started: Callable[[], int]) -> None:
    """Send to hanging endpoints, a new one in each round, until no further container is started."""
    for _ in range(ROUNDS):
        before = started()
        with hanging() as hang:
            beside(api, hang, WARM_UP, partial(measure, api, receiver, WARM_UP, "warm-up"))
            time.sleep(FIRST_SECONDS)  # until the attempts of deferred messages have timed out
        if started() == before:
            return
    print(f"warm-up: containers are still started after {ROUNDS} rounds", flush=True)


def beside(api: ApiClient, url: str, count: int, measured: Callable[[], Run]) -> Run:
    """Call `measured` while sending `count` messages to `url`, each with only one attempt."""
    flood = threading.Thread(target=at_a_pace, args=(lambda _: submit(api, url, attempts=1), count))
    flood.start()
    run = measured()
    flood.join()
    return run


def set_slow_threshold(target: Target) -> None:
    """Set the slow threshold of `dispatch` to that of a stack with default settings."""
    functions = target.client("lambda")
    for one in functions.list_functions()["Functions"]:
        if one["Handler"] == "lambdas.dispatch.handler":
            variables = {
                **one["Environment"]["Variables"],
                "SLOW_THRESHOLD_SECONDS": SLOW_THRESHOLD,
                "FIRST_WAIT_SECONDS": FIRST_WAIT,
            }
            functions.update_function_configuration(
                FunctionName=one["FunctionName"], Environment={"Variables": variables}
            )


def runs(messages: int) -> Iterator[Run]:
    """Yield two runs: with additional messages to a quick endpoint, and to one that hangs."""
    with (
        tempfile.TemporaryDirectory() as folder,
        local_cloud.throwaway(Path(folder), app=APP, steady=True),
        Receiver() as receiver,
        Receiver() as well,
        hanging() as hang,
    ):
        target = local_target(Path(folder) / local_cloud.RECORD)
        set_slow_threshold(target)
        api = ApiClient(target)
        count = partial(processes, Path(folder))
        with polled(target, DISPATCHERS):
            for label, url in (("without", f"{well.url}/well"), ("with", hang)):
                warm_up(api, receiver, count)
                before = count()
                run = beside(api, url, messages, partial(measure, api, receiver, messages, label))
                yield replace(run, started=count() - before)


def row(label: str, run: Run) -> str:
    """Return one row of the table."""
    figures = [run.percentile(share) for share in (0.5, 0.9, 0.99)]
    cells = "".join(f"{figure:>8.3f}" for figure in (*figures, max(run.seconds)))
    return f"{label:<22}{len(run.seconds):>9}{cells}"


def main() -> None:
    """Print the table, and the ratios of the times of the two runs."""
    messages = argument(MESSAGES)
    print(f"{PER_SECOND:g}/s for 20 endpoints and for one that is quick or hangs; seconds")
    print(f"{'':<22}{'messages':>9}{'p50':>8}{'p90':>8}{'p99':>8}{'worst':>8}")
    seen = {}
    for run in runs(messages):
        seen[run.label] = run
        print(row(run.label, run), flush=True)
    without, with_slow = seen["without"], seen["with"]
    first = round(FIRST_SECONDS * PER_SECOND)
    print(row(f"with, the first {FIRST_SECONDS:g} s", Run("first", with_slow.seconds[:first])))
    print(row("with, after that", Run("then", with_slow.seconds[first:])))
    for share in (0.5, 0.9, 0.99):
        ratio = with_slow.percentile(share) / without.percentile(share)
        print(f"p{share * 100:g} with / without: {ratio:.2f}")
    print(f"containers started: {without.started} without, {with_slow.started} with")
    later = sum(took > max(without.seconds) for took in with_slow.seconds)
    print(f"later than the latest without: {later} of {len(with_slow.seconds)}")


if __name__ == "__main__":
    main()

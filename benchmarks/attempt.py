"""Compare a full attempt in this process (Deliver, then Classify) with a bare keep-alive POST.

Each row of the table is one way of sending. All ways use the same minimal receiver, which runs in
its own process. The ways alternate, so that load on the machine slows all of them equally. The row
`deliver + classify` includes everything that the two handlers do, even their log event, which they
write to the null device.

    python benchmarks/attempt.py
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sizes import sized

TARGET_RATIO = 1.5
ROUNDS, WARM_UP = sized((3000, 300), (3, 1))

# Lambda's context, from which `deliver` reads the time that it has left.
UNHURRIED = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)

BODY = '{"total": 1.10}'
HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "Homing/0.1.0",
    "webhook-id": "order-1841",
    "webhook-timestamp": "1766923200",
    "X-Correlation-ID": "order-1841",
    "x-tenant": "acme",
}
ANSWER = (
    b"HTTP/1.1 200 OK\r\nDate: Sun, 28 Dec 2025 12:00:00 GMT\r\nServer: bench\r\n"
    b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
)
ENVIRONMENT = {
    "ATTEMPT_TIMEOUT_SECONDS": "10",
    "ADDRESS_GUARD": (
        '{"allowedPorts": [443], "allowHttp": false,'
        ' "allowedNetworks": ["127.0.0.0/8"], "refusedNetworks": [], "refusedHosts": []}'
    ),
    "LEDGER_TABLE": "ledger",
    "LINES_TABLE": "lines",
    "ENDPOINTS_TABLE": "endpoints",
    "SECRETS_TABLE": "secrets",
    "PAYLOAD_BUCKET": "payloads",
    "OWN_HOSTS": "abc123.execute-api.",
    "DISABLE_AFTER_HOURS": "120",
    "POWERTOOLS_SERVICE_NAME": "homing",
    "POWERTOOLS_METRICS_NAMESPACE": "Homing",
}


@dataclass(frozen=True, slots=True)
class Row:
    """The median time of one way of sending, and its ratio to the bare POST."""

    label: str
    microseconds: float
    ratio: float
    added: float


def run() -> list[Row]:
    """Measure all ways of sending; return a row for each, with the bare POST first."""
    with (
        receiver() as port,
        Path(os.devnull).open("w", encoding="utf-8") as sink,
        ExitStack() as stack,
    ):
        ways = {
            "bare http.client POST": bare(port, stack),
            "urllib3 POST": pooled(port, stack),
            "WebhookClient.send": sender(port, stack),
            "deliver + classify": handlers(port, sink),
        }
        times: dict[str, list[float]] = {label: [] for label in ways}
        for _ in range(WARM_UP + ROUNDS):
            for label, send in ways.items():
                started = time.perf_counter()
                send()
                times[label].append(time.perf_counter() - started)
    medians = {label: median(taken[WARM_UP:]) * 1e6 for label, taken in times.items()}
    base = next(iter(medians.values()))
    return [Row(label, taken, taken / base, taken - base) for label, taken in medians.items()]


def bare(port: int, stack: ExitStack) -> Callable[[], None]:
    """Return a function that sends the baseline: a bare POST with the standard library."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    stack.callback(connection.close)

    def send() -> None:
        connection.request("POST", "/hooks", BODY.encode(), HEADERS)
        connection.getresponse().read()

    return send


def pooled(port: int, stack: ExitStack) -> Callable[[], None]:
    """Return a function that sends a POST with urllib3, an alternative in docs/decisions/0001."""
    import urllib3  # noqa: PLC0415 - comes with botocore; no part of Homing needs it

    pool = urllib3.HTTPConnectionPool("127.0.0.1", port, timeout=10, retries=False)
    stack.callback(pool.close)

    def send() -> None:
        _ = pool.request("POST", "/hooks", body=BODY.encode(), headers=HEADERS).data

    return send


def sender(port: int, stack: ExitStack) -> Callable[[], None]:
    """Return a function that sends a POST with Homing's HTTP client, without a handler."""
    from homing.delivery import Reference, Request  # noqa: PLC0415 - as the handlers below
    from homing.sending.webhook_client import WebhookClient  # noqa: PLC0415 - as above

    sender = WebhookClient(attempt_timeout_seconds=10)
    stack.callback(sender.close)
    event = event_for(port)
    reference = Reference.from_document(event["reference"])
    request = Request.from_document(event["request"])

    def send() -> None:
        if sender.send(reference, request).http_status != http.HTTPStatus.OK:
            raise AssertionError("the receiver did not answer")

    return send


class EmptyTables:
    """A stand-in for a DynamoDB client, with empty tables: the sender has no secret.

    `deliver` caches that there is no secret, so only its first call reads the tables.
    """

    def get_item(self, **_: object) -> dict[str, Any]:
        """Return no item."""
        return {}


def handlers(port: int, sink: TextIO) -> Callable[[], None]:
    """Return a function that makes an attempt with two handlers in turn, as the workflow does."""
    os.environ.update(ENVIRONMENT)
    from homing.endpoints import registry_client  # noqa: PLC0415 - as the handlers
    from lambdas import classify, deliver, observation  # noqa: PLC0415 - as above

    registry_client.registry_client = EmptyTables
    observation.logger.registered_handler.setStream(sink)
    event = event_for(port)

    def send() -> None:
        outcome = deliver.handler(event, UNHURRIED)
        classify.handler({**event, "outcome": outcome}, None)

    return send


def event_for(port: int) -> dict[str, Any]:
    """Return the input of Deliver, which Classify gets too, with the outcome added."""
    from homing.retry.policy import Policy  # noqa: PLC0415 - as the handlers above

    return {
        "reference": {
            "messageId": "order-1841",
            "senderId": "default",
            "timestamp": "2025-12-28T12:00:00.000Z",
            "targetUrl": f"http://127.0.0.1:{port}/hooks",
            "correlationId": "order-1841",
            "createdAt": "2025-12-28T12:00:00.000Z",
        },
        "request": {
            "payload": BODY,
            "contentType": "application/json",
            "headers": {"x-tenant": "acme"},
        },
        "policy": Policy().to_document(),
        "attemptNumber": 0,
        "attempts": 1,
    }


@contextmanager
def receiver() -> Iterator[int]:
    """Run the receiver in its own process and yield its port."""
    command = [sys.executable, __file__, "--receive"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline())  # type: ignore[union-attr]  # it has a pipe
        finally:
            process.terminate()


def receive() -> None:
    """Answer every request with the same response, until this process is terminated."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            sock, _ = server.accept()
            threading.Thread(target=answer, args=(sock,), daemon=True).start()


def answer(sock: socket.socket) -> None:
    """Answer the requests on one connection. Each request arrives in at most two packets."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    while data := sock.recv(65_536):
        request += data
        if request.endswith(BODY.encode()):
            request = b""
            sock.sendall(ANSWER)


def main() -> None:
    """Print the table."""
    rows = run()
    print(f"{'one attempt, in process':<28}{'microseconds':>14}{'ratio':>8}{'added':>8}")
    for row in rows:
        print(f"{row.label:<28}{row.microseconds:>14.1f}{row.ratio:>8.2f}{row.added:>+8.1f}")
    print(f"{'target of the last line':<28}{'':>14}{TARGET_RATIO:>8.2f}")


if __name__ == "__main__":
    receive() if "--receive" in sys.argv else main()

"""Measure the memory and processor time of each function, to choose its memory size.

The real handlers run in new processes, with the environment of the deployed function, against a
local cloud of their own. They use boto3's clients, TLS with all the usual authorities, and payloads
of the largest size. Memory is the highest resident set. Processor time is that of the import, of
the first call, which makes the clients, and of a warm call. Lambda's own runtime is not included.

    python benchmarks/memory.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.endpoints import certified, served
from homing.delivery import Delivery, Reference, Request
from homing.payloads.reference import reference_for
from homing.payloads.store import PayloadStore
from homing.reception.payload import MAX_INLINE_BYTES, MAX_PAYLOAD_BYTES
from homing.retry.policy import Policy
from homing.timestamps import to_due_text, to_text
from homing_cli.client.target import Target, local_target
from homing_cli.local import local_cloud
from homing_cli.local.emulator import account_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    Event = dict[str, Any]

PROJECT = Path(__file__).resolve().parents[1]
WARM = 50
SMALL = 1024
_CHILD = """
import importlib, json, pathlib, re, sys, time
name, events = json.load(sys.stdin)
class Context:
    function_name = name
    memory_limit_in_mb = 512
    invoked_function_arn = aws_request_id = "bench"
    def get_remaining_time_in_millis(self): return 60_000
times = [time.process_time()]
handler = importlib.import_module(f"lambdas.{name}").handler
times.append(time.process_time())
for number, event in enumerate(events):
    answer = handler(event, Context())
    if number == 0:
        times.append(time.process_time())
times.append(time.process_time())
status = pathlib.Path("/proc/self/status").read_text()
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])  # not getrusage: that counts the parent
print("\\n" + json.dumps([peak, times, answer]))
"""


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one function: memory in MB, processor time in milliseconds.

    `warm` is None where the function was called once.
    """

    what: str
    peak_mb: float
    importing: float
    first: float
    warm: float | None


@dataclass(frozen=True, slots=True)
class Bench:
    """Handlers that run in new processes.

    Args:
        target: the local cloud.
        plain: an endpoint without TLS, as a URL.
        secure: an endpoint with TLS that closes each connection, as a URL.
        authorities: a file with the certificates that are trusted.
    """

    target: Target
    plain: str
    secure: str
    authorities: Path

    def row(self, what: str, name: str, events: list[Event]) -> Row:
        """Call a handler with these events, one after the other, and return its figures."""
        done = subprocess.run(
            [sys.executable, "-c", _CHILD],
            input=json.dumps([name, events]),
            env=self._environment(name),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        peak, (start, imported, first, last), answer = json.loads(done.stdout.splitlines()[-1])
        _check(what, answer)
        warm = (last - first) * 1000 / (len(events) - 1) if len(events) > 1 else None
        return Row(what, peak / 1024, (imported - start) * 1000, (first - imported) * 1000, warm)

    def _environment(self, name: str) -> dict[str, str]:
        key = self.target.key
        assert key is not None  # noqa: S101 -- it is a local cloud
        function = next(
            one
            for one in self.target.client("lambda").list_functions()["Functions"]
            if one["Handler"] == f"lambdas.{name}.handler"
        )
        return {
            **{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
            **account_settings(key),
            **function["Environment"]["Variables"],
            "AWS_ENDPOINT_URL": self.target.endpoint or "",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "SSL_CERT_FILE": str(self.authorities),
            "PYTHONPATH": str(PROJECT),
        }

    def delivery(self, url: str, payload: str, *, claimed: bool = False) -> Event:
        """Return a delivery document; with `claimed`, its payload is in the bucket."""
        now = datetime.now(UTC)
        reference = Reference(
            f"m-{uuid.uuid4().hex}", "default", to_text(now), url, "t", to_text(now)
        )
        request = Request(payload, "application/json", {})
        if claimed:
            body = payload.encode()
            claim = reference_for(reference.pk, body, timedelta(days=1))
            bucket = self._environment("deliver")["PAYLOAD_BUCKET"]
            PayloadStore(bucket, lambda: self.target.client("s3")).keep(claim, body)
            request = Request("", "application/json", {}, claim)
        due = now.replace(microsecond=0)
        delivery = Delivery(
            reference, request, Policy(), 0, to_due_text(due), int(now.timestamp()) + 9
        )
        return delivery.to_document()


def rows(bench: Bench) -> Iterator[Row]:
    """Measure all functions that handle a message, and yield their rows."""
    large = "x" * (MAX_PAYLOAD_BYTES - 100)
    # With one such character, Python stores every character of the string in 4 bytes.
    worst = "\N{GRINNING FACE}" + large[:-10]
    inline = "x" * (MAX_INLINE_BYTES - 1000)
    many = range(WARM + 1)

    yield bench.row("accept, 1 KB", "accept", [_post(bench.plain, "x" * SMALL) for _ in many])
    yield bench.row("accept, 6 MB", "accept", [_post(bench.plain, large[:-1000])])
    batch = [bench.delivery(bench.plain, "x" * SMALL) for _ in range(10 * (WARM + 1))]
    batches = [_batch(batch[first : first + 10]) for first in range(0, len(batch), 10)]
    yield bench.row("dispatch, 10 of 1 KB", "dispatch", batches)
    full = [bench.delivery(bench.plain, inline) for _ in range(10)]
    yield bench.row("dispatch, 10 of 200 KB", "dispatch", [_batch(full)])
    warm = [_attempt(bench.delivery(bench.plain, "x" * SMALL)) for _ in many]
    yield bench.row("deliver, 1 KB, kept connection", "deliver", warm)
    fresh = [_attempt(bench.delivery(bench.secure, "x" * SMALL)) for _ in many]
    yield bench.row("deliver, 1 KB, TLS anew each time", "deliver", fresh)
    claimed = [_attempt(bench.delivery(bench.secure, large, claimed=True)) for _ in range(3)]
    yield bench.row("deliver, 6 MB from the bucket, TLS", "deliver", claimed)
    wide = [_attempt(bench.delivery(bench.secure, worst, claimed=True)) for _ in range(3)]
    yield bench.row("deliver, 6 MB with one wide character", "deliver", wide)
    yield from _judged(bench, [bench.delivery(bench.plain, "x" * SMALL) for _ in many])


def _judged(bench: Bench, documents: list[Event]) -> Iterator[Row]:
    outcome = {"kind": "ATTEMPTED", "timestamp": to_text(datetime.now(UTC)), "httpStatus": 503}
    outcome |= {"responseTime": 12, "retryAfter": None, "responseBody": "x" * 4096, "error": None}
    verdict = {"decision": "RETRY", "category": "SERVER_ERROR", "reason": "HTTP 503"}
    verdict |= {"status": "RETRY_SCHEDULED"}
    backoff = {"exponentialDelay": 1, "jitterApplied": 0.25, "retryAfterSeconds": None}
    backoff |= {"retryDelaySeconds": 1, "nextRetryAt": outcome["timestamp"]}
    backoff["next"] = {"expiresAt": int(datetime.now(UTC).timestamp()) + 9}
    good = [document | {"outcome": outcome | {"httpStatus": 200}} for document in documents]
    failed = [document | {"outcome": outcome, "verdict": verdict} for document in documents]
    yield bench.row("classify", "classify", good)
    yield bench.row("compute_backoff", "compute_backoff", failed)
    recorded = [document | {"backoff": backoff} for document in failed]
    yield bench.row("record_retry", "record_retry", recorded)


def _check(what: str, answer: Any) -> None:
    """Stop the benchmark if a handler did not do what is measured."""
    bad = (
        answer.get("error") or answer.get("batchItemFailures") or answer.get("kind") == "SUPERSEDED"
    )
    if bad or answer.get("statusCode", 202) != 202:  # noqa: PLR2004 -- accepted
        raise SystemExit(f"{what}: {answer}")


def _post(url: str, payload: str) -> Event:
    body = {"messageId": f"m-{uuid.uuid4().hex}", "targetUrl": url, "payload": payload}
    http = {"method": "POST", "path": "/v1/messages", "sourceIp": "127.0.0.1"}
    return {
        "version": "2.0",
        "rawPath": "/v1/messages",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": http, "stage": "$default"},
        "body": json.dumps(body),
    }


def _batch(documents: list[Event]) -> Event:
    return {"Records": [_record(document) for document in documents]}


def _record(document: Event) -> Event:
    name = uuid.uuid4().hex
    attributes = {"ApproximateReceiveCount": "1", "MessageGroupId": name}
    return {"messageId": name, "body": json.dumps(document), "attributes": attributes}


def _attempt(document: Event) -> Event:
    return {name: document[name] for name in ("reference", "request", "attemptNumber")}


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name, local_cloud.throwaway(Path(name)):
        context, authorities = certified(Path(name))
        wrap = partial(context.wrap_socket, server_side=True)
        with served() as plain, served(wrap) as secure:
            bench = Bench(
                local_target(Path(name) / local_cloud.RECORD),
                f"http://127.0.0.1:{plain}/",
                f"https://127.0.0.1:{secure}/",
                authorities,
            )
            print(f"{'':<36}{'peak MB':>9}{'import ms':>11}{'first ms':>10}{'warm ms':>9}")
            for row in rows(bench):
                warm = "" if row.warm is None else f"{row.warm:.1f}"
                times = f"{row.importing:>11.0f}{row.first:>10.0f}{warm:>9}"
                print(f"{row.what:<36}{row.peak_mb:>9.0f}{times}", flush=True)


if __name__ == "__main__":
    main()

"""Measure the memory that `accept` takes for requests built to use as much of it as possible.

The real `accept` handles each request in a separate, forked process, with faked responses from AWS.
Memory is the highest resident set, including the event. It must stay under half of the function's
memory size, since Lambda's own runtime needs memory too, and later releases may need more.

    python benchmarks/worst_requests.py
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sizes import sized
from homing.reception.raw_json import MAX_VALUES
from homing.retry.policy import Policy
from homing.targets.address_guard import AddressGuard
from homing.targets.target_url import MAX_URL_LENGTH
from homing_cli.cost.assumptions import load_assumptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

PROJECT = Path(__file__).resolve().parents[1]
LIMIT_MB = load_assumptions().functions["Accept"].memory_mb // 2

# The largest body that fits into an event of 6 MiB: as text without quotes, and in base64.
AS_TEXT, AS_BASE64 = 5_990_000, 4_490_000

_TO = '"targetUrl": "https://example.com/hooks"'
_CHILD = """
import json, os, re, sys
import botocore.client
botocore.client.BaseClient._make_api_call = lambda *_: {"Successful": []}
from lambdas import accept
accept._acceptance()
for line in sys.stdin:
    name = line.strip()
    if os.fork() == 0:
        path = sys.argv[1]
        with open(path) as file:
            answer = accept.handler(json.load(file), None)
        status = open("/proc/self/status").read()
        peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])
        print(json.dumps([answer["statusCode"], peak]), file=sys.stderr, flush=True)
        os._exit(0)
    os.wait()
"""


def _message(payload: str = "1", **fields: str) -> str:
    more = "".join(f', "{name}": {value}' for name, value in fields.items())
    return f'{{{_TO}, "payload": {payload}{more}}}'


def _batch(messages: list[str]) -> str:
    return f'{{"messages": [{",".join(messages)}]}}'


def _to_targets(number: int) -> str:
    """Return a message to ten URLs of maximum length, with a payload that still fits the queue."""
    urls = (f"https://example.com/{number}/{each}/" for each in range(10))
    targets = json.dumps([url.ljust(MAX_URL_LENGTH, "x") for url in urls])
    return f'{{"targets": {targets}, "payload": "{"a" * 45_000}"}}'


def _array(unit: str, size: int, before: str = "", limit: int = MAX_VALUES - 100) -> str:
    """Return an array that repeats a value as often as its size and number of values may be."""
    values = 1 + sum(map(unit.count, ",[{"))
    number = min(size // (len(unit) + 1), limit // values)
    return f"[{before}{','.join([unit] * number)}]"


def _object(member: str, size: int = AS_BASE64) -> str:
    """Return an object with numbered members, as many as `size` allows."""
    number = size // (len(member % 0) + 1)
    return f"{{{','.join(member % each for each in range(number))}}}"


_DEEP = "[" * 400 + "]" * 400
REQUESTS: Mapping[str, tuple[int, Callable[[], str]]] = {
    # for each request, by its name: the expected status, and a function that creates its body
    "a small message": (202, lambda: _message("1")),
    "headers with invalid names": (400, lambda: _message(headers=_object('" %06x":""'))),
    "unknown fields": (400, lambda: _object('"%06x":0')),
    "unknown fields of a policy": (400, lambda: _message(policy=_object('"%06x":0'))),
    "targets": (400, lambda: _message(targets=_array('"a"', AS_BASE64))),
    "a schedule": (400, lambda: _message(policy=f'{{"schedule": {_array("1", AS_TEXT)}}}')),
    "one name, many times": (400, lambda: _object('"a":%d')),
    "more values than allowed": (400, lambda: _message(f"[{'[],' * 1_900_000}[]]")),
    "an unterminated string of escaped quotes": (400, lambda: '{"a": "' + '\\"' * (AS_BASE64 // 2)),
    "empty arrays": (202, lambda: _message(_array("[]", AS_TEXT))),
    "arrays in arrays": (202, lambda: _message(_array(_DEEP, AS_TEXT))),
    "the same beside 4 MB of text that takes four bytes a character": (
        202,
        lambda: _message(_array(_DEEP, AS_TEXT, before=f'"\U0001f600{"a" * 3_900_000}",')),
    ),
    "empty objects": (202, lambda: _message(_array("{}", AS_TEXT))),
    "objects of one name each": (202, lambda: _message(_array('{"a":0}', AS_BASE64))),
    "an object of many names": (202, lambda: _message(_object('"%06x":0'))),
    "numbers": (202, lambda: _message(_array("12", AS_TEXT))),
    "text that takes four bytes a character": (
        202,
        lambda: _message(f'"\U0001f600{"a" * (AS_TEXT - 100)}"'),
    ),
    "a batch of more messages than allowed": (400, lambda: _batch(["1"] * 900_000)),
    "a batch of empty arrays": (
        200,
        lambda: _batch([_message(_array("[]", AS_TEXT // 110, limit=9_000))] * 100),
    ),
    "a batch of text that takes four bytes a character": (
        200,
        lambda: _batch([_message(f'"\U0001f600{"a" * (AS_TEXT // 101 - 100)}"')] * 100),
    ),
    "a batch of messages with unknown fields": (
        200,
        lambda: _batch([_message(policy=_object('"%06x":0', 40_000))] * 100),
    ),
    "a batch of messages to ten targets each": (
        200,
        lambda: _batch([_to_targets(each) for each in range(100)]),
    ),
}


def event_of(body: str) -> dict[str, object]:
    """Return the event with a body: as text or, if the escaped text is too long, in base64."""
    as_text = json.dumps(body, ensure_ascii=False)
    encoded = len(as_text.encode()) > 6 * 1024 * 1024
    path = "/v1/messages/batch" if body.startswith('{"messages"') else "/v1/messages"
    http = {"method": "POST", "path": path}
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": "application/octet-stream" if encoded else "application/json"},
        "requestContext": {"http": http, "stage": "$default"},
        "body": base64.b64encode(body.encode()).decode() if encoded else body,
        "isBase64Encoded": encoded,
    }


def measure(names: Iterable[str], folder: Path) -> Iterator[tuple[str, int, float]]:
    """Yield each request's name, the response status, and the memory that `accept` takes in MB."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "POWERTOOLS_SERVICE_NAME": "homing",
        "POWERTOOLS_METRICS_NAMESPACE": "Homing",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
        **dict.fromkeys(
            (
                *("MESSAGES_TABLE", "LEDGER_TABLE", "ENDPOINTS_TABLE"),
                *("LINES_TABLE", "PLACES_TABLE"),
            ),
            "table",
        ),
        "DELIVERY_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/1/queue",
        "BULK_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/1/bulk",
        "PAYLOAD_BUCKET": "bucket",
        "OWN_HOSTS": "",
        "RETENTION_DAYS": "30",
        "SENDER_RATE_PER_SECOND": "0",
        "SENDER_BACKLOG": "0",
        "WARM_UP_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:warm-up",
        "DEFAULT_POLICY": json.dumps(Policy().to_document()),
        "ADDRESS_GUARD": json.dumps(AddressGuard().to_document()),
    }
    path = folder / "event.json"
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin  # noqa: S101 -- for mypy
        assert child.stderr  # noqa: S101 -- as above
        for name in names:
            path.write_text(json.dumps(event_of(REQUESTS[name][1]()), ensure_ascii=False))
            child.stdin.write(f"{name}\n")
            child.stdin.flush()
            status, peak = json.loads(child.stderr.readline())
            yield name, status, peak / 1024


if __name__ == "__main__":
    import tempfile

    print("| a request that holds | status | MB |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for row, answered, megabytes in measure(sized([*REQUESTS], [*REQUESTS][:1]), Path(scratch)):
            print(f"| {row} | {answered} | {megabytes:.0f} |", flush=True)

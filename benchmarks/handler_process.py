"""Call one handler repeatedly in this process, and print its memory and times as JSON.

`benchmarks.handlers` starts this process with the environment variables of the deployed function.
The input is `{"name", "events", "bare", "fronts"}`. If `bare` is the name of a table, each call of
the handler is followed by one bare boto3 call (GetItem, default settings of boto3), so that load on
the machine slows both equally. `fronts` maps ports to the ports to which connections go instead.
"""

from __future__ import annotations

import importlib
import json
import re
import socket
import sys
import time
from pathlib import Path
from typing import Any


class Context:
    """Lambda's context in an invocation that has a minute left."""

    memory_limit_in_mb = 512
    invoked_function_arn = aws_request_id = "bench"

    def __init__(self, name: str) -> None:
        self.function_name = name

    def get_remaining_time_in_millis(self) -> int:
        """Return a minute in milliseconds."""
        return 60_000


def bare_call(table: str) -> Any:
    """Return a function that gets an item that does not exist, which takes DynamoDB little time."""
    import boto3  # noqa: PLC0415 -- only where it is measured

    client = boto3.client("dynamodb")
    key = {"pk": {"S": "none"}, "sk": {"S": "none"}}
    return lambda: client.get_item(TableName=table, Key=key, ConsistentRead=True)


def counted() -> list[str]:
    """Return a list to which each later request of botocore appends an entry."""
    requests: list[str] = []
    if "urllib3" not in sys.modules:  # no AWS clients: importing urllib3 would add memory
        return requests
    from urllib3 import HTTPConnectionPool  # noqa: PLC0415 -- only where the handler has loaded it

    make = HTTPConnectionPool.urlopen

    def make_and_count(pool: Any, method: str, *more: Any, **named: Any) -> Any:
        requests.append(method)
        return make(pool, method, *more, **named)

    HTTPConnectionPool.urlopen = make_and_count  # type: ignore[method-assign]  # counts, then calls it
    return requests


def redirect(fronts: dict[str, int]) -> None:
    """Redirect connections to a port that is a key of `fronts` to the port that is its value.

    The URLs stay the same, since a local cloud refuses requests with another host.
    """
    look_up = socket.getaddrinfo

    def redirected(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        return look_up(host, fronts.get(str(port), port), *more, **named)

    socket.getaddrinfo = redirected


def main() -> None:
    """Make the calls; print the peak memory in kB, and processor times in seconds."""
    given = json.load(sys.stdin)
    redirect(given["fronts"])
    start = time.process_time()
    handler = importlib.import_module(f"lambdas.{given['name']}").handler
    imported = time.process_time()
    bare = bare_call(given["bare"]) if given["bare"] else None
    calls, bares, requests, answer = [], [], [], None
    made = counted()
    for event in given["events"]:
        made.clear()
        before = time.process_time()
        answer = handler(event, Context(given["name"]))
        calls.append(time.process_time() - before)
        requests.append(len(made))
        if bare:
            before = time.process_time()
            bare()
            bares.append(time.process_time() - before)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    # getrusage would include the parent process.
    peak = int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])
    figures = {"peak": peak, "importing": imported - start, "calls": calls, "bares": bares}
    print("\n" + json.dumps(figures | {"requests": requests, "answer": answer}))


if __name__ == "__main__":
    main()

"""Measure how fast messages arrive if all have the same `orderingKey`, and if each has its own.

All messages are accepted in one request. Those with the same key are delivered one after the other.
The receiver responds immediately, so the time between two arrivals is the time from the end of one
delivery to the start of the next.

    python benchmarks/one_key.py [MESSAGES]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sizes import APP, argument, sized
from homing_cli.client.api import ApiClient
from homing_cli.client.target import Target, local_target
from homing_cli.local import local_cloud
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES = sized(60, 4)
SECONDS = 120  # the time in which all messages must have arrived


@dataclass(frozen=True, slots=True)
class Row:
    """How long the messages took, and the median time between two consecutive arrivals."""

    label: str
    messages: int
    seconds: float
    between: float


def runs(messages: int) -> Iterator[Row]:
    """Send messages to a local cloud twice: first all with one key, then each with its own key."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / ".homing"
        with local_cloud.throwaway(state, app=APP, steady=True), Receiver() as receiver:
            target = local_target(state / local_cloud.RECORD)
            _send(target, receiver, 4, keys=1)  # starts the first functions
            for label, keys in (("one key", 1), ("a key for each", messages)):
                yield _row(label, _send(target, receiver, messages, keys=keys))


def _send(target: Target, receiver: Receiver, messages: int, *, keys: int) -> list[float]:
    """Send new messages in one request; return the seconds from the request to each arrival."""
    run = uuid.uuid4().hex
    bodies = [
        json.dumps(
            {
                "messageId": f"{run}-{number}",
                "targetUrl": f"{receiver.url}/hooks",
                "orderingKey": f"{run}-{number % keys}",
                "payload": {"number": number},
            }
        ).encode()
        for number in range(messages)
    ]
    start, begun = time.time(), time.monotonic()
    ApiClient(target).submit_all(bodies)
    while time.monotonic() < begun + SECONDS:
        arrived = [each for each in receiver.arrivals if (each.message_id or "").startswith(run)]
        if len(arrived) >= messages:
            return sorted(each.received_at.timestamp() - start for each in arrived)
        time.sleep(0.05)
    raise RuntimeError(f"{len(arrived)} of {messages} messages arrived within {SECONDS} s")


def _row(label: str, arrived: list[float]) -> Row:
    between = [later - earlier for earlier, later in pairwise(arrived)]
    return Row(label, len(arrived), arrived[-1] - arrived[0], median(between))


def main() -> None:
    """Print the table."""
    messages = argument(MESSAGES)
    print(f"{messages} messages, accepted in one request on the local cloud")
    print(f"{'':<16}{'seconds':>9}{'per second':>12}{'ms between two':>16}", flush=True)
    for row in runs(messages):
        per_second, between = (row.messages - 1) / row.seconds, row.between * 1000
        print(f"{row.label:<16}{row.seconds:>9.1f}{per_second:>12.1f}{between:>16.0f}", flush=True)


if __name__ == "__main__":
    main()

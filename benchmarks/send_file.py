"""Measure `homing send --file` on the local cloud: in batches, and one line per request.

The command sends a file in batches of 100 lines, and lines from a pipe one by one; in both cases
with eight concurrent requests. Dispatching is paused, so that deliveries take no processor time. At
the end the queues must contain a message for each line.

    python benchmarks/send_file.py [LINES]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pollers import paused
from benchmarks.sizes import APP, argument, sized
from homing_cli.client.target import Target, local_target
from homing_cli.local import local_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = sized(10_000, 20)
HOMING = Path(sys.executable).with_name("homing")
WAYS = ("one by one", "in batches")
PAYLOAD = {"data": "x" * 1013}  # 1,024 bytes as JSON


@dataclass(frozen=True, slots=True)
class Row:
    """One run of the command: how long it took, and how many messages it put on the queues."""

    label: str
    lines: int
    queued: int
    seconds: float


def runs(lines: int) -> Iterator[Row]:
    """Send the same number of lines in each of the two ways to the same local cloud."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / ".homing"
        with local_cloud.throwaway(state, app=APP, steady=True):
            target = local_target(state / local_cloud.RECORD)
            with paused(target):
                _send(Path(folder), 20, is_piped=False)  # starts the first functions
                for label in WAYS:
                    before = _queued(target)
                    seconds = _send(Path(folder), lines, is_piped=label == WAYS[0])
                    yield Row(label, lines, _queued(target) - before, seconds)


def _send(folder: Path, lines: int, *, is_piped: bool) -> float:
    """Send new messages, and return how many seconds the command took."""
    text = "".join(f"{_line()}\n" for _ in range(lines)).encode()
    file = folder / "messages.jsonl"
    file.write_bytes(text)
    command = [HOMING, "send", "--json", "--file", "-" if is_piped else file]
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, input=text if is_piped else b"", stdout=subprocess.PIPE, check=True
    )
    seconds = time.perf_counter() - start
    accepted = len(json.loads(done.stdout)["accepted"])
    if accepted != lines:
        raise RuntimeError(f"{accepted} of {lines} lines were accepted")
    return seconds


def _line() -> str:
    message = {"messageId": f"m-{uuid.uuid4().hex}", "targetUrl": "http://127.0.0.1:9/hooks"}
    return json.dumps({**message, "payload": PAYLOAD})


def _queued(target: Target) -> int:
    """Return how many messages are on the delivery queue and the bulk queue."""
    sqs, name = target.client("sqs"), "ApproximateNumberOfMessages"
    urls = [target.outputs[each] for each in ("DeliveryQueueUrl", "BulkQueueUrl")]
    found = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name]) for url in urls]
    return sum(int(each["Attributes"][name]) for each in found)


def main() -> None:
    """Print the table and the ratio."""
    lines = argument(LINES)
    print(f"homing send --file, {lines:,} lines of 1 KB on the local cloud")
    print(f"{'':<20}{'queued':>8}{'seconds':>10}{'per second':>12}", flush=True)
    seconds: dict[str, float] = {}
    for row in runs(lines):
        per_second = row.lines / row.seconds
        print(f"{row.label:<20}{row.queued:>8}{row.seconds:>10.1f}{per_second:>12.1f}", flush=True)
        seconds[row.label] = row.seconds
    before, now = (seconds[label] for label in WAYS)
    print(f"{WAYS[0]} / {WAYS[1]}: {before / now:.1f}")


if __name__ == "__main__":
    main()

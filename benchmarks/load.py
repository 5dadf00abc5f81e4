"""Send thousands of messages of mixed scenarios through the local cloud and check each of them.

A fifth of the messages go to targets that fail in some way: they are busy once or twice, are gone,
fail permanently, or drop the connection. Every message must have the expected status and one record
in the ledger, and a delivered one must have reached the receiver at least once. Duplicate requests
are counted but are no error, because delivery is at least once.

    python benchmarks/load.py [MESSAGES]
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.sizes import APP, argument, sized
from homing.items import from_dynamodb
from homing_cli.client.api import ApiClient
from homing_cli.client.target import local_target
from homing_cli.local import local_cloud
from homing_cli.local.emulator import Emulator
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homing_cli.client.target import Target

MESSAGES = sized(5000, 30)
SENDERS = 6  # concurrent submissions; the emulator starts a process for each concurrent call
PORTION = 100  # messages that are sent before the ledger is read again
UNDER_WAY = 300  # further messages are sent only when at most this many have not ended
SEED = 5
GIVE_UP_SECONDS = 1800
MEMORY_LIMIT_MB = 4096  # the limit for the emulator and all its workers
ENDED = frozenset({"DELIVERED", "FAILED", "MAX_RETRIES_EXCEEDED"})


@dataclass(frozen=True, slots=True)
class Scenario:
    """The behaviour of an endpoint, and the expected status and attempts of a message to it."""

    script: str
    status: str
    attempts: int
    share: float

    @property
    def possible(self) -> range:
        """The possible numbers of attempts.

        If a reused connection is dropped, the client sends the request again in the same attempt.
        """
        return range(self.attempts - self.script.count("drop"), self.attempts + 1)


SCENARIOS = (
    Scenario("200", "DELIVERED", 1, 0.80),
    Scenario("503,200", "DELIVERED", 2, 0.06),
    Scenario("503,500,200", "DELIVERED", 3, 0.03),
    Scenario("drop,200", "DELIVERED", 2, 0.03),
    Scenario("429,200", "DELIVERED", 2, 0.02),
    Scenario("410", "FAILED", 1, 0.02),
    Scenario("404", "FAILED", 1, 0.02),
    Scenario("500", "MAX_RETRIES_EXCEEDED", 3, 0.02),
)


def draw(count: int) -> list[tuple[str, Scenario]]:
    """Return an id and a scenario for every message; the scenarios depend only on the count."""
    chance = random.Random(SEED)  # noqa: S311 -- a repeatable mixture
    scenarios = chance.choices(SCENARIOS, [scenario.share for scenario in SCENARIOS], k=count)
    run = uuid.uuid4().hex[:8]
    return [(f"load-{run}-{number}", scenario) for number, scenario in enumerate(scenarios)]


def hand_over(api: ApiClient, receiver: Receiver, message_id: str, scenario: Scenario) -> None:
    """Send one message to a target that behaves as in the scenario."""
    body = {
        "messageId": message_id,
        "targetUrl": f"{receiver.url}/script/{scenario.script}",
        "payload": {"message": message_id},
    }
    api.submit(json.dumps(body).encode())


def ledger(target: Target) -> Iterator[dict[str, Any]]:
    """Read the whole ledger."""
    pages = target.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=target.outputs["LedgerTable"]):
        yield from map(from_dynamodb, page["Items"])


def dead_letters(target: Target) -> Counter[str]:
    """Count the dead letters of each message and remove them from the queue."""
    client, queue = target.client("sqs"), target.outputs["DeadLetterQueueUrl"]
    found: Counter[str] = Counter()
    while messages := client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get(
        "Messages"
    ):
        for message in messages:
            found[json.loads(message["Body"])["reference"]["messageId"]] += 1
            client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def resident_mb(state_dir: Path) -> float:
    """Return the resident memory of the emulator and all its descendants, in MB."""
    running = Emulator.find(state_dir)
    if running is None:
        return 0
    emulator = psutil.Process(running.pid)
    return sum(map(_resident_mb, [emulator, *emulator.children(recursive=True)]))


def _resident_mb(process: psutil.Process) -> float:
    try:
        return process.memory_info().rss / 1024**2
    except psutil.NoSuchProcess:  # it has ended meanwhile
        return 0


def own_mb() -> float:
    """Return the highest resident memory of this process, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB


def doubles(records: list[dict[str, Any]], arrivals: Counter[str]) -> int:
    """Return by how much the requests that arrived outnumber the recorded attempts."""
    return sum(max(arrivals[one["messageId"]] - one["attempts"], 0) for one in records)


def complaints(
    sent: list[tuple[str, Scenario]],
    records: list[dict[str, Any]],
    arrivals: Counter[str],
    dead_lettered: Counter[str],
) -> Iterator[str]:
    """Yield an error text for every message whose delivery is not as expected."""
    kept = Counter(record["messageId"] for record in records)
    found = {record["messageId"]: record for record in records}
    for message_id, scenario in sent:
        if kept[message_id] != 1:
            yield f"{message_id}: {kept[message_id]} records"
            continue
        record = found[message_id]
        numbers = [entry["attemptNumber"] for entry in record["retryHistory"]]
        if record["status"] != scenario.status or record["attempts"] not in scenario.possible:
            yield f"{message_id} {scenario.script}: {record['status']} after {record['attempts']}"
        if numbers != list(range(record["attempts"])):
            yield f"{message_id}: attempts {numbers} in the history"
        if arrivals[message_id] < min(scenario.possible):
            yield f"{message_id}: {arrivals[message_id]} requests of {scenario.attempts}"
        if bool(dead_lettered[message_id]) != (scenario.status != "DELIVERED"):
            yield f"{message_id} {scenario.status}: {dead_lettered[message_id]} dead letters"
    for message_id in kept.keys() - {one for one, _ in sent}:
        yield f"{message_id}: in the ledger, but was not sent"


@dataclass(slots=True)
class Load:
    """The messages of one run, sent in groups so that the machine is not overloaded.

    Args:
        sent: each message's id and scenario.
        target: the cloud.
        receiver: all endpoints.
        folder: where the emulator keeps its state.
        memory_mb: the highest memory of the emulator and all its workers so far.
    """

    sent: list[tuple[str, Scenario]]
    target: Target
    receiver: Receiver
    folder: Path
    memory_mb: float = 0

    def send(self, progress: Progress) -> float:
        """Send all messages and wait until all have ended; return how many seconds this took."""
        total, start, api = len(self.sent), time.monotonic(), ApiClient(self.target)
        handed = progress.add_task("sent", total=total)
        finished = progress.add_task("ended", total=total)
        with ThreadPoolExecutor(SENDERS) as pool:
            for at in range(0, total, PORTION):
                portion = self.sent[at : at + PORTION]
                for _ in pool.map(lambda one: hand_over(api, self.receiver, *one), portion):
                    progress.advance(handed)
                is_last = at + PORTION >= total
                enough = at + len(portion) - (0 if is_last else UNDER_WAY)
                while (done := self._ended()) < enough:
                    progress.update(finished, completed=done)
                    if time.monotonic() - start > GIVE_UP_SECONDS:
                        return time.monotonic() - start
                    time.sleep(1)
                progress.update(finished, completed=done)
        return time.monotonic() - start

    def _ended(self) -> int:
        self.memory_mb = max(self.memory_mb, resident_mb(self.folder))
        return sum(record["status"] in ENDED for record in ledger(self.target))


def run(messages: int, console: Console) -> bool:
    """Send all messages, check and print the results; return whether all are as expected."""
    sent = draw(messages)
    with (
        tempfile.TemporaryDirectory() as folder,
        local_cloud.throwaway(Path(folder), app=APP),
        Receiver() as receiver,
        _progress(console) as progress,
    ):
        target = local_target(Path(folder) / local_cloud.RECORD)
        load, before = Load(sent, target, receiver, Path(folder)), resident_mb(Path(folder))
        seconds = load.send(progress)
        time.sleep(3)  # a failure is recorded a moment before its dead letter is sent
        records = list(ledger(target))
        arrivals = Counter(one.message_id for one in receiver.arrivals if one.message_id)
        dead_lettered = dead_letters(target)
    wrong = list(complaints(sent, records, arrivals, dead_lettered))
    expected = sum(scenario.attempts for _, scenario in sent)
    statuses = Counter(record["status"] for record in records)
    failing = sum(scenario.script != "200" for _, scenario in sent)
    console.print(f"{messages} messages, {failing} to targets that fail in some way")
    console.print(f"ended: {dict(statuses)}; in the ledger: {len(records)}")
    console.print(
        f"requests: {sum(arrivals.values())}, {expected} expected, "
        f"{doubles(records, arrivals)} more than are on record; "
        f"dead letters: {sum(dead_lettered.values())} of {len(dead_lettered)} messages"
    )
    console.print(
        f"sent and ended in {seconds:.0f} s ({messages / seconds:.1f} messages/s), "
        f"at most about {UNDER_WAY + PORTION} in progress"
    )
    console.print(
        f"memory of emulator and workers: {before:.0f} MB before, {load.memory_mb:.0f} at most"
    )
    console.print(f"memory of this program, receiver included: {own_mb():.0f} MB at most")
    for complaint in wrong[:20]:
        console.print(f"not as expected: {complaint}")
    console.print(f"other than expected: {len(wrong)}")
    return not wrong and load.memory_mb <= MEMORY_LIMIT_MB


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=console)


def main() -> None:
    """Run the benchmark; exit with 1 if anything is not as expected."""
    messages = argument(MESSAGES)
    sys.exit(0 if run(messages, Console()) else 1)


if __name__ == "__main__":
    main()

"""Measure the memory and processor time of each function, to choose its memory size.

Each real handler runs in a new process, with the environment variables of the deployed function,
and calls a local cloud that is started for this purpose. The handlers use boto3's clients, TLS with
all the usual certificate authorities, and payloads of the largest size. Memory is the highest
resident set. Processor time is measured for the import (including the function's initialization),
for the first call and for a warm call. Lambda's own runtime is not included.

    python benchmarks/memory.py
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.endpoints import certified, served
from benchmarks.failures import changed, delivered, failed, retried
from benchmarks.handlers import Handlers, attempt, deployed, post, queued
from benchmarks.sizes import sized
from homing.reception.payload import MAX_INLINE_BYTES, MAX_PAYLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    Event = dict[str, Any]

WARM = sized(50, 1)
SMALL = 1024


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one function: memory in MB, processor time in milliseconds.

    `warm` is None if the function was called only once.
    """

    what: str
    peak_mb: float
    importing: float
    first: float
    warm: float | None


@dataclass(frozen=True, slots=True)
class Bench:
    """Runs handlers in new processes.

    Args:
        handlers: the handlers.
        plain: the URL of an endpoint without TLS.
        secure: the URL of an endpoint with TLS that closes each connection after one response.
    """

    handlers: Handlers
    plain: str
    secure: str

    def row(self, what: str, name: str, events: list[Event]) -> Row:
        """Call a handler with these events, one after the other, and return its figures."""
        called = self.handlers.call(name, events)
        first, *later = called.calls
        return Row(what, called.peak_mb, called.importing, first, fmean(later) if later else None)


def rows(bench: Bench) -> Iterator[Row]:
    """Measure all functions that process a message, and yield their rows."""
    large = "x" * (MAX_PAYLOAD_BYTES - 100)
    # If a string contains one emoji, Python stores each of its characters in 4 bytes.
    worst = "\N{GRINNING FACE}" + large[:-10]
    inline = "x" * (MAX_INLINE_BYTES - 1000)
    many = range(WARM + 1)

    yield bench.row("accept, 1 KB", "accept", [_post(bench, "x" * SMALL) for _ in many])
    yield bench.row("accept, 6 MB", "accept", [_post(bench, large[:-1000])])
    batch = [bench.handlers.delivery(bench.plain, "x" * SMALL) for _ in range(10 * (WARM + 1))]
    batches = [queued(batch[first : first + 10]) for first in range(0, len(batch), 10)]
    yield bench.row("dispatch, 10 of 1 KB", "dispatch", batches)
    full = [bench.handlers.delivery(bench.plain, inline) for _ in range(10)]
    yield bench.row("dispatch, 10 of 200 KB", "dispatch", [queued(full)])
    warm = [attempt(bench.handlers.delivery(bench.plain, "x" * SMALL)) for _ in many]
    yield bench.row("deliver, 1 KB, kept connection", "deliver", warm)
    fresh = [attempt(bench.handlers.delivery(bench.secure, "x" * SMALL)) for _ in many]
    yield bench.row("deliver, 1 KB, TLS anew each time", "deliver", fresh)
    claimed = [
        attempt(bench.handlers.delivery(bench.secure, large, claimed=True)) for _ in range(3)
    ]
    yield bench.row("deliver, 6 MB from the bucket, TLS", "deliver", claimed)
    wide = [attempt(bench.handlers.delivery(bench.secure, worst, claimed=True)) for _ in range(3)]
    yield bench.row("deliver, 6 MB with one wide character", "deliver", wide)
    yield from _judged(bench, [bench.handlers.delivery(bench.plain, "x" * SMALL) for _ in many])


def _judged(bench: Bench, documents: list[Event]) -> Iterator[Row]:
    ledger = bench.handlers.environment("operational_events")["LEDGER_TABLE"]
    yield bench.row("classify", "classify", delivered(documents))
    yield bench.row("compute_backoff", "compute_backoff", failed(documents))
    yield bench.row("record_retry", "record_retry", list(retried(documents)))
    changes = list(changed(documents, ledger))
    yield bench.row("operational_events, one change", "operational_events", changes)


def _post(bench: Bench, payload: str) -> Event:
    return post({"targetUrl": bench.plain, "payload": payload})


def main() -> None:
    """Print the table."""
    with deployed() as target, TemporaryDirectory() as folder:
        context, authorities = certified(Path(folder))
        wrap = partial(context.wrap_socket, server_side=True)
        with served() as plain, served(wrap) as secure:
            bench = Bench(
                Handlers.of(target, authorities),
                f"http://127.0.0.1:{plain}/",
                f"https://127.0.0.1:{secure}/",
            )
            print(f"{'':<36}{'peak MB':>9}{'import ms':>11}{'first ms':>10}{'warm ms':>9}")
            for row in rows(bench):
                warm = "" if row.warm is None else f"{row.warm:.1f}"
                times = f"{row.importing:>11.0f}{row.first:>10.0f}{warm:>9}"
                print(f"{row.what:<36}{row.peak_mb:>9.0f}{times}", flush=True)


if __name__ == "__main__":
    main()

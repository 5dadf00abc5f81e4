"""The isolation of endpoints as on AWS, ten batches at once, in virtual time with the real gate.

The local cloud dispatches one batch after the other, AWS ten (`dispatchConcurrency`). So here the
dispatchers are a model and their gate is `homing.endpoint_gate.EndpointGate` itself: a queue, ten
dispatchers with a gate each, batches of ten that are over when their last message is settled.
Messages for 20 endpoints arrive at a steady rate; 1,000 for one that hangs arrive within a second,
and more of them all the time. A time is that from POST to the request's arrival. Seeded: the same
figures every time.

    python benchmarks/isolation_model.py
"""

from __future__ import annotations

import random
import statistics
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from homing.endpoint_gate import EndpointGate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SEED = 5
DISPATCHERS = 10
BATCH = 10
AT_ONCE, TIMEOUT, SLOW_AFTER = 10, 15.0, 5.0  # the defaults of the stack's settings
PER_SECOND = 50.0
SECONDS = 900.0
FLOOD_AT, FLOOD = 60.0, 1000
SLOW_PER_SECOND = 1.0
ON_THE_WAY = 0.06  # from `dispatch` to the endpoint: Express and `deliver`, warm
STARTED_IN = 0.05  # a Standard execution, for what is shed
START = datetime(2026, 1, 1, tzinfo=UTC)
HANGS = "https://hangs.example.com/hook"


class World:
    """Virtual time: threads of which one runs at a time, until it waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self._back = threading.Semaphore(0)

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something at a time."""
        self._order += 1
        heappush(self._due, (when, self._order, action))

    def run(self) -> None:
        """Let time pass until nothing is due."""
        while self._due:
            self.now, _, action = heappop(self._due)
            action()

    def start(self, work: Callable[[], None]) -> None:
        """Start a thread; comes back when it waits or has ended."""

        def run() -> None:
            work()
            self._back.release()

        threading.Thread(target=run, daemon=True).start()
        self._back.acquire()

    def sleep(self, seconds: float) -> None:
        """Let a thread wait."""
        self.wait(seconds, [])

    def wait(self, seconds: float, woken_by: list[Callable[[], None]]) -> None:
        """Let a thread wait for a while or until it is woken."""
        awake = threading.Semaphore(0)
        waits = [True]

        def wake() -> None:
            if waits.pop() if waits else False:
                awake.release()
                self._back.acquire()

        woken_by.append(wake)
        self.at(self.now + seconds, wake)
        self._back.release()
        awake.acquire()


@dataclass
class Condition:
    """Stands for `threading.Condition` in virtual time; only one thread runs anyway."""

    world: World
    waiting: list[Callable[[], None]] = field(default_factory=list)

    def __enter__(self) -> None:
        """Need no lock."""

    def __exit__(self, *_: object) -> None:
        """Need no lock."""

    def wait(self, seconds: float) -> None:
        """Wait for a change, at most so long."""
        self.world.wait(seconds, self.waiting)

    def notify_all(self) -> None:
        """Wake all that wait, one after the other."""
        woken, self.waiting = self.waiting, []
        for wake in woken:
            self.world.at(self.world.now, wake)


class Dispatchers:
    """The queue and what takes messages from it."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world = world
        self.chance = chance
        self.queue: deque[tuple[float, str]] = deque()
        self.idle = [self._gate() for _ in range(DISPATCHERS)]
        self.arrived: list[tuple[float, float]] = []  # POST, seconds from there
        self.shed = 0

    def _gate(self) -> EndpointGate:
        world = self.world
        gate = EndpointGate(
            AT_ONCE,
            timedelta(seconds=TIMEOUT),
            timedelta(seconds=SLOW_AFTER),
            lambda: START + timedelta(seconds=world.now),
        )
        changed: Any = Condition(world)
        gate._changed = changed  # noqa: SLF001  # its threads are what runs in virtual time
        return gate

    def post(self, url: str) -> None:
        """Take a message in."""
        self.queue.append((self.world.now, url))
        self.pump()

    def pump(self) -> None:
        """Give batches to dispatchers that are idle."""
        while self.queue and self.idle:
            gate = self.idle.pop()
            batch = [self.queue.popleft() for _ in range(min(BATCH, len(self.queue)))]
            left = [len(batch)]
            for posted, url in batch:
                self.world.at(self.world.now, self._starter(gate, posted, url, left))

    def _starter(
        self, gate: EndpointGate, posted: float, url: str, left: list[int]
    ) -> Callable[[], None]:
        def settle() -> None:
            self._settle(gate, posted, url)
            left[0] -= 1
            if not left[0]:  # the batch is over with its last message
                self.idle.append(gate)
                self.pump()

        return lambda: self.world.start(settle)

    def _settle(self, gate: EndpointGate, posted: float, url: str) -> None:
        if gate.enter(url) is not None:
            self.shed += 1
            self.world.sleep(STARTED_IN)
            return
        self.world.sleep(ON_THE_WAY * self.chance.lognormvariate(0, 0.3))
        if url == HANGS:
            took = TIMEOUT
        else:
            self.arrived.append((posted, self.world.now - posted))
            took = 0.03 * self.chance.lognormvariate(0, 0.8)
        self.world.sleep(took)
        gate.leave(url, round(1000 * took))


def arrivals(chance: random.Random, per_second: float, start: float = 0) -> Iterator[float]:
    """Give times of a Poisson process."""
    now = start
    while (now := now + chance.expovariate(per_second)) < SECONDS:
        yield now


def run(*, with_slow: bool) -> Dispatchers:
    """Let the world run once."""
    world, chance = World(), random.Random(SEED)  # noqa: S311  # seeded
    dispatchers = Dispatchers(world, random.Random(SEED + 1))  # noqa: S311  # seeded
    for number, at in enumerate(arrivals(chance, PER_SECOND)):
        url = f"https://endpoint-{number % 20}.example.com/hook"
        world.at(at, lambda url=url: dispatchers.post(url))  # type: ignore[misc]  # a default
    if with_slow:
        for at in arrivals(chance, SLOW_PER_SECOND, FLOOD_AT):
            world.at(at, lambda: dispatchers.post(HANGS))
        for number in range(FLOOD):
            world.at(FLOOD_AT + number / FLOOD, lambda: dispatchers.post(HANGS))
    world.run()
    return dispatchers


def row(label: str, seconds: Sequence[float]) -> str:
    """Lay one line of the table out."""
    cuts = statistics.quantiles(seconds, n=1000, method="inclusive")
    figures = "".join(f"{cuts[at]:>9.3f}" for at in (499, 899, 989))
    return f"{label:<34}{len(seconds):>9}{figures}{max(seconds):>9.3f}"


def percentile(seconds: Sequence[float]) -> float:
    """Give the 99th percentile."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[98]


def main() -> None:
    """Print the table and the ratios that matter."""
    met = FLOOD_AT + TIMEOUT + 1  # when the flood's first attempts have come back
    without = run(with_slow=False).arrived
    slow = run(with_slow=True)
    print(f"{PER_SECOND:g}/s to 20 endpoints; {FLOOD} messages for one that hangs; seconds")
    print(f"{'':<34}{'messages':>9}{'p50':>9}{'p90':>9}{'p99':>9}{'worst':>9}")
    parts = {
        "without": [took for posted, took in without if posted > met],
        "with": [took for posted, took in slow.arrived if posted > met],
    }
    first = [took for posted, took in slow.arrived if FLOOD_AT <= posted <= met]
    print(row("without", parts["without"]))
    print(row(f"with, the first {met - FLOOD_AT:g} s", first))
    print(row("with, after that", parts["with"]))
    print(f"shed: {slow.shed}")
    ratio = percentile(parts["with"]) / percentile(parts["without"])
    print(f"p99 with / without, after the first encounter: {ratio:.2f}")


if __name__ == "__main__":
    main()

"""Measure how well endpoints are isolated from each other, in a model of AWS in virtual time.

AWS dispatches ten batches at a time (`dispatchConcurrency`), but the local cloud one after the
other. So this is a model: one queue and ten dispatchers, each with its own bulkhead. What a
dispatcher does with a message is decided by the real code (`homing.dispatch.admission.Admission`
and its bulkhead). A batch has up to ten messages, and ends when the dispatcher waits for none of
them any more. If the attempt of a message is detached, the message is redelivered at a time by
which its execution has certainly ended.

Messages to 20 endpoints are posted at a steady rate. One more endpoint hangs: within one second,
1,000 messages are posted to it, and afterwards one message each second. Times are from POST to the
arrival of the request. The model has a fixed seed, so the figures are the same every time.

    python benchmarks/isolation_model.py [SLOW_THRESHOLD]
"""

from __future__ import annotations

import random
import statistics
import sys
import threading
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sizes import argument, sized
from homing.dispatch.admission import Admission
from homing.dispatch.bulkhead import Bulkhead, Limits, Recipient
from homing.dispatch.executions import FirstAttempt
from homing.errors import DetachedError
from lambdas.dispatch import MOST_DETACHED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SEED = 5
DISPATCHERS = 10
BATCH = 10
AT_ONCE, TIMEOUT, SLOW_THRESHOLD = 10, 15.0, 1.0  # the defaults of the stack's settings
OVER_AFTER = TIMEOUT + 30 + 5  # the message of a detached attempt is redelivered after this time
PER_SECOND = sized(50.0, 5.0)
SECONDS = sized(900.0, 60.0)
FLOOD_AT, FLOOD = sized((60.0, 1000), (10.0, 20))
SLOW_PER_SECOND = 1.0
ON_THE_WAY = 0.06  # from `dispatch` to the endpoint: an Express execution and a warm `deliver`
STARTED_IN = 0.05  # the start of a Standard execution, for a deferred message
COLD_SHARE, COLD = 0.01, 0.4  # the share of cold starts, and how long one takes (docs/cost.md)
START = datetime(2026, 1, 1, tzinfo=UTC)
HANGS = "https://hangs.example.com/hook"


class World:
    """Virtual time for threads. One thread runs at a time, until it waits or ends."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self._back = threading.Semaphore(0)

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Schedule the call of a function for the given virtual time."""
        self._order += 1
        heappush(self._due, (when, self._order, action))

    def run(self) -> None:
        """Make the scheduled calls in the order of their times, until there are none left."""
        while self._due:
            self.now, _, action = heappop(self._due)
            action()

    def start(self, work: Callable[[], None]) -> None:
        """Start a thread, and return as soon as the thread waits or has ended."""

        def run() -> None:
            work()
            self._back.release()

        threading.Thread(target=run, daemon=True).start()
        self._back.acquire()

    def sleep(self, seconds: float) -> None:
        """Make the current thread wait for some time."""
        self.wait(seconds, [])

    def wait(self, seconds: float, woken_by: list[Callable[[], None]]) -> None:
        """Make the current thread wait for some time or until it is woken."""
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
    """A stand-in for `threading.Condition` in virtual time, where only one thread runs."""

    world: World
    waiting: list[Callable[[], None]] = field(default_factory=list)

    def __enter__(self) -> None:
        """Do nothing: no lock is needed."""

    def __exit__(self, *_: object) -> None:
        """Do nothing: no lock is needed."""

    def wait(self, seconds: float) -> None:
        """Wait until `notify_all` is called, for at most this many seconds."""
        self.world.wait(seconds, self.waiting)

    def notify_all(self) -> None:
        """Wake all waiting threads, one after the other."""
        woken, self.waiting = self.waiting, []
        for wake in woken:
            self.world.at(self.world.now, wake)


class BoundedWait:
    """A stand-in for `homing.dispatch.bounded_wait.BoundedWait` in virtual time."""

    def __init__(self, world: World, seconds: float) -> None:
        self._world = world
        self._seconds = seconds
        self._left = 0

    def wait(self, call: Callable[[], FirstAttempt], longest_wait: float) -> FirstAttempt:
        """Wait for an attempt; detach it if it takes longer than `longest_wait`."""
        ended: list[FirstAttempt] = []
        waiting: list[Callable[[], None]] = []
        left = [False]

        def run() -> None:
            ended.append(call())
            self._left -= left[0]
            for wake in waiting:
                self._world.at(self._world.now, wake)

        self._world.at(self._world.now, lambda: self._world.start(run))
        self._world.wait(min(longest_wait, self._seconds), waiting)
        if not ended and self._left < MOST_DETACHED:
            left[0] = True
            self._left += 1
            raise DetachedError
        while not ended:
            self._world.wait(OVER_AFTER, waiting)
        return ended[0]


@dataclass(frozen=True)
class Message:
    """A message on the queue. If its attempt is detached, the message is received a second time."""

    posted: float
    url: str
    was_left: bool = False


class Dispatchers:
    """The delivery queue and its dispatchers."""

    def __init__(
        self, world: World, chance: random.Random, slow_threshold: float, cold_share: float
    ) -> None:
        self.world = world
        self.chance = chance
        self.slow_threshold = slow_threshold
        self.cold_share = cold_share
        self.queue: deque[Message] = deque()
        self.idle = [self._admission() for _ in range(DISPATCHERS)]
        # For each message: the time of its POST, and the seconds until it arrived.
        self.arrived: list[tuple[float, float]] = []
        self.deferred = 0
        self.left = 0

    def _admission(self) -> Admission:
        world = self.world
        limits = Limits(
            AT_ONCE,
            timedelta(seconds=TIMEOUT),
            timedelta(seconds=OVER_AFTER),
            timedelta(seconds=self.slow_threshold),
        )
        bulkhead = Bulkhead(limits, lambda: START + timedelta(seconds=world.now))
        changed: Any = Condition(world)
        bulkhead._changed = changed  # noqa: SLF001  # its threads run in virtual time
        slow_threshold: Any = BoundedWait(world, self.slow_threshold)
        return Admission(bulkhead, slow_threshold)

    def post(self, url: str) -> None:
        """Put a message on the queue."""
        self._queue(Message(self.world.now, url))

    def _queue(self, message: Message) -> None:
        self.queue.append(message)
        self.pump()

    def pump(self) -> None:
        """Give the messages on the queue, in batches, to the dispatchers that are idle."""
        while self.queue and self.idle:
            admission = self.idle.pop()
            batch = [self.queue.popleft() for _ in range(min(BATCH, len(self.queue)))]
            left = [len(batch)]
            for message in batch:
                self.world.at(self.world.now, self._starter(admission, message, left))

    def _starter(
        self, admission: Admission, message: Message, left: list[int]
    ) -> Callable[[], None]:
        def settle() -> None:
            self._settle(admission, message)
            left[0] -= 1
            if not left[0]:  # the batch ends with its last message
                self.idle.append(admission)
                self.pump()

        return lambda: self.world.start(settle)

    def _settle(self, admission: Admission, message: Message) -> None:
        if message.was_left:
            self.world.sleep(STARTED_IN)
            return
        try:
            recipient = Recipient("shop", message.url)
            ended = admission.admit(recipient, lambda: self._attempt(message))
        except DetachedError:
            self.left += 1
            again = replace(message, was_left=True)
            self.world.at(self.world.now + OVER_AFTER, lambda: self._queue(again))
            return
        if isinstance(ended, datetime):
            self.deferred += 1
            self.world.sleep(STARTED_IN)

    def _attempt(self, message: Message) -> FirstAttempt:
        is_cold = self.chance.random() < self.cold_share
        on_the_way = ON_THE_WAY * self.chance.lognormvariate(0, 0.3)
        self.world.sleep(on_the_way + is_cold * COLD)
        if message.url == HANGS:
            took = TIMEOUT
        else:
            self.arrived.append((message.posted, self.world.now - message.posted))
            took = 0.03 * self.chance.lognormvariate(0, 0.8)
        self.world.sleep(took)
        return FirstAttempt("DELIVERED", round(1000 * took))


def arrivals(chance: random.Random, per_second: float, start: float = 0) -> Iterator[float]:
    """Yield the times of a Poisson process."""
    now = start
    while (now := now + chance.expovariate(per_second)) < SECONDS:
        yield now


def run(
    *, with_slow: bool, slow_threshold: float = SLOW_THRESHOLD, cold_share: float = 0
) -> Dispatchers:
    """Run the model once and return its dispatchers, with the times that they have recorded."""
    world, chance = World(), random.Random(SEED)  # noqa: S311  # seeded
    other = random.Random(SEED + 1)  # noqa: S311  # seeded
    dispatchers = Dispatchers(world, other, slow_threshold, cold_share)
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
    """Return one row of the table."""
    cuts = statistics.quantiles(seconds, n=1000, method="inclusive")
    figures = "".join(f"{cuts[at]:>9.3f}" for at in (499, 899, 989))
    return f"{label:<34}{len(seconds):>9}{figures}{max(seconds):>9.3f}"


def percentile(seconds: Sequence[float]) -> float:
    """Return the 99th percentile of some times."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[98]


def part(dispatchers: Dispatchers, begin: float, end: float = SECONDS) -> list[float]:
    """Return the time from POST to arrival of each message that was posted between two moments."""
    return [took for posted, took in dispatchers.arrived if begin <= posted < end]


def main() -> None:
    """Print the table, and the ratios of the times with and without the hanging endpoint."""
    slow_threshold = argument(SLOW_THRESHOLD)
    met = FLOOD_AT + TIMEOUT + 1  # the time at which the first attempts of the 1,000 have ended
    without = run(with_slow=False, slow_threshold=slow_threshold)
    slow = run(with_slow=True, slow_threshold=slow_threshold)
    print(f"{PER_SECOND:g}/s to 20 endpoints; {FLOOD} messages for one that hangs; seconds")
    print(f"{'':<34}{'messages':>9}{'p50':>9}{'p90':>9}{'p99':>9}{'worst':>9}")
    print(row("without", part(without, FLOOD_AT)))
    print(row("with, the whole run", part(slow, FLOOD_AT)))
    print(row(f"with, the first {met - FLOOD_AT:g} s", part(slow, FLOOD_AT, met)))
    print(row("with, after that", part(slow, met)))
    print(f"deferred: {slow.deferred}, detached and settled later: {slow.left}")
    for label, begin in (("over the whole run", FLOOD_AT), ("after the first seconds", met)):
        ratio = percentile(part(slow, begin)) / percentile(part(without, begin))
        print(f"p99 with / without, {label}: {ratio:.2f}")
    cold = run(with_slow=False, slow_threshold=slow_threshold, cold_share=COLD_SHARE)
    print(
        f"all quick, {COLD_SHARE:.0%} of attempts {COLD:g} s later because of a cold start: "
        f"of {len(cold.arrived):,} messages {cold.left:,} detached, {cold.deferred:,} deferred"
    )


if __name__ == "__main__":
    main()

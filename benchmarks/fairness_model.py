"""Compare ways to isolate senders from each other's slow deliveries, in virtual time.

The quick sender makes 50 deliveries a second to 20 quick endpoints. After 10 seconds another sender
floods the queue: within a second it queues 3,000 deliveries to 60 endpoints that hang. As in
`isolation_model.py`, the model has ten concurrent batches, with the real bulkhead in each
dispatcher. The times in the table are from POST to the arrival of the request, for the quick
sender's messages. The seed is fixed, so the figures are the same every time.

    one queue, by origin    one FIFO queue; slowness is judged by origin, for all senders together;
                            dispatchers wait up to a second for each attempt
    one queue               one FIFO queue; slowness is judged by sender and endpoint; dispatchers
                            wait at most 0.15 s for an attempt to an endpoint that is not known to
                            be quick
    five queues             each sender has one of five queues with two dispatchers each; here both
                            senders have the same queue, as happens to one pair in five
    a fair queue            a standard queue that returns a message of the sender with the fewest
                            messages in flight, as SQS does for message groups
    a bulk queue            deliveries beyond a sender's burst go to a second queue, which has its
                            own dispatchers (docs/decisions/0096)

    python benchmarks/fairness_model.py
"""

from __future__ import annotations

import random
import statistics
import sys
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.isolation_model import (
    BATCH,
    DISPATCHERS,
    ON_THE_WAY,
    OVER_AFTER,
    SLOW_THRESHOLD,
    START,
    STARTED_IN,
    TIMEOUT,
)
from benchmarks.sizes import sized
from homing.dispatch.bulkhead import Bulkhead, Limits, Recipient
from homing.queues.bursts import Bursts
from lambdas.dispatch import MOST_DETACHED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SEED = 11
QUICK, FLOOD = "quick", "flood"
PER_SECOND, SECONDS = sized((50.0, 30.0), (10.0, 14.0))  # of the quick sender
FLOOD_AT, FLOOD_SIZE, FLOOD_IN = sized((10.0, 3000, 1.0), (3.0, 30, 1.0))
HANGING = 60  # endpoints
ACCEPTING = 4  # containers of `accept`


@dataclass(frozen=True, slots=True)
class Message:
    """A message on a queue. If its attempt is detached, the message is received a second time."""

    posted: float
    sender: str
    host: str
    was_left: bool = False

    @property
    def place(self) -> str:
        """The URL of the message's target, which is different for each sender."""
        return f"https://{self.host}.example.com/{self.sender}"


@dataclass
class Dispatcher:
    """A container of `dispatch`: its bulkhead, and the times at which its detached attempts end."""

    bulkhead: Bulkhead
    left: list[float] = field(default_factory=list)

    def detach(self, now: float, over: float) -> bool:
        """Return whether an attempt may be detached; if not, the dispatcher waits until it ends."""
        self.left = [each for each in self.left if each > now]
        if len(self.left) >= MOST_DETACHED:
            return False
        self.left.append(over)
        return True


@dataclass
class Pool:
    """A queue and its idle dispatchers."""

    idle: list[Dispatcher]
    queue: deque[Message] = field(default_factory=deque)
    in_flight: Counter[str] = field(default_factory=Counter)
    is_fair: bool = False

    def batch(self) -> list[Message]:
        """Remove the next messages, at most a batch, from the queue and return them."""
        taken = []
        while self.queue and len(taken) < BATCH:
            message = self._next()
            self.in_flight[message.sender] += 1
            taken.append(message)
        return taken

    def _next(self) -> Message:
        if not self.is_fair:
            return self.queue.popleft()
        senders = sorted((QUICK, FLOOD), key=lambda sender: self.in_flight[sender])
        found = ((at, each) for sender in senders for at, each in self._of(sender))
        at, message = next(found)
        del self.queue[at]
        return message

    def _of(self, sender: str) -> Iterator[tuple[int, Message]]:
        return ((at, each) for at, each in enumerate(self.queue) if each.sender == sender)


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to isolate senders from each other: a row of the table.

    Args:
        name: the name of the scheme in the table.
        pools: the number of dispatchers of each queue.
        by_sender: whether slowness is judged by sender and endpoint, instead of by origin.
        is_fair: whether the queue is fair.
        bursts: whether messages beyond a sender's burst go to the second queue.
    """

    name: str
    pools: tuple[int, ...] = (DISPATCHERS,)
    by_sender: bool = True
    is_fair: bool = False
    bursts: bool = False


SCHEMES = (
    Scheme("one queue, by origin", by_sender=False),
    Scheme("one queue"),
    Scheme("five queues, the same for both", (2,)),
    Scheme("a fair queue", is_fair=True),
    Scheme("a bulk queue", (DISPATCHERS, DISPATCHERS), bursts=True),
)


class Run:
    """One run of a scheme. Events in virtual time are processed in order, without threads."""

    def __init__(self, scheme: Scheme) -> None:
        self.now = 0.0
        self._scheme = scheme
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._chance = random.Random(SEED)  # noqa: S311 -- seeded
        self._bursts = [Bursts(lambda: round(self.now * 1e9)) for _ in range(ACCEPTING)]
        self._pools = [
            Pool([self._dispatcher() for _ in range(size)], is_fair=scheme.is_fair)
            for size in scheme.pools
        ]
        self.arrived: list[tuple[float, float]] = []  # quick sender: POST, seconds to arrival
        self.flooded: list[float] = []  # when a flooding message had left the queue

    def _dispatcher(self) -> Dispatcher:
        limits = Limits(
            FLOOD_SIZE,  # a limit of concurrent attempts that is not reached
            timedelta(seconds=TIMEOUT),
            timedelta(seconds=OVER_AFTER),
            timedelta(seconds=SLOW_THRESHOLD),
            **self._scheme_limits(),
        )
        return Dispatcher(Bulkhead(limits, lambda: START + timedelta(seconds=self.now)))

    def _scheme_limits(self) -> dict[str, Any]:
        """Return those limits of the bulkhead that are not the defaults in this scheme."""
        if self._scheme.by_sender:
            return {}
        first_wait = timedelta(seconds=SLOW_THRESHOLD)
        return {"first_wait": first_wait, "slow": FLOOD_SIZE, "detached": FLOOD_SIZE}

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Schedule the call of a function for the given virtual time."""
        heappush(self._events, (when, next(self._order), action))

    def post(self, sender: str, host: str) -> None:
        """Put a new message on the queue that the scheme chooses for it."""
        bursts = self._chance.choice(self._bursts)
        is_bulk = self._scheme.bursts and bursts.is_beyond(sender, 1)
        self._queue(Message(self.now, sender, host), self._pools[is_bulk])

    def _queue(self, message: Message, pool: Pool) -> None:
        pool.queue.append(message)
        self._pump(pool)

    def _pump(self, pool: Pool) -> None:
        while pool.queue and pool.idle:
            dispatcher, batch = pool.idle.pop(0), pool.batch()
            ends = [self._settle(pool, dispatcher, message) for message in batch]
            for message, end in zip(batch, ends, strict=True):
                self.at(end, partial(pool.in_flight.subtract, [message.sender]))
                if message.sender == FLOOD and not message.was_left:
                    self.flooded.append(end)
            self.at(max(ends), partial(self._idle, pool, dispatcher))

    def _idle(self, pool: Pool, dispatcher: Dispatcher) -> None:
        pool.idle.append(dispatcher)
        self._pump(pool)

    def _settle(self, pool: Pool, dispatcher: Dispatcher, message: Message) -> float:
        """Start to process a message; return the time at which the dispatcher is done with it."""
        if message.was_left:
            return self.now + STARTED_IN
        permit = dispatcher.bulkhead.enter(self._recipient(message))
        if isinstance(permit, datetime):
            self._deferred(message, permit)
            return self.now + STARTED_IN
        reached = self.now + ON_THE_WAY * self._chance.lognormvariate(0, 0.3)
        took = TIMEOUT
        if message.sender == QUICK:
            self.arrived.append((message.posted, reached - message.posted))
            took = 0.03 * self._chance.lognormvariate(0, 0.8)
        over = reached + took
        self.at(over, partial(dispatcher.bulkhead.leave, permit, round(1000 * took)))
        left_at = self.now + permit.longest_wait.total_seconds()
        if over <= left_at or not dispatcher.detach(self.now, over):
            return over
        self.at(left_at, partial(dispatcher.bulkhead.suspect, permit))
        again = replace(message, was_left=True)
        self.at(left_at + OVER_AFTER, partial(self._queue, again, pool))
        return left_at

    def _deferred(self, message: Message, due: datetime) -> None:
        """Record when the request of a deferred message arrives, if the quick sender sent it."""
        if message.sender == QUICK:
            begun = max((due - START).total_seconds(), self.now + STARTED_IN) + ON_THE_WAY
            self.arrived.append((message.posted, begun - message.posted))

    def _recipient(self, message: Message) -> Recipient:
        if self._scheme.by_sender:
            return Recipient(message.sender, message.place)
        return Recipient("", message.host)

    def go(self, *, with_flood: bool) -> Run:
        """Run the scheme once, with or without the flood."""
        arrivals = random.Random(SEED + 1)  # noqa: S311 -- seeded
        for number, at in enumerate(_poisson(arrivals)):
            self.at(at, partial(self.post, QUICK, f"host-{number % 20}"))
        for number in range(FLOOD_SIZE if with_flood else 0):
            host = f"hangs-{number % HANGING}"
            at = FLOOD_AT + FLOOD_IN * number / FLOOD_SIZE
            self.at(at, partial(self.post, FLOOD, host))
        while self._events:
            self.now, _, action = heappop(self._events)
            action()
        return self

    def p99(self, begin: float, end: float) -> float:
        """Return the 99th percentile of the times of the quick sender's messages in a period."""
        seconds = [took for posted, took in self.arrived if begin <= posted < end]
        return statistics.quantiles(seconds, n=100, method="inclusive")[98]

    @property
    def drained(self) -> float:
        """The seconds from the start of the flood until its last message left the queue."""
        return max(self.flooded, default=FLOOD_AT) - FLOOD_AT


def _poisson(chance: random.Random) -> Iterator[float]:
    now = 0.0
    while (now := now + chance.expovariate(PER_SECOND)) < SECONDS:
        yield now


SPANS = ((FLOOD_AT, FLOOD_AT + 1), (FLOOD_AT, FLOOD_AT + 10), (FLOOD_AT, SECONDS))


def row(scheme: Scheme) -> Sequence[str]:
    """Return the figures of a scheme as a row of the table."""
    without, flooded = Run(scheme).go(with_flood=False), Run(scheme).go(with_flood=True)
    ratios = [flooded.p99(*span) / without.p99(FLOOD_AT, SECONDS) for span in SPANS]
    worst = max(took for posted, took in flooded.arrived if posted >= FLOOD_AT)
    return [f"{ratio:.2f}" for ratio in ratios] + [f"{worst:.2f}", f"{flooded.drained:.1f}"]


def main() -> None:
    """Print the table."""
    print(f"{FLOOD_SIZE:,} messages of one sender to {HANGING} endpoints that hang")
    print("p99 of the other sender / without: first second, 10 s, to the end; worst; drained, s")
    for scheme in SCHEMES:
        cells = "".join(f"{cell:>9}" for cell in row(scheme))
        print(f"{scheme.name:<32}{cells}", flush=True)


if __name__ == "__main__":
    main()

"""The exhaustive search: every single fault, every pair of faults, an operator at every instant.

It runs a few small scenarios many times: with each possible fault at each call, and with each
action of an operator at each instant.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Final

from simulation.deployment import Deployment
from simulation.engine.faults import Fault, FaultKind
from simulation.engine.plans import STOP_DELAYS, Census, Listed
from simulation.history import run_history
from simulation.scenario import (
    Act,
    Answer,
    Intervention,
    Scenario,
    Submission,
    Subscribing,
    Together,
)
from simulation.search.shrink import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulation.deployed.edges import Edges
    from simulation.history import Programs

SEED: Final = 1
_DELAYED: Final = frozenset({FaultKind.LATE, FaultKind.STALL_BEFORE, FaultKind.STALL_AFTER})
_DELAYS: Final = (3_000, 90_000)  # one shorter and one longer than the time-outs of functions

_SOON_AFTER: Final = 3  # milliseconds between two commands; so short that they overlap

_GOOD, _BUSY, _GONE = Answer(200), Answer(503), Answer(410)
# So slow that the attempt is detached.
_SLOW = {status: Answer(status, takes=4_000) for status in (200, 410, 503)}
_SCENARIOS: Final = (
    (_GOOD,),
    (_BUSY, _GOOD),
    (_BUSY, _BUSY, _GOOD),
    (_BUSY,),
    (_GONE,),
    (_BUSY, _GONE),
    (_SLOW[200],),
    (_SLOW[410],),
    (_SLOW[503], _GOOD),
)
# Scenarios for an operator: the action, the responses of the endpoint, and the time at which the
# operator acts, in milliseconds from the start. At that time the action has an effect.
_SLOTS: Final = (
    (Act.RETRY_NOW, (_BUSY, _GOOD), 700),
    (Act.CANCEL, (_BUSY, _GOOD), 700),
    (Act.REDRIVE, (_GONE, _GOOD), 5_000),
    (Act.REDRIVE, (_BUSY, _BUSY, _BUSY, _GOOD), 60_000),
    (Act.REDRIVE_DEAD_LETTERS, (_GONE, _BUSY, _GOOD), 5_000),
    (Act.REDRIVE_DEAD_LETTERS, (_BUSY, _BUSY, _BUSY, _GOOD), 60_000),
)
_SCENARIOS_BESIDE: Final = ((_GOOD,), (_BUSY,))
# The settings, with the probability that the queue delivers a message to two workers. A standard
# queue always does here, so two workers race for each attempt.
_DEPLOYMENTS: Final = tuple(
    (Deployment(express_path_is_on=express_path, queue_is_fifo=fifo), 0.0 if fifo else 1.0)
    for express_path, fifo in product((True, False), (True, False))
)


# An event to which three endpoints subscribe. When it is sent again, one of them no longer
# subscribes to it, and a fourth endpoint does.
EVENT: Final = Scenario(
    tuple(Submission("m0", (), at=at, event_type="order.paid") for at in (0, 45)),
    {"a": (_GOOD,), "b": (_BUSY, _GOOD), "c": (_GONE,), "d": (_GOOD,)},
    subscriptions=(
        Subscribing("a", ("order.*",)),
        Subscribing("b", ("*",)),
        Subscribing("c", ("order.paid",)),
        Subscribing("a", (), at=30),
        Subscribing("d", ("order.paid",), at=30),
    ),
)


# Three messages in one request, the first of them twice. The queue refuses some of them at random.
BATCH: Final = Scenario(
    (),
    {"a": (_GOOD,), "b": (_BUSY, _GOOD), "c": (_GONE,)},
    together=(
        Together(
            (
                Submission("m0", ("a", "b")),
                Submission("m1", ("b",)),
                Submission("m0", ("a", "b")),
                Submission("m2", ("c",)),
            )
        ),
    ),
    refuses=0.6,
)
# Messages on the ingest queue: two valid ones, an invalid one between them, and a duplicate of the
# first.
INGESTED: Final = Scenario(
    (),
    {"a": (_GOOD,), "b": (_BUSY, _GOOD)},
    ingested=(
        Submission("m0", ("a",)),
        Submission("m1", ()),
        Submission("m2", ("b",)),
        Submission("m0", ("a",), at=40),
    ),
)
# Three messages with the same ordering key. The delivery of the second fails, and the third message
# is sent again.
ORDERED: Final = Scenario(
    (
        *(
            Submission(f"m{number}", ("a",), at=40 * number, ordering_key="k")
            for number in range(3)
        ),
        Submission("m2", ("a",), at=95, ordering_key="k"),
    ),
    {"a": (_BUSY, _GOOD, _GONE, _GOOD)},
    stops=True,
)

# A message that is sent three times. Whether it exceeds the burst is random each time, but all
# three must go to the queue to which the first one goes.
BURST: Final = Scenario(
    tuple(Submission("m0", ("a",), at=at) for at in (0, 5, 40)),
    {"a": (Answer(503, takes=300), _GOOD)},
    Deployment(bulk=0.5),
    workers=1,
)
# Five messages to an endpoint that has a rate limit of one a second, and asks for a pause.
RATED: Final = Scenario(
    tuple(Submission(f"m{number}", ("a",), at=5 * number) for number in range(5)),
    {"a": (_GOOD, _BUSY, Answer(429, retry_after="7"), _GOOD)},
    Deployment(rate_per_second=1),
)


def scenarios() -> Iterator[Scenario]:
    """Yield every scenario in which single faults are tried."""
    two = (Submission("m0", ("a",)), Submission("m1", ("b",)))
    twice = (Submission("m0", ("a",)), Submission("m0", ("a",)))
    for deployment, doubles in _DEPLOYMENTS:
        for scenario in _SCENARIOS:
            for beside in _SCENARIOS_BESIDE:
                yield Scenario(
                    two, {"a": scenario, "b": beside}, deployment, doubles=doubles, stops=True
                )
            yield Scenario(twice, {"a": scenario}, deployment, doubles=doubles, stops=True)
    yield EVENT
    for express_path, (act, turned, at) in product((True, False), _SLOTS):
        acts = (Intervention(act, "m0", "a", at),)
        deployment = Deployment(express_path_is_on=express_path)
        yield Scenario(two[:1], {"a": turned}, deployment, interventions=acts, stops=True)
    yield BATCH
    yield INGESTED
    yield ORDERED
    yield RATED
    yield BURST


def scenarios_of_one() -> Iterator[Scenario]:
    """Yield every scenario with one delivery. They are small enough to try pairs of faults."""
    for express_path in (True, False):
        for scenario in _SCENARIOS:
            yield Scenario(
                (Submission("m0", ("a",)),),
                {"a": scenario},
                Deployment(express_path),
                workers=1,
                stops=True,
            )


def single_faults(
    scenario: Scenario,
    edges: Edges,
    programs: Programs | None = None,
    given: Mapping[str, Fault] | None = None,
) -> Iterator[Trial]:
    """Yield trials of a scenario: one with the given faults, then one for each further fault."""
    given = given or {}
    census = Census(given)
    run_history(scenario, census, SEED, edges, programs)
    yield Trial(scenario, given)
    for label, kinds in census.boundaries.items():
        for kind in kinds:
            for delay in _delays(kind):
                yield Trial(scenario, {**given, label: Fault(kind, delay)})


def _delays(kind: FaultKind) -> tuple[int, ...]:
    if kind is FaultKind.STOPPED_LATER:
        return STOP_DELAYS
    return _DELAYS if kind in _DELAYED else (0,)


def pairs_of_faults(scenario: Scenario, edges: Edges) -> Iterator[Trial]:
    """Yield trials of a scenario with each pair of faults that can happen together."""
    for first in single_faults(scenario, edges):
        if first.faults:
            yield from single_faults(scenario, edges, given=first.faults)


def operators_at_every_instant(scenario: Scenario, edges: Edges) -> Iterator[Trial]:
    """Yield trials of a scenario with each action of an operator, at each instant with an event.

    For each action and instant, yield two trials: in one the operator acts once, in the other twice
    in such quick succession that the two commands overlap.
    """
    told = run_history(scenario, Listed({}), SEED, edges, trace=True).trace
    for at in sorted({instant - scenario.start for instant, _, _ in told}):
        for act in Act:
            once = Intervention(act, "m0", "a", at)
            for acts in ((once,), (once, replace(once, at=at + _SOON_AFTER))):
                yield Trial(replace(scenario, interventions=acts), {})

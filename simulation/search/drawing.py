"""Random cases: each seed defines a scenario, and the probability and number of its faults."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from simulation.deployment import Deployment
from simulation.engine.chance import Chance
from simulation.engine.clock import DAY, HOUR, MINUTE, SECOND
from simulation.engine.plans import AtRandom
from simulation.scenario import (
    START,
    Act,
    Answer,
    Intervention,
    Outage,
    Scenario,
    Submission,
    Subscribing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_HOSTS: Final = ("a", "b", "c", "d")
_ANSWERS: Final = (
    *(Answer(200),) * 6,
    *(Answer(503),) * 5,
    Answer(500, takes=900),  # a little less than the slow threshold of `dispatch`
    Answer(204, takes=4_000),
    Answer(200, takes=14_000),
    Answer(200, takes=40_000),  # longer than an attempt may take
    Answer(429, retry_after="7"),
    Answer(503, retry_after="3600"),
    Answer(410),
    Answer(400),
    Answer(None),
)
_POLICIES: Final[tuple[Mapping[str, Any] | None, ...]] = (
    None,
    None,
    None,
    {"maxAttempts": 1},
    {"maxAttempts": 2, "jitter": "none"},
    {"maxAttempts": 5, "jitter": "full", "baseDelaySeconds": 0.4},
    {"maxAttempts": 4, "jitter": "decorrelated", "maxDelaySeconds": 900},
    {"maxAttempts": 3, "jitter": "equal", "baseDelaySeconds": 30},
    {"preset": "standard-webhooks"},
    {"schedule": [0, 0, 2.5]},
)
_REPEATS: Final = (0, 1, 15, 40, 2 * SECOND, 45 * SECOND, 310 * SECOND, 20 * MINUTE, DAY)
_OUTAGES: Final = ("dynamodb", "sqs", "states", "lambda", "http", "sqs.receive")
_LASTS: Final = (2 * SECOND, 30 * SECOND, 10 * MINUTE, 3 * HOUR)
_ACTS_AT: Final = (0, 0, SECOND, 2 * SECOND, 3 * SECOND, 30 * SECOND, 10 * MINUTE, 2 * HOUR)
_SKEWED: Final = ("accept", "${DeliverFunction}", "dispatch")
_SKEW: Final = 5 * MINUTE
_EVENT_TYPES: Final = ("order.paid", "order.sent")
_SUBSCRIBED: Final = ((), ("order.paid",), ("order.*",), ("*",))
# The times at which subscriptions change, in milliseconds: while messages are accepted, and before
# a duplicate.
_CHANGES: Final = (5, 40 * SECOND)
_ORDERED_HOST: Final = "a"
_ORDERED_AT: Final = (0, 0, 20, 40, 400, 3 * SECOND, 50 * SECOND)
_SCHEDULED: Final = (SECOND, 3 * SECOND, HOUR, 40 * DAY)


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario to run, with the seed of its random draws and the frequency of its faults.

    Args:
        seed: the seed of all random draws.
        scenario: the scenario.
        probability: the probability of a fault at each call.
        most: the maximum number of faults.
    """

    seed: int
    scenario: Scenario
    probability: float
    most: int

    def plan(self) -> AtRandom:
        """Return a plan that draws the faults of this case."""
        return AtRandom(self.probability, self.most)


def draw_case(seed: int) -> Case:
    """Return the case that a seed defines.

    Each draw has a name, such as `lane`, which is never changed, even if the thing that is drawn
    has been renamed. Otherwise the same seed would define another case than before.
    """
    chance = Chance(seed)
    deployment = Deployment(
        express_path_is_on=chance.happens("lane", 0.7),
        queue_is_fifo=chance.happens("fifo", 0.8),
        attempts_at_once=chance.pick("turns", (0, 0, 1, 1, 2)),
        defers=chance.pick("sheds", (0.0, 0.0, 0.2, 0.7)),
    )
    submissions = tuple(_submissions(chance))
    scenario = Scenario(
        submissions=submissions,
        endpoints={host: tuple(_answers(chance, host)) for host in _HOSTS},
        deployment=deployment,
        interventions=tuple(_interventions(chance, submissions)),
        outages=tuple(_outages(chance)),
        stops=chance.happens("stops", 0.4),
        skews=dict(_skews(chance)),
        workers=chance.pick("workers", (2, 2, 2, 1, 3)),
        doubles=0.0 if deployment.queue_is_fifo else 0.15,
        start=START + chance.below("start", 2_000),
    )
    if chance.happens("events", 0.1):
        scenario = _with_events(chance, scenario)
    probability = chance.pick("probability", (0.0, 0.01, 0.03, 0.03, 0.08, 0.2))
    return Case(seed, scenario, probability, chance.pick("most", (1, 1, 2, 3, 5, 8)))


def draw_ordered_case(seed: int) -> Case:
    """Return the case that a seed defines in the search with ordering keys.

    It is the case of `draw_case` with other messages, interventions and subscriptions.
    """
    case, chance = draw_case(seed), Chance(seed)
    submissions = tuple(_ordered_submissions(chance))
    scenario = replace(
        case.scenario,
        submissions=submissions,
        interventions=tuple(_interventions(chance, submissions)),
        subscriptions=(),
    )
    if chance.happens("ordered/events", 0.3):
        blocks = chance.happens("ordered/blocks", 0.5)
        scenario = replace(
            scenario,
            submissions=tuple(replace(each, event_type="order.paid") for each in submissions),
            subscriptions=(Subscribing(_ORDERED_HOST, ("*",), blocks=blocks),),
        )
    return replace(case, scenario=scenario)


def _ordered_submissions(chance: Chance) -> Iterator[Submission]:
    for number in range(chance.pick("ordered/messages", (2, 3, 3, 4, 6))):
        name = f"ordered/message-{number}"
        scheduled = chance.happens(f"{name}/scheduled", 0.08)
        submission = Submission(
            message=f"m{number}",
            targets=(_ORDERED_HOST,),
            at=chance.pick(f"{name}/at", _ORDERED_AT),
            policy=chance.pick(f"{name}/policy", _POLICIES),
            deliver_in=chance.pick(f"{name}/in", _SCHEDULED) if scheduled else None,
            ordering_key=chance.pick(f"{name}/key", ("k0", "k0", "k0", "k1")),
        )
        yield submission
        if chance.happens(f"{name}/repeated", 0.25):
            yield from _repeats(chance, submission)


def _with_events(chance: Chance, scenario: Scenario) -> Scenario:
    """Turn the messages of a scenario into events, and add subscriptions that change later."""
    return replace(
        scenario,
        submissions=tuple(
            replace(each, event_type=chance.pick(f"{each.message}/type", _EVENT_TYPES))
            for each in scenario.submissions
        ),
        subscriptions=tuple(_subscriptions(chance)),
    )


def _subscriptions(chance: Chance) -> Iterator[Subscribing]:
    for host in _HOSTS:
        for number, at in enumerate((0, *_CHANGES[: chance.below(f"{host}/changes", 3)])):
            types = chance.pick(f"{host}/types-{number}", _SUBSCRIBED)
            later = chance.below(f"{host}/later-{number}", 20) if at else 0
            yield Subscribing(host, types, at + later)


def _submissions(chance: Chance) -> Iterator[Submission]:
    for number in range(chance.pick("messages", (1, 1, 2, 2, 3))):
        name = f"message-{number}"
        count = chance.pick(f"{name}/targets", (1, 1, 1, 2))
        first = chance.below(f"{name}/first", len(_HOSTS) - count + 1)
        scheduled = chance.happens(f"{name}/scheduled", 0.12)
        submission = Submission(
            message=f"m{number}",
            targets=_HOSTS[first : first + count],
            at=chance.below(f"{name}/at", 3) * 20,
            policy=chance.pick(f"{name}/policy", _POLICIES),
            deliver_in=chance.pick(f"{name}/in", _SCHEDULED) if scheduled else None,
        )
        yield submission
        if chance.happens(f"{name}/repeated", 0.35):
            yield from _repeats(chance, submission)


def _repeats(chance: Chance, submission: Submission) -> Iterator[Submission]:
    """Yield duplicates of a message, sent at random times from `_REPEATS`.

    They may come at once, within the five minutes in which a FIFO queue drops duplicates, soon
    after those five minutes, or much later.
    """
    for number in range(chance.pick(f"{submission.message}/repeats", (1, 1, 2, 4))):
        later = chance.pick(f"{submission.message}/repeat-{number}", _REPEATS)
        scheduled = submission.deliver_in
        yield replace(
            submission,
            at=submission.at + later,
            deliver_in=None if scheduled is None else scheduled - later,
        )


def _answers(chance: Chance, host: str) -> Iterator[Answer]:
    for number in range(1 + chance.below(f"{host}/answers", 5)):
        yield chance.pick(f"{host}/answer-{number}", _ANSWERS)


def _interventions(chance: Chance, given: Sequence[Submission]) -> Iterator[Intervention]:
    for number in range(chance.pick("interventions", (0, 0, 0, 1, 1, 2, 4))):
        name = f"intervention-{number}"
        submission = chance.pick(f"{name}/message", given)
        yield Intervention(
            chance.pick(f"{name}/act", tuple(Act)),
            submission.message,
            chance.pick(f"{name}/target", submission.targets),
            chance.pick(f"{name}/at", _ACTS_AT) + chance.below(f"{name}/later", SECOND),
        )


def _outages(chance: Chance) -> Iterator[Outage]:
    for number in range(chance.pick("outages", (0, 0, 0, 0, 1, 1, 2))):
        yield Outage(
            chance.pick(f"outage-{number}/service", _OUTAGES),
            chance.below(f"outage-{number}/begins", 4 * SECOND),
            chance.pick(f"outage-{number}/lasts", _LASTS),
        )


def _skews(chance: Chance) -> Iterator[tuple[str, int]]:
    for function in _SKEWED:
        if chance.happens(f"skew/{function}", 0.12):
            yield function, chance.pick(f"skew/{function}/way", (-_SKEW, _SKEW))

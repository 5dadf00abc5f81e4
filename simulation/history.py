"""A simulated history: one scenario, run to its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from simulation.actors.operator import start_operator
from simulation.actors.workers import (
    DISPATCHING,
    INGESTING,
    OF_BULK,
    poll,
    submit,
    submit_together,
)
from simulation.cloud import Cloud
from simulation.engine.chance import Chance
from simulation.engine.clock import SECOND
from simulation.engine.process import Outcome, Process
from simulation.workflow.definition import (
    Definition,
    delivery_document,
    first_attempt_document,
    load_definition,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulation.actors.workers import Source
    from simulation.deployed.edges import Edges
    from simulation.engine.faults import Fault
    from simulation.engine.scheduler import Plan
    from simulation.journal import Journal
    from simulation.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Programs:
    """The compiled definitions of both workflows."""

    standard: Definition
    express: Definition


@cache
def deployed_programs(express_timeout_seconds: int) -> Programs:
    """Return the deployed definitions of both workflows, compiled."""
    return Programs(
        load_definition(delivery_document()),
        load_definition(first_attempt_document(express_timeout_seconds)),
    )


@dataclass(frozen=True, slots=True)
class History:
    """The result of a simulated run of a scenario. "At the end" means at the end of the run.

    Args:
        scenario: the scenario.
        journal: what happened.
        ledger: the items of the ledger at the end, with typed values, by key.
        lines: the items of the table of lines at the end, with typed values, by key.
        places: the items of the table of places at the end, with typed values, by key.
        blocking: the ids of the endpoints that, at the end, block a line after a failure.
        queued: how many messages are on the delivery, bulk, ingest and undispatched queues at the
            end.
        faults: the faults that single calls had, by the label of the call.
        refusals: how many calls were refused in outages, by operation.
        events: the number of simulated events.
        has_ended: False if the run was cut off at the limit of events.
        trace: the time, label and text of each step; empty unless a trace was requested.
    """

    scenario: Scenario
    journal: Journal
    ledger: dict[tuple[str, ...], dict[str, Any]]
    lines: Mapping[tuple[str, ...], Mapping[str, Any]]
    places: Mapping[tuple[str, ...], Mapping[str, Any]]
    blocking: frozenset[str]
    queued: int
    faults: Mapping[str, Fault]
    refusals: Mapping[str, int]
    events: int
    has_ended: bool = True
    trace: list[tuple[int, str, str]] = field(default_factory=list)


def run_history(
    scenario: Scenario,
    plan: Plan,
    seed: int,
    edges: Edges,
    programs: Programs | None = None,
    *,
    trace: bool = False,
) -> History:
    """Run a scenario, and return what happened.

    Args:
        scenario: the scenario.
        plan: decides which calls have faults.
        seed: the seed of all random draws.
        edges: the stand-ins that the handlers use, which are reset for this run.
        programs: the workflow definitions, by default the deployed ones.
        trace: whether to record every step.
    """
    cloud = make_cloud(scenario, plan, seed, edges, programs)
    cloud.scheduler.trace = [] if trace else None
    _start(cloud, scenario)
    has_ended = cloud.scheduler.run()
    return History(
        scenario,
        cloud.journal,
        cloud.ledger.items,
        cloud.lines.items,
        cloud.places.items,
        cloud.blocking(),
        len(cloud.queues) + len(cloud.queues.undispatched) + len(cloud.ingest_queue),
        plan.met,
        cloud.scheduler.refusals,
        cloud.scheduler.steps,
        has_ended,
        cloud.scheduler.trace or [],
    )


def make_cloud(
    scenario: Scenario, plan: Plan, seed: int, edges: Edges, programs: Programs | None = None
) -> Cloud:
    """Return a new simulated cloud, and reset the handlers' stand-ins (`edges`) for it."""
    chance = Chance(seed)
    deployment = scenario.deployment
    programs = programs or deployed_programs(deployment.express_timeout // SECOND)
    cloud = Cloud(scenario, plan, chance, programs.standard, programs.express)
    edges.enter(
        deployment,
        lambda owner: chance.unit(f"{owner}/draw"),
        cloud.journal,
    )
    return cloud


def _start(cloud: Cloud, scenario: Scenario) -> None:
    scheduler = cloud.scheduler
    for change in scenario.subscriptions:
        if change.at:
            scheduler.at(scenario.start + change.at, cloud.subscribe, change)
        else:
            cloud.subscribe(change)

    def start_worker(source: Source, number: int, life: int) -> None:
        def ended(_: Outcome) -> None:  # AWS replaces a poller that has crashed
            scheduler.at(scheduler.now + SECOND, start_worker, source, number, life + 1)

        name = f"{source.name}-{number}" + (f".{life}" if life else "")
        scheduler.start(Process(name, poll(source, lambda: scheduler.now), ended))

    for number in range(scenario.workers):
        start_worker(DISPATCHING, number, 0)
    if scenario.deployment.bulk:
        start_worker(OF_BULK, 0, 0)
    if scenario.ingested:
        start_worker(INGESTING, 0, 0)
    _start_senders(cloud, scenario)
    for intervention in scenario.interventions:
        start_operator(intervention, scenario.start, cloud.journal, scheduler)


def _start_senders(cloud: Cloud, scenario: Scenario) -> None:
    scheduler = cloud.scheduler
    for submission in scenario.ingested:
        scheduler.at(scenario.start + submission.at, cloud.ingest, submission)
    for number, sent in enumerate(scenario.together):
        steps = submit_together(sent, scenario.start, cloud.journal, lambda: scheduler.now)
        scheduler.start(Process(f"sender:together-{number}", steps, lambda _: None))
    handed_over: Counter[str] = Counter()
    for submission in scenario.submissions:
        handed_over[submission.message] += 1
        steps = submit(submission, scenario.start, cloud.journal, lambda: scheduler.now)
        label = f"sender:{submission.message}#{handed_over[submission.message]}"
        scheduler.start(Process(label, steps, lambda _: None))

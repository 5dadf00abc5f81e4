"""The simulation and the local cloud: the same scenarios take the same path through the states.

They also have the same record, the same dead letters and the same number of requests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from homing.errors import UnsettledError
from homing.items import from_dynamodb
from homing.ledger.updates import own_put, owned_item
from homing_cli.traces.execution_history import visits
from simulation.deployed.functions import simulated_edges
from simulation.deployment import Deployment
from simulation.engine.clock import SECOND
from simulation.engine.plans import Census
from simulation.engine.process import Call, Outcome, Process
from simulation.engine.replay import replayed
from simulation.history import Programs, make_cloud
from simulation.scenario import Answer, Scenario
from simulation.services.lambda_service import Function
from simulation.workflow.definition import (
    delivery_document,
    first_attempt_document,
    load_definition,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing.delivery import Delivery
    from homing_cli.receiver.server import Receiver
    from simulation.cloud import Cloud
    from simulation.deployed.edges import Edges
    from simulation.workflow.definition import Definition

    Change = Callable[[dict[str, Any]], None]

NOWHERE = "arn-less-table-that-is-not-there"
NEVER_RETRIED = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}]


@dataclass(frozen=True)
class Case:
    """How the endpoint responds, what is broken, and what another execution has recorded."""

    script: str
    broken: tuple[str, ...] = ()
    recorded: str | None = None
    max_attempts: int = 3


CASES = {
    "delivered at once": Case("200"),
    "delivered at the second attempt": Case("429,204"),
    "delivered at the fifth attempt": Case("503,500,502,504,200", max_attempts=5),
    "given up at once": Case("410"),
    "given up at the second attempt": Case("503,301"),
    "limit reached": Case("500"),
    "limit of one": Case("500", max_attempts=1),
    "deliver breaks": Case("200", broken=("Deliver",)),
    "classify breaks": Case("200", broken=("Classify",)),
    "compute backoff breaks": Case("500", broken=("ComputeBackoff",)),
    "record retry breaks": Case("500,200", broken=("RecordRetry",)),
    "the ledger is down, delivered": Case("503,200", broken=("RecordDelivered",)),
    "the ledger is down, given up": Case("410", broken=("RecordFailure",)),
    "the record cannot be read": Case("410", broken=("ReadRecord",), recorded="DELIVERED"),
    "another's retry on record": Case("500", recorded="RETRY_SCHEDULED"),
    "another's retry on record, delivered here": Case("200", recorded="RETRY_SCHEDULED"),
    "another's delivery on record": Case("200", recorded="DELIVERED"),
    "another's delivery on record, given up here": Case("410", recorded="DELIVERED"),
    "the same failure on record": Case("410", recorded="FAILED"),
}


@dataclass(frozen=True)
class Came:
    """The result of a delivery, as far as it does not depend on the clock."""

    path: tuple[str, ...]
    requests: int
    status: str | None
    attempts: int | None
    history: tuple[tuple[Any, ...], ...]
    attributes: frozenset[str]
    dead_letters: tuple[str, ...]


def came(
    path: tuple[str, ...], requests: int, record: dict[str, Any] | None, dead_letters: Any
) -> Came:
    item = record or {}
    entries = item.get("retryHistory", [])
    return Came(
        path=path,
        requests=requests,
        status=item.get("status"),
        attempts=item.get("attempts"),
        history=tuple(
            (entry.get("errorCategory"), entry.get("httpStatus"), frozenset(entry))
            for entry in entries
        ),
        attributes=frozenset(item),
        dead_letters=tuple(dead["verdict"]["status"] for dead in dead_letters),
    )


def change_of(case: Case, broken_function: str) -> Change:
    def change(states: dict[str, Any]) -> None:
        for name in case.broken:
            arguments = states[name]["Arguments"]
            states[name]["Retry"] = NEVER_RETRIED
            if "FunctionName" in arguments:
                arguments["FunctionName"] = broken_function
            else:
                arguments["TableName"] = NOWHERE

    return change


def another_worker(case: Case, created_at: str) -> dict[str, Any]:
    waiting = {"nextRetryAt": {"S": "2025-12-28T12:00:01.250Z"}}
    delay = {"exponentialDelay": {"N": "1"}, "jitterApplied": {"N": "0.25"}}
    return {
        "status": {"S": str(case.recorded)},
        "createdAt": {"S": created_at},
        "attempts": {"N": "1"},
        "ttl": {"N": "4102444800"},
        "retryHistory": {"L": [{"M": {"attemptNumber": {"N": "0"}, **delay}}]},
        **(waiting if case.recorded == "RETRY_SCHEDULED" else {}),
        "lastUpdatedAt": {"S": created_at},
        "executionName": {"S": "another"},
    }


def requests_of(receiver: Receiver, delivery: Delivery) -> int:
    message_id = delivery.reference.message_id
    return sum(arrival.message_id == message_id for arrival in receiver.arrivals)


class Simulated:
    """A simulated cloud with one delivery, and definitions that are changed by `change`."""

    def __init__(self, edges: Edges, delivery: Delivery, script: str) -> None:
        self._edges = edges
        self._delivery = delivery
        self._host = "127"  # the first label of the receiver's host
        answers = tuple(Answer(int(status)) for status in script.split(","))
        self._scenario = Scenario((), {self._host: answers}, workers=0)

    def world(self, standard: Change = lambda _: None) -> Cloud:
        document = json.loads(json.dumps(delivery_document()))
        standard(document["States"])
        programs = Programs(load_definition(document), express_definition(lambda _: None))
        cloud = make_cloud(self._scenario, Census(), 1, self._edges, programs)
        cloud.functions.functions["broken"] = Function(15 * SECOND, _break, calls=False)
        return cloud

    def start(self, cloud: Cloud, steps: Iterator[Any]) -> Outcome:
        ends: list[Outcome] = []
        cloud.scheduler.start(Process("test", steps, ends.append))
        cloud.scheduler.run()
        return ends[0]

    def came(self, cloud: Cloud) -> Came:
        journal = cloud.journal
        record = next(map(from_dynamodb, cloud.ledger.items.values()), None)
        standard = [each for each in journal.executions if not each.is_express]
        path = tuple(standard[0].path) if standard else ()
        dead_letters = journal.dead.get(self._delivery.reference.delivery_id, [])
        dead = [dead_letter.document for dead_letter in dead_letters]
        return came(path, len(journal.sent), record, dead)


def express_definition(change: Change) -> Definition:
    document = first_attempt_document(60)
    change(document["States"])
    return load_definition(document)


def _break(_: Any) -> Any:
    raise RuntimeError("broken on purpose")


@pytest.fixture
def edges() -> Iterator[Edges]:
    with simulated_edges(Deployment()) as edges:
        yield edges


@pytest.mark.parametrize("name", CASES)
def test_a_standard_execution_takes_the_same_way(
    bench: Any,
    receiver: Receiver,
    deliver_to: Callable[..., Delivery],
    edges: Edges,
    name: str,
) -> None:
    """So does the watchdog, which settles deliveries that could not be recorded."""
    case = CASES[name]
    delivery = deliver_to(case.script, case.max_attempts)
    if case.recorded:
        worker = another_worker(case, delivery.reference.created_at)
        bench.put_record(delivery.reference, **worker)
    run = bench.run(delivery, change_of(case, bench.broken_function))
    reference, document = delivery.reference, delivery.to_document()
    bench.watch(run.workflow, reference)
    dead_letters = (*run.dead_letters, *bench.dead_letters(reference))
    requests = requests_of(receiver, delivery)
    real = came(run.path, requests, bench.record(reference), dead_letters)

    simulated = Simulated(edges, delivery, case.script)
    cloud = simulated.world(change_of(case, "broken"))
    item = own_put(reference, owned_item(reference, document))["Item"]
    if case.recorded:
        key = {"pk": {"S": reference.pk}, "sk": {"S": reference.sk}}
        item = {**key, **another_worker(case, reference.created_at)}
    cloud.ledger.put_item({"TableName": "ledger", "Item": item})

    def starter() -> Any:
        yield Call("states.start_execution", {"Name": reference.delivery_id, "Input": document})

    simulated.start(cloud, starter())
    assert simulated.came(cloud) == real


# The state at which the express path fails, and the responses that lead there.
BREAKS = [
    ("200", None),
    ("503,503,200", None),
    ("500", None),
    ("410", None),
    *(("200", state) for state in ("Deliver", "Classify", "WhatNext", "RecordDelivered")),
    ("200", "Delivered"),
    *(("503,200", state) for state in ("ComputeBackoff", "RecordRetry", "Recorded", "HandOff")),
    ("503,200", "HandedOff"),
    *(("410", state) for state in ("RecordFailure", "DeadLetter", "DeliveryFailed")),
]


def breaking(state: str | None) -> Change:
    def change(states: dict[str, Any]) -> None:
        if state is not None:
            states[state] = {"Type": "Fail", "Error": "BrokenOnPurpose", "Cause": state}

    return change


def standard_path(bench: Any, standard: str, delivery: Delivery) -> tuple[str, ...]:
    """Return the states that the Standard execution of a delivery passed, if there is one."""
    states = bench.cloud.client("stepfunctions")
    prefix = standard.replace(":stateMachine:", ":execution:")
    execution = f"{prefix}:{delivery.reference.delivery_id}"
    try:
        history = states.get_execution_history(executionArn=execution, maxResults=1000)
    except states.exceptions.ExecutionDoesNotExist:
        return ()
    return tuple(visit.name for visit in visits(history["events"]))


@pytest.mark.parametrize(("script", "state"), BREAKS)
def test_the_express_path_settles_alike_wherever_it_breaks(
    bench: Any,
    receiver: Receiver,
    deliver_to: Callable[..., Delivery],
    edges: Edges,
    script: str,
    state: str | None,
) -> None:
    """At the first receive the express path is broken, at the second it works."""
    delivery, standard = deliver_to(script), bench.standard()
    reference, body = delivery.reference, json.dumps(delivery.to_document())
    changes = [breaking(state)] + ([breaking(None)] if state else [])
    settled = []
    for change in changes:
        settled.append(_settled(partial(bench.express_path(standard, change).settle, body)))
        bench.wait_for(standard, reference)
    real = came(
        standard_path(bench, standard, delivery),
        requests_of(receiver, delivery),
        bench.record(reference),
        bench.dead_letters(reference),
    )

    simulated = Simulated(edges, delivery, script)
    cloud = simulated.world()
    simulated_settled = []
    for receive_count, change in enumerate(changes, start=1):
        cloud.states.deploy_express(express_definition(change))
        settle = partial(edges.desk.express_path.settle, body)
        steps = replayed(
            partial(_settled, settle),
            label=f"settle-{receive_count}",
            clock=lambda: cloud.scheduler.now,
        )
        simulated_settled.append(simulated.start(cloud, steps).value)
    assert simulated_settled == settled
    assert simulated.came(cloud) == real


def _settled(settle: Callable[[], Any]) -> str:
    try:
        return str(settle()[1])
    except UnsettledError:
        return "UNSETTLED"

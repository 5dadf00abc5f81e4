"""The ledger's updates, the definition and `dispatch` follow the table of transitions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from homing.delivery import document_text
from homing.dispatch.executions import Execution, FirstAttempt
from homing.dispatch.express_path import ExpressPath
from homing.items import from_dynamodb, to_dynamodb
from homing.ledger.claim import AttemptClaim
from homing.ledger.generation import execution_name
from homing.ledger.record import EXPRESS_PATH, Record
from homing.ledger.table import Ledger
from homing.ledger.transitions import DISPATCH, TRANSITIONS, Action, Move, State, state_of
from homing.ledger.updates import Retry, key_of, owned_item
from homing.recovery.interventions import Interventions
from homing.retry.classification import Status
from simulation.deployed.clients import ConditionalCheckFailedException
from simulation.engine.faults import ConditionFailedError
from simulation.services.table import Table
from simulation.workflow.definition import delivery_document, first_attempt_document
from simulation.workflow.templates import compile_template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homing.delivery import Delivery, Reference

NOON = "2025-12-28T12:00:00.000Z"
NOW = datetime(2025, 12, 28, 12, 30, tzinfo=UTC)
PAGE = Path(__file__).parents[4] / "docs" / "delivery-protocol.md"
ENTRY = {
    "attemptNumber": 0,
    "timestamp": NOON,
    "errorCategory": "SERVER_ERROR",
    "errorDetails": {"message": "HTTP 503"},
    "exponentialDelay": 1,
    "jitterApplied": 0,
}
STATES: Mapping[bool, Any] = {
    True: first_attempt_document(60)["States"],
    False: delivery_document()["States"],
}


DRAINED = {"category": "INTERNAL_ERROR", "reason": "drained"}


class Client:
    """A DynamoDB client of one simulated table, which another test compares with moto."""

    class exceptions:  # noqa: N801  # botocore's name
        ConditionalCheckFailedException = ConditionalCheckFailedException

    def __init__(self) -> None:
        self.table = Table(("pk", "sk"))

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            try:
                return getattr(self.table, operation)(arguments)
            except ConditionFailedError as failed:
                answer: Any = {"Error": {}, **({"Item": failed.item} if failed.item else {})}
                raise ConditionalCheckFailedException(answer, operation) from failed

        return call


@dataclass
class FakeCloud:
    """Fakes of both workflows, in which all executions run, and of the dead-letter queue."""

    document: dict[str, Any]
    did: list[Action] = field(default_factory=list)

    def start(self, name: str, document: str) -> bool:
        self.did.append(Action.START_OWNER)
        return True

    def describe(self, name: str) -> Execution:
        return Execution(is_running=True, document=self.document)

    def run(self, delivery_id: str, document: str) -> FirstAttempt:
        self.did.append(Action.FIRST_ATTEMPT)
        return FirstAttempt("DELIVERED")

    def send(self, document: Any) -> None:
        self.did.append(Action.DEAD_LETTER)


@dataclass
class Bench:
    """A ledger with the record of one delivery in a state, before its attempt `attempt_number`."""

    delivery: Delivery
    state: State
    is_superseded: bool = False
    client: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        self.ledger = Ledger("ledger", self.client)  # type: ignore[arg-type]
        if self.state is not State.NONE:
            self.client.put_item(TableName="ledger", Item=to_dynamodb(self._item())["M"])

    def _item(self) -> dict[str, Any]:
        item = owned_item(self.reference, self.delivery.to_document())
        status = Status.FAILED if self.state is State.FAILED_UNSENT else Status(self.state)
        item |= {"status": status.value}
        if self.state is State.RETRY_SCHEDULED:
            item |= {"attempts": 1, "retryHistory": [ENTRY]}
        elif self.state is not State.QUEUED:
            item |= {"attempts": 1, "retryHistory": [ENTRY]}
            del item["nextRetryAt"]
        if self.state is State.FAILED_UNSENT:
            del item["executionName"], item["generation"]
        if self.is_superseded and "executionName" in item:
            item |= {"generation": 1, "executionName": self.name_of(1)}
        return item

    @property
    def reference(self) -> Reference:
        return self.delivery.reference

    @property
    def attempt_number(self) -> int:
        return 1 if self.state is State.RETRY_SCHEDULED else 0

    def name_of(self, generation: int) -> str:
        return execution_name(self.reference.delivery_id, generation)

    def document(self, generation: int, attempt_number: int) -> dict[str, Any]:
        return {
            **self.delivery.to_document(),
            "generation": generation,
            "attemptNumber": attempt_number,
            "attempts": attempt_number + 1,
        }

    def found(self) -> tuple[State, Any]:
        item = self.client.get_item(
            TableName="ledger", Key=key_of(self.reference), ConsistentRead=True
        ).get("Item")
        record = Record.from_attributes(from_dynamodb(item)) if item else None
        return state_of(record), item

    # What actors do.

    def claim(self, generation: int) -> None:
        name = self.name_of(generation)
        claim = AttemptClaim(self.attempt_number, name, generation, NOON, 2_000_000_000)
        self.ledger.claim(self.reference, claim)

    def retry(self, generation: int, name: str, attempt_number: int) -> None:
        entry = {**ENTRY, "attemptNumber": attempt_number, "nextRetryTimestamp": NOON}
        entry["timestamp"] = "2025-12-28T12:00:07.000Z"
        retry = Retry(self.reference, attempt_number, entry, 2_000_000_000, generation, name)
        self.ledger.record_retry(retry)

    def end(
        self, state: str, status: Status, generation: int, attempt: int, *, express: bool
    ) -> None:
        """Evaluate the arguments of a state of the definition, and make the update."""
        document = self.document(generation, attempt) | {
            "outcome": {"timestamp": NOON, "responseTime": 12, "httpStatus": 200},
            "verdict": {"status": status.value, "category": "SUCCESS", "reason": "HTTP 200"},
        }
        states = {"input": document, "context": {"Execution": {"Name": self.name_of(generation)}}}
        arguments = compile_template(STATES[express][state]["Arguments"])(states)
        try:
            self.client.update_item(**arguments)
        except ConditionalCheckFailedException:
            return

    @property
    def interventions(self) -> Interventions:
        cloud: Any = FakeCloud(self.document(0, 0))
        return Interventions(self.ledger, cloud, lambda _: True)

    def take_up(self) -> None:
        """Resume the delivery as the watchdog does, which considers only waiting deliveries."""
        record = self.ledger.read(self.reference)
        if record is not None and record.is_waiting:
            document = self.document(1, self.attempt_number)
            self.ledger.take_up(self.reference, record, document, self.name_of(1), at=NOON)

    def drain(self) -> None:
        dead_letter = self.document(0, self.attempt_number) | {"verdict": DRAINED}
        self.ledger.dead_letter(self.reference, dead_letter, self.name_of(0), at=NOON)


def end(state: str, status: Status, generation: int) -> Callable[[Bench], None]:
    return lambda bench: bench.end(state, status, generation, bench.attempt_number, express=False)


def first(state: str, status: Status) -> Callable[[Bench], None]:
    return lambda bench: bench.end(state, status, 0, 0, express=True)


MOVES: Mapping[Move, Callable[[Bench], Any]] = {
    Move.OWN: lambda bench: bench.ledger.own(bench.reference, bench.document(0, 0)),
    Move.KEEP: lambda bench: bench.ledger.keep_dead_letter(bench.reference, "{}"),
    Move.EXPRESS_DELIVERED: first("RecordDelivered", Status.DELIVERED),
    Move.EXPRESS_RETRY: lambda bench: bench.retry(0, EXPRESS_PATH, 0),
    Move.EXPRESS_FAILURE: first("RecordFailure", Status.FAILED),
    Move.CLAIM: lambda bench: bench.claim(0),
    Move.DELIVERED: end("RecordDelivered", Status.DELIVERED, 0),
    Move.RETRY: lambda bench: bench.retry(0, bench.name_of(0), bench.attempt_number),
    Move.FAILURE: end("RecordFailure", Status.MAX_RETRIES_EXCEEDED, 0),
    Move.LATER_CLAIM: lambda bench: bench.claim(1),
    Move.EARLIER_CLAIM: lambda bench: bench.claim(0),
    Move.EARLIER_DELIVERED: end("RecordDelivered", Status.DELIVERED, 0),
    Move.EARLIER_RETRY: lambda bench: bench.retry(0, bench.name_of(0), bench.attempt_number),
    Move.EARLIER_FAILURE: end("RecordFailure", Status.FAILED, 0),
    Move.REDRIVE: lambda bench: bench.interventions.redrive_dead_letter(
        bench.document(0, 0), bench.reference, now=NOW
    ),
    Move.RETRY_NOW: lambda bench: bench.interventions.retry_now(bench.reference, now=NOW),
    Move.CANCEL: lambda bench: bench.interventions.cancel(
        bench.reference, now=NOW, expires_at=2_000_000_000
    ),
    Move.LIST: end("ListFailure", Status.FAILED, 0),
    Move.DRAIN: Bench.drain,
    Move.TAKE_UP: Bench.take_up,
}
EARLIER = {move for move in Move if move.name.startswith("EARLIER")}


# A failure in the express path has no generation, and neither has a delivery without a record.
CASES = [
    (move, state)
    for move in Move
    for state in State
    if move not in EARLIER or state not in {State.NONE, State.FAILED_UNSENT}
]


@pytest.mark.parametrize(("move", "state"), CASES)
def test_a_write_leads_to_the_state_in_the_table_or_is_refused_and_changes_nothing(
    delivery: Delivery, move: Move, state: State
) -> None:
    bench = Bench(delivery, state, is_superseded=move in EARLIER)
    before = bench.found()
    assert before[0] is state
    MOVES[move](bench)
    if state in TRANSITIONS[move]:
        assert bench.found()[0] is TRANSITIONS[move][state]
    else:
        assert bench.found() == before


def test_a_later_generation_leaves_an_attempt_that_is_claimed(delivery: Delivery) -> None:
    bench = Bench(delivery, State.QUEUED)
    bench.claim(0)
    before = bench.found()
    bench.claim(1)
    assert bench.found() == before


@pytest.mark.parametrize("state", State)
def test_dispatch_settles_a_message_as_the_table_says(delivery: Delivery, state: State) -> None:
    bench, cloud = Bench(delivery, state), FakeCloud(delivery.to_document())
    ExpressPath(cloud, cloud, bench.ledger, cloud).settle(document_text(delivery.to_document()))
    assert cloud.did == [each for each in [DISPATCH[state]] if each is not Action.NOTHING]


@pytest.mark.parametrize("state", State)
def test_what_must_wait_is_given_to_its_execution_or_settled_by_its_record(
    delivery: Delivery, state: State
) -> None:
    """The test uses a scheduled delivery; deferred and postponed ones are treated alike."""
    bench, cloud = Bench(delivery, state), FakeCloud(delivery.to_document())
    later = json.dumps(replace(delivery, due_at="2025-12-28T12:00:03Z").to_document())
    ExpressPath(cloud, cloud, bench.ledger, cloud).settle(later)
    expected = Action.START_OWNER if state is State.NONE else DISPATCH[state]
    assert cloud.did == [each for each in [expected] if each is not Action.NOTHING]
    owned = {state: TRANSITIONS[Move.OWN].get(state, state)}
    kept = {State.FAILED_UNSENT: TRANSITIONS[Move.KEEP][State.FAILED_UNSENT]}
    assert bench.found()[0] is (owned | kept)[state]


def cell(move: Move, state: State) -> str:
    after = TRANSITIONS[move].get(state)
    if after is None:
        return "refused"
    return "same" if after is state else after.value


def rows() -> list[str]:
    """The table in docs/delivery-protocol.md."""
    settles = [DISPATCH[state].value for state in State]
    lines = [
        ["", *(state.value for state in State)],
        ["---"] * (1 + len(State)),
        ["`dispatch` settles a message: it", *settles],
        *([move.value, *(cell(move, state) for state in State)] for move in Move),
    ]
    return ["| " + " | ".join(line) + " |" for line in lines]


def test_the_page_shows_the_table() -> None:
    shown = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    assert shown == rows(), "\n".join(["write into docs/delivery-protocol.md:", *rows()])

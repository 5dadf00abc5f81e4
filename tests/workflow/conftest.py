"""Delivery workflows with faults: the deployed definition with one part replaced."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config

from homing.credentials.confidential import Confidential
from homing.delivery import Delivery, Reference, Request
from homing.dispatch.executions import FirstAttempts, Workflow
from homing.dispatch.express_path import ExpressPath
from homing.endpoints.concurrency import ConcurrencySlots
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.store import EndpointStore
from homing.items import from_dynamodb
from homing.ledger.table import Ledger
from homing.queues.dead_letters import DeadLetterQueue
from homing.recovery.watchdog import MOST_PER_PARTITION, Watchdog
from homing.retry.policy import Jitter, Policy
from homing.timestamps import to_text
from homing_cli.receiver.server import Receiver
from homing_cli.traces.execution_history import visits
from stacks.workflow.express_path import first_attempt_definition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from homing_cli.client.target import Target

WAIT_SCALE = 0.01
NOON = "2025-12-28T12:00:00.000Z"
BROKEN = "def handler(event, context):\n    raise RuntimeError('broken on purpose')\n"


@dataclass(frozen=True)
class Run:
    """The result of an execution: its status and its states, with `!` after one left by a Catch.

    `events` are those in its history; `workflow` is the ARN of its state machine.
    """

    path: tuple[str, ...]
    status: str
    record: dict[str, Any] | None
    dead_letters: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...] = ()
    workflow: str = ""


@dataclass(frozen=True)
class Bench:
    """Runs deliveries through workflows made from the deployed definition."""

    cloud: Target
    definition: dict[str, Any]
    broken_function: str

    def run(
        self,
        delivery: Delivery,
        change: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> Run:
        """Run one delivery through the definition as changed by `change`, as its owner."""
        self.ledger().own(delivery.reference, delivery.to_document())
        states = self.cloud.client("stepfunctions")
        machine = self.machine(self._changed(self.definition, change))
        execution = states.start_execution(
            stateMachineArn=machine,
            name=delivery.reference.delivery_id,
            input=json.dumps(delivery.to_document()),
        )["executionArn"]
        described = _until_it_ends(states, execution)
        history = states.get_execution_history(executionArn=execution, maxResults=1000)
        return Run(
            path=tuple(_path(history["events"])),
            status=described["status"],
            record=self.record(delivery.reference),
            dead_letters=self.dead_letters(delivery.reference),
            events=tuple(history["events"]),
            workflow=machine,
        )

    def watch(self, workflow: str, reference: Reference) -> None:
        """Make the watchdog examine a delivery as in an hour, if the delivery needs attention."""
        for watched, record in self.ledger().overdue(datetime.now(UTC), MOST_PER_PARTITION):
            if watched.delivery_id == reference.delivery_id:
                self._watchdog(workflow).examine(
                    reference, record, now=datetime.now(UTC) + timedelta(hours=1)
                )

    def _watchdog(self, workflow: str) -> Watchdog:
        states = Workflow(workflow, self.cloud.client("stepfunctions"))
        return Watchdog(self.ledger(), states, self._dead_letter_queue())

    def express_path(
        self,
        standard: str,
        change: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> ExpressPath:
        """Return an express path whose Express workflow is changed by `change`."""
        client = self.cloud.session.client(
            "stepfunctions",
            endpoint_url=self.cloud.endpoint,
            config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
        )
        express = first_attempt_definition(self.definition, timeout_seconds=60)
        express["States"]["HandOff"]["Arguments"]["StateMachineArn"] = standard
        arn = self.machine(self._changed(express, change), kind="EXPRESS")
        return ExpressPath(
            workflow=Workflow(standard, client),
            first_attempts=FirstAttempts(arn, 60, client),
            records=self.ledger(),
            dead_letters=self._dead_letter_queue(),
        )

    def _dead_letter_queue(self) -> DeadLetterQueue:
        return DeadLetterQueue(self.cloud.outputs["DeadLetterQueueUrl"], self.cloud.client("sqs"))

    def ledger(self) -> Ledger:
        """Return the ledger."""
        return Ledger(self.cloud.outputs["LedgerTable"], self.cloud.client("dynamodb"))

    def machine(self, definition: dict[str, Any], kind: str = "STANDARD") -> str:
        """Create a state machine and return its ARN."""
        made = self.cloud.client("stepfunctions").create_state_machine(
            name=f"bench-{uuid.uuid4().hex}",
            definition=json.dumps(definition).replace("${Partition}", "aws"),
            roleArn="arn:aws:iam::000000000000:role/bench",
            type=kind,
        )
        arn: str = made["stateMachineArn"]
        return arn

    def standard(self) -> str:
        """Create a Standard workflow from the deployed definition."""
        return self.machine(self.definition)

    def wait_for(self, standard: str, name: str | Reference) -> None:
        """Wait until a Standard execution ends, by its name or its delivery's, if there is one."""
        states = self.cloud.client("stepfunctions")
        prefix = standard.replace(":stateMachine:", ":execution:")
        with suppress(states.exceptions.ExecutionDoesNotExist):
            _until_it_ends(
                states, f"{prefix}:{name if isinstance(name, str) else name.delivery_id}"
            )

    @staticmethod
    def _changed(
        definition: dict[str, Any], change: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any]:
        changed: dict[str, Any] = json.loads(json.dumps(definition))
        change(changed["States"])
        return changed

    def crowded(self, delivery: Delivery, span: timedelta) -> Delivery:
        """Address a delivery to an endpoint that allows one attempt at once and has one."""
        now, client = datetime.now(UTC), self.cloud.client("dynamodb")
        reference = replace(
            delivery.reference,
            endpoint_id=f"crowded-{uuid.uuid4().hex}",
            created_at=to_text(now),
        )
        endpoint = Endpoint(
            reference.sender_id,
            str(reference.endpoint_id),
            reference.target_url,
            to_text(now),
            to_text(now),
            attempts_at_once=1,
        )
        tables = self.cloud.outputs["EndpointsTable"], self.cloud.outputs["SecretsTable"]
        assert EndpointStore(*tables, client).save(endpoint, Confidential())
        assert ConcurrencySlots(tables[0], client, span).take(endpoint, 1, "another", now)
        return replace(delivery, reference=reference)

    def record(self, reference: Reference) -> dict[str, Any] | None:
        """Return the ledger record of a delivery; None without one."""
        found = self.cloud.client("dynamodb").get_item(
            TableName=self.cloud.outputs["LedgerTable"],
            Key={"pk": {"S": reference.pk}, "sk": {"S": reference.sk}},
        )
        return from_dynamodb(found["Item"]) if "Item" in found else None

    def put_record(self, reference: Reference, **attributes: dict[str, Any]) -> None:
        """Write the ledger record of a delivery, as another execution would."""
        key = {"pk": {"S": reference.pk}, "sk": {"S": reference.sk}}
        self.cloud.client("dynamodb").put_item(
            TableName=self.cloud.outputs["LedgerTable"], Item={**key, **attributes}
        )

    def forget_dead_letter(self, reference: Reference) -> None:
        """Remove the dead letter from the ledger record of a failed delivery."""
        self.cloud.client("dynamodb").update_item(
            TableName=self.cloud.outputs["LedgerTable"],
            Key={"pk": {"S": reference.pk}, "sk": {"S": reference.sk}},
            UpdateExpression="REMOVE deadLetter",
        )

    def dead_letters(self, reference: Reference) -> tuple[dict[str, Any], ...]:
        """Return this delivery's dead letters and delete them from the queue."""
        return tuple(self._dead_letters(reference))

    def _dead_letters(self, reference: Reference) -> Iterator[dict[str, Any]]:
        queue, url = self.cloud.client("sqs"), self.cloud.outputs["DeadLetterQueueUrl"]
        while messages := queue.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=1
        ).get("Messages"):
            for message in messages:
                body = json.loads(message["Body"])
                if body["reference"]["deliveryId"] == reference.delivery_id:
                    queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    yield body


def _until_it_ends(states: Any, execution: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        described: dict[str, Any] = states.describe_execution(executionArn=execution)
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.05)
    raise AssertionError(f"{execution} has not ended within a minute")


def _path(events: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the states passed, with `!` after a task that failed and was caught."""
    failed = False
    for event in events:
        kind = event["type"]
        if kind.endswith("StateEntered"):
            failed = False
        elif kind.endswith("StateExited"):
            name = event["stateExitedEventDetails"]["name"]
            yield f"{name}!" if failed else name
        elif "Failed" in kind or "Succeeded" in kind:
            failed = "Failed" in kind
    if events[-1]["type"] == "ExecutionFailed":
        yield visits(events)[-1].name


@pytest.fixture(scope="session")
def bench(
    cloud: Target, wait_scale: Callable[[float], AbstractContextManager[None]]
) -> Iterator[Bench]:
    """A bench on which the minute of retries without a ledger takes half a second."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("broken.py", BROKEN)
    function = cloud.client("lambda").create_function(
        FunctionName="broken-on-purpose",
        Runtime="python3.13",
        Handler="broken.handler",
        Role="arn:aws:iam::000000000000:role/bench",
        Code={"ZipFile": package.getvalue()},
    )
    deployed = cloud.client("stepfunctions").describe_state_machine(
        stateMachineArn=cloud.outputs["StateMachineArn"]
    )
    with wait_scale(WAIT_SCALE):
        yield Bench(cloud, json.loads(deployed["definition"]), function["FunctionArn"])


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def deliver_to(receiver: Receiver) -> Callable[..., Delivery]:
    """Return a function that makes a delivery to the receiver, with a script."""

    def make(script: str, max_attempts: int = 3) -> Delivery:
        reference = Reference(
            message_id=f"m-{uuid.uuid4().hex}",
            sender_id="default",
            timestamp=NOON,
            target_url=f"{receiver.url}/script/{script}",
            correlation_id="trace-7",
            created_at=NOON,
        )
        policy = Policy(jitter=Jitter.NONE, base_delay_seconds=0)
        return Delivery(
            reference=reference,
            request=Request('{"total": 1.10}', "application/json", {"x-tenant": "acme"}),
            policy=replace(policy, max_attempts=max_attempts),
            attempt_number=0,
            due_at="2025-12-28T12:00:00Z",
            expires_at=4_102_444_800,
        )

    return make

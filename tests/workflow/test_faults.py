"""Real faults on the local cloud: refused calls, broken functions, an endpoint that crashes.

Whatever fails, a delivery ends as docs/operations.md says: delivered, dead-lettered, or still on
the queue. Nothing is lost.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from homing.dispatch.executions import FirstAttempts, Workflow
from homing.dispatch.express_path import ExpressPath, Settled
from homing.ledger.generation import execution_name
from homing.ledger.table import Ledger
from homing.payloads.store import PayloadStore
from homing.queues.dead_letters import DeadLetterQueue
from homing.recovery.interventions import Interventions, Result
from homing_cli.local.faulty_cloud import FaultyCloud, faulty_cloud
from homing_cli.receiver.server import Receiver
from stacks.workflow.express_path import first_attempt_definition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing.delivery import Delivery

THROTTLED = "ProvisionedThroughputExceededException"
FAULTS = {
    "crashes": "import os\n\ndef handler(event, context):\n    os._exit(1)\n",
    "times out": "import time\n\ndef handler(event, context):\n    time.sleep(5)\n",
    "returns nonsense": "def handler(event, context):\n    return 'nonsense'\n",
    "returns nothing": "def handler(event, context):\n    return None\n",
}


@pytest.fixture
def faulty(bench: Any) -> Iterator[FaultyCloud]:
    with faulty_cloud(bench.cloud.endpoint, bench.cloud.key) as server:
        yield server


@pytest.fixture
def express_path(bench: Any, faulty: FaultyCloud) -> ExpressPath:
    """The express path of a dispatcher all of whose calls go through the faulty cloud."""

    def client(service: Any, tries: int = 3) -> Any:
        config = Config(
            inject_host_prefix=False,
            proxies={},
            read_timeout=60,
            retries={"total_max_attempts": tries, "mode": "standard"},
        )
        return bench.cloud.session.client(service, endpoint_url=faulty.endpoint, config=config)

    standard = bench.standard()
    express = first_attempt_definition(bench.definition, timeout_seconds=60)
    express["States"]["HandOff"]["Arguments"]["StateMachineArn"] = standard
    outputs = bench.cloud.outputs
    return ExpressPath(
        workflow=Workflow(standard, client("stepfunctions")),
        first_attempts=FirstAttempts(
            bench.machine(express, kind="EXPRESS"), 60, client("stepfunctions", 1)
        ),
        records=Ledger(outputs["LedgerTable"], client("dynamodb")),
        dead_letters=DeadLetterQueue(outputs["DeadLetterQueueUrl"], client("sqs")),
    )


def body(delivery: Delivery, **more: Any) -> str:
    return json.dumps({**delivery.to_document(), **more})


def requests(receiver: Receiver, delivery: Delivery) -> int:
    message_id = delivery.reference.message_id
    return sum(arrival.message_id == message_id for arrival in receiver.arrivals)


def test_a_ledger_that_is_throttled_for_a_moment_is_asked_again(
    express_path: ExpressPath,
    faulty: FaultyCloud,
    deliver_to: Callable[..., Delivery],
    receiver: Receiver,
) -> None:
    faulty.refuse("GetItem", 2, error=THROTTLED)
    delivery = deliver_to("200")
    assert express_path.settle(body(delivery))[1] is Settled.DELIVERED
    assert faulty.calls["GetItem"] == 3
    assert requests(receiver, delivery) == 1


@pytest.mark.parametrize(
    ("action", "error", "status", "sent"),
    [
        ("GetItem", THROTTLED, 400, 0),
        ("GetItem", "InternalServerError", 500, 0),
        ("StartSyncExecution", "ServiceUnavailable", 503, 0),
        ("StartSyncExecution", "ThrottlingException", 400, 0),
    ],
)
def test_a_cloud_that_stays_down_leaves_the_message_on_the_queue_and_nothing_is_sent(
    express_path: ExpressPath,
    faulty: FaultyCloud,
    deliver_to: Callable[..., Delivery],
    receiver: Receiver,
    action: str,
    error: str,
    status: int,
    sent: int,
) -> None:
    faulty.refuse(action, 3, error=error, status=status)
    delivery = deliver_to("200")
    with pytest.raises(ClientError):
        express_path.settle(body(delivery))
    assert requests(receiver, delivery) == sent
    faulty.refuse(action, 0, error="")
    assert express_path.settle(body(delivery))[1] is Settled.DELIVERED
    assert requests(receiver, delivery) == 1


def test_a_scheduled_delivery_whose_workflow_cannot_be_started_is_started_the_next_time(
    express_path: ExpressPath, faulty: FaultyCloud, deliver_to: Callable[..., Delivery]
) -> None:
    later = body(deliver_to("200"), dueAt="2999-12-28T12:00:01Z")
    faulty.refuse("StartExecution", 3, error="ExecutionLimitExceeded")
    with pytest.raises(ClientError):
        express_path.settle(later)
    faulty.refuse("StartExecution", 0, error="")
    assert express_path.settle(later)[1] is Settled.STARTED


def test_a_dead_letter_that_the_queue_refuses_is_dead_lettered_the_next_time(
    bench: Any, express_path: ExpressPath, faulty: FaultyCloud, deliver_to: Callable[..., Delivery]
) -> None:
    """The record does not mention the dead letter: the run failed before that update."""
    delivery = deliver_to("410")
    assert express_path.settle(body(delivery))[1] is Settled.DEAD_LETTERED
    assert len(bench.dead_letters(delivery.reference)) == 1
    bench.forget_dead_letter(delivery.reference)
    faulty.refuse("SendMessage", 99, error="ServiceUnavailable", status=503)
    with pytest.raises(ClientError):
        express_path.settle(body(delivery))
    faulty.refuse("SendMessage", 0, error="")
    assert express_path.settle(body(delivery))[1] is Settled.DEAD_LETTERED
    assert len(bench.dead_letters(delivery.reference)) == 1


@pytest.fixture(scope="module")
def broken(bench: Any) -> dict[str, str]:
    """Functions that break in every way."""
    arns = {}
    for fault, code in FAULTS.items():
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("broken.py", code)
        arns[fault] = bench.cloud.client("lambda").create_function(
            FunctionName=f"broken-{fault.replace(' ', '-')}",
            Runtime="python3.13",
            Handler="broken.handler",
            Role="arn:aws:iam::000000000000:role/bench",
            Timeout=1,
            Code={"ZipFile": package.getvalue()},
        )["FunctionArn"]
    return arns


def failed_invocations(run: Any) -> int:
    """Return the number of failed invocations; on AWS the metric `Errors` counts them.

    The emulator counts `AWS/Lambda` Errors only for direct invocations, not for those by a
    workflow.
    """
    failed = [fields_of(event) for event in run.events if event["type"] == "TaskFailed"]
    return sum(fields["$.details.resourceType"] == "lambda" for fields in failed)


def fields_of(event: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an event in a history, by the names that they have in the log.

    AWS has separate fields for the service and its action; the emulator has the whole resource in
    one.
    """
    (details,) = [value for name, value in event.items() if name.endswith("Details")] or [{}]
    service, _, action = details.get("resource", "").rpartition(":::")[2].rpartition(":")
    more = {"resourceType": service, "resource": action}
    fields = {f"$.details.{name}": value for name, value in (details | more).items()}
    return {"$.type": event["type"], **fields}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("state", ["Deliver", "Classify", "ComputeBackoff", "RecordRetry"])
def test_however_a_function_breaks_the_message_is_delivered_or_dead_lettered(
    bench: Any,
    broken: dict[str, str],
    deliver_to: Callable[..., Delivery],
    state: str,
    fault: str,
) -> None:
    def breaking(states: dict[str, Any]) -> None:
        states[state]["Arguments"]["FunctionName"] = broken[fault]

    delivery = deliver_to("503,200", max_attempts=2)
    run = bench.run(delivery, breaking)
    delivered = run.path[-1] == "RecordDelivered"
    assert delivered or len(run.dead_letters) == 1, run.path
    # Without a valid delay, the next attempt is made at once; without a record, the delivery
    # continues.
    assert delivered == (
        state == "RecordRetry" or (state == "ComputeBackoff" and "returns" in fault)
    )
    for dead_letter in run.dead_letters:
        assert dead_letter["request"] == delivery.to_document()["request"]
    # The alarms: Errors for a function; ExecutionsFailed and DeadLetters for dead-lettered
    # deliveries.
    assert (run.status == "FAILED") == (not delivered)
    unread = fault.startswith("returns") and state == "RecordRetry"
    assert failed_invocations(run) > 0 or run.status == "FAILED" or unread


def test_messages_to_a_failing_endpoint_are_dead_lettered_and_delivered_by_a_redrive(
    bench: Any, deliver_to: Callable[..., Delivery]
) -> None:
    delivery = deliver_to("200")
    dying = Receiver()
    with dying:
        url = f"{dying.url}/script/503,200"
        reference = replace(delivery.reference, target_url=url)
        delivery = replace(delivery, reference=reference)
    run = bench.run(delivery)  # the receiver has stopped listening
    assert run.record["status"] == "MAX_RETRIES_EXCEEDED"
    assert {entry["errorCategory"] for entry in run.record["retryHistory"]} == {"NETWORK_ERROR"}
    (dead_letter,) = run.dead_letters
    ledger = Ledger(bench.cloud.outputs["LedgerTable"], bench.cloud.client("dynamodb"))
    workflow = Workflow(bench.cloud.outputs["StateMachineArn"], bench.cloud.client("stepfunctions"))
    payloads = PayloadStore(bench.cloud.outputs["PayloadBucket"], lambda: bench.cloud.client("s3"))
    with Receiver(port=urlsplit(url).port or 0) as back:
        redrive = Interventions(ledger, workflow, payloads.renew).redrive_dead_letter
        assert redrive(dead_letter, reference, now=datetime.now(UTC)) is Result.REDRIVEN
        bench.wait_for(
            bench.cloud.outputs["StateMachineArn"], execution_name(reference.delivery_id, 1)
        )
        assert requests(back, delivery) == 2
    record = bench.record(reference)
    assert (record["status"], record["attempts"]) == ("DELIVERED", 2)
    assert len(record["retryHistory"]) == 5


def test_an_attempt_that_cannot_be_recorded_is_counted_for_its_alarm(
    bench: Any, deliver_to: Callable[..., Delivery]
) -> None:
    """The test replaces the name of the table in the deployed function's environment."""
    functions = bench.cloud.client("lambda")
    (name,) = [
        one["FunctionName"]
        for one in functions.list_functions()["Functions"]
        if "RecordRetry" in one["FunctionName"]
    ]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    absent = {**variables, "LEDGER_TABLE": "not-there"}
    group = functions.get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": absent})
    try:
        delivery = deliver_to("503,200")
        run = bench.run(delivery)
    finally:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )
    assert run.path[-1] == "RecordDelivered"
    assert [entry["attemptNumber"] for entry in run.record["retryHistory"]] == [1]
    events = bench.cloud.client("logs").filter_log_events(logGroupName=group)["events"]
    lines = [event["message"] for event in events if "ledger.unrecorded" in event["message"]]
    ours = [
        line
        for line in map(json.loads, lines)
        if line["deliveryId"] == delivery.reference.delivery_id
    ]
    assert [line["LedgerWriteFailed"] for line in ours] == [[1.0]]


def counted(bench: Any, run: Any, metric: str) -> int:
    """Count the events of an execution that the deployed metric filter of an alarm counts.

    Step Functions logs the type and the details of an event; the filters read nothing else.
    """
    filters = bench.cloud.client("logs").describe_metric_filters()["metricFilters"]
    (pattern,) = {
        one["filterPattern"]
        for one in filters
        if one["metricTransformations"][0]["metricName"] == metric
    }
    return sum(holds(pattern, event) for event in run.events)


def holds(pattern: str, event: dict[str, Any]) -> bool:
    """Evaluate a filter pattern of comparisons, `&&` and `||` on an event of an execution."""
    fields = fields_of(event)

    def compared(found: re.Match[str]) -> str:
        name, operator, value = found.groups()
        return str((fields.get(name) == value) == (operator == "="))

    text = re.sub(r'(\$[\w.]+) (=|!=) "([^"]*)"', compared, pattern.strip("{} "))
    assert re.fullmatch(r"(True|False|&&|\|\||[() ])+", text), text
    return bool(eval(text.replace("&&", "and").replace("||", "or")))  # noqa: S307  # see the assert


@pytest.mark.parametrize(
    ("script", "state", "end"),
    [("200", "RecordDelivered", "Delivered"), ("410", "RecordFailure", "DeliveryFailed")],
)
def test_an_end_that_cannot_be_recorded_is_counted_for_its_alarm(
    bench: Any, deliver_to: Callable[..., Delivery], script: str, state: str, end: str
) -> None:
    """The alarm `LedgerTriesFailed` is raised after four failed tries in five minutes."""

    def without_ledger(states: dict[str, Any]) -> None:
        states[state]["Arguments"]["TableName"] = "not-there"

    run = bench.run(deliver_to(script), without_ledger)
    assert run.path[-1] == end
    assert len(run.dead_letters) == (end == "DeliveryFailed")
    assert counted(bench, run, "LedgerTryFailed") >= 4
    assert counted(bench, run, "ExecutionBroken") == 0


def test_a_failure_that_cannot_be_dead_lettered_is_counted_as_a_broken_execution(
    bench: Any, deliver_to: Callable[..., Delivery]
) -> None:
    """The alarm `ExecutionsBroken`: the message is still in the execution, to be redriven."""

    def without_queue(states: dict[str, Any]) -> None:
        states["DeadLetter"]["Arguments"]["QueueUrl"] += "-not-there"
        for retrier in states["DeadLetter"]["Retry"]:
            retrier["MaxAttempts"] = 1  # the slow threshold itself is defined in the definition

    run = bench.run(deliver_to("410"), without_queue)
    assert (run.status, run.dead_letters) == ("FAILED", ())
    assert counted(bench, run, "ExecutionBroken") == 1


def test_a_delivery_that_is_dead_lettered_as_it_should_be_is_not_counted_as_broken(
    bench: Any, deliver_to: Callable[..., Delivery]
) -> None:
    run = bench.run(deliver_to("410"))
    assert (run.status, len(run.dead_letters)) == ("FAILED", 1)
    assert (counted(bench, run, "ExecutionBroken"), counted(bench, run, "LedgerTryFailed")) == (
        0,
        0,
    )

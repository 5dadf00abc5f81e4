"""The processes that are started with the simulation: pollers of queues, and senders."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from homing.errors import DetachedError
from simulation.deployed.functions import run_detach, run_settle
from simulation.deployment import BULK
from simulation.engine.clock import SECOND, to_iso
from simulation.engine.faults import ServiceError
from simulation.engine.process import Call, Join, Outcome, Process, Sleep
from simulation.engine.replay import replayed
from simulation.errors import SimulationError
from simulation.journal import Settling
from simulation.services.step_functions import name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulation.engine.process import Steps
    from simulation.journal import Journal
    from simulation.scenario import Submission, Together
    from simulation.services.lambda_service import Invocation

_API_TIMEOUT = 29 * SECOND
_INVOKE_TIMEOUT = 900 * SECOND
_POLL_AGAIN = 20 * SECOND


@dataclass(frozen=True, slots=True)
class Source:
    """A queue that pollers read.

    Args:
        name: the first part of the pollers' names.
        receive: the operation that receives messages.
        delete: the operation that deletes messages.
        function: the function that is invoked with the messages.
        queue: the argument of the operation `receive`; None for the operation's default.
    """

    name: str
    receive: str
    delete: str
    function: str
    queue: str | None = None


DISPATCHING = Source("worker", "sqs.receive", "sqs.delete", "dispatch")
OF_BULK = Source("bulk", "sqs.receive", "sqs.delete", "dispatch", BULK)
INGESTING = Source("ingest", "sqs.ingest_receive", "sqs.ingest_delete", "ingest")


def poll(source: Source, now: Callable[[], int]) -> Steps:
    """Poll a queue as Lambda's event source mapping does, with partial batch responses."""
    while True:
        try:
            batch = yield Call(source.receive, source.queue)
            event = {"Records": batch}
            invoke = {"FunctionName": source.function, "Payload": event}
            result = yield Call("lambda.invoke", invoke, _INVOKE_TIMEOUT)
            failures = result["Payload"]["batchItemFailures"]
            failed = {failure["itemIdentifier"] for failure in failures}
            done = [each["receiptHandle"] for each in batch if each["messageId"] not in failed]
            if done:
                yield Call(source.delete, done)
        except ServiceError:
            yield Sleep(now() + _POLL_AGAIN)  # a message that is not deleted is redelivered


class Dispatch:
    """The function `dispatch`, which processes a batch of queue messages.

    It processes message groups concurrently, and the messages of one group in order.
    """

    def __init__(self) -> None:
        self._settled: dict[str, int] = {}

    def steps(self, invocation: Invocation) -> Steps:
        """Return the steps of one invocation, which the simulation runs as a process."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for record in invocation.event["Records"]:
            group = record["attributes"].get("MessageGroupId", record["messageId"])
            groups.setdefault(group, []).append(record)
        failures: list[str] = []
        yield Join(tuple(self._settling(group, failures, invocation) for group in groups.values()))
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failures]}

    def _settling(
        self, records: list[dict[str, Any]], failures: list[str], invocation: Invocation
    ) -> Process:
        name = name_of(json.loads(records[0]["body"]))
        about = Settling(name)

        def settle_all() -> Steps:
            is_detached = False
            for record in records:
                number = self._settled[name] = self._settled.get(name, 0) + 1
                process.label = f"settle:{name}#{number}"
                run = partial(run_detach if is_detached else run_settle, record)
                try:
                    yield from replayed(run, label=process.label, clock=invocation.clock)
                    if is_detached:
                        failures.append(record["messageId"])
                except SimulationError:
                    raise
                except Exception as error:  # noqa: BLE001  # after any exception, the record returns to the queue
                    failures.append(record["messageId"])
                    is_detached = is_detached or isinstance(error, DetachedError)

        process = Process("settle", settle_all(), _forget, host=invocation.process, about=about)
        return process


def _forget(_: Outcome) -> None:
    """Do nothing. A `Join` replaces this `on_end` before it starts the process."""


def submit(submission: Submission, start: int, journal: Journal, now: Callable[[], int]) -> Steps:
    """Send a message until it is accepted, at most `submission.tries` times."""
    yield Sleep(start + submission.at)
    body = json.dumps(body_of(submission, start))
    for number in range(submission.tries):
        invoke = {"FunctionName": "accept", "Payload": {"body": body}}
        try:
            result = yield Call("lambda.invoke", invoke, _API_TIMEOUT)
        except ServiceError:
            pass
        else:
            if result["Payload"]["status"] in {200, 202}:
                return
            journal.refused.append(result["Payload"]["status"])
        yield Sleep(now() + (number + 1) * SECOND)


def submit_together(sent: Together, start: int, journal: Journal, now: Callable[[], int]) -> Steps:
    """Send messages in one request; then resend those that were not accepted."""
    yield Sleep(start + sent.at)
    left = list(sent.submissions)
    for number in range(sent.tries):
        body = json.dumps({"messages": [body_of(each, start) for each in left]})
        invoke = {"FunctionName": "accept_batch", "Payload": {"body": body}}
        try:
            answer = yield Call("lambda.invoke", invoke, _API_TIMEOUT)
        except ServiceError:
            pass
        else:
            statuses = [each["status"] for each in answer["Payload"]["results"]]
            again = [status not in {200, 202} for status in statuses]
            journal.refused += [status for status in statuses if status not in {200, 202}]
            left = [each for each, is_left in zip(left, again, strict=True) if is_left]
            if not left:
                return
        yield Sleep(now() + (number + 1) * SECOND)


def body_of(submission: Submission, start: int) -> dict[str, Any]:
    """Return the body of the request that sends a message; `start` is the simulation's start."""
    body: dict[str, Any] = {
        "messageId": submission.message,
        "payload": {"total": 1.10, "of": submission.message},
    }
    if submission.event_type is None:
        body["targets"] = [f"https://{host}.example.com/hook" for host in submission.targets]
    else:
        body["eventType"] = submission.event_type
    if submission.ordering_key is not None:
        body["orderingKey"] = submission.ordering_key
    if submission.policy is not None:
        body["policy"] = dict(submission.policy)
    if submission.deliver_in is not None:
        body["deliverAt"] = to_iso(start + submission.at + submission.deliver_in)
    return body

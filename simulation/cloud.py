"""The simulated cloud: all AWS services and the endpoints, behind one method, `Cloud.perform`."""

from __future__ import annotations

import json
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from homing.delivery import document_text
from homing.endpoints.rate_slots import rate_change
from homing.items import from_dynamodb
from homing.ordering.line import Place
from simulation.actors.schedule import GRACE_MS, WatchdogSchedule
from simulation.actors.stream import StreamMapping
from simulation.actors.workers import Dispatch, body_of
from simulation.deployed.functions import (
    run_accept,
    run_accept_batch,
    run_classify,
    run_compute_backoff,
    run_deliver,
    run_ingest,
    run_record_retry,
    run_release,
    run_watchdog,
)
from simulation.deployed.stand_ins import endpoint_of
from simulation.deployment import ENDPOINTS, LEDGER, LINES, MESSAGES, PLACES, SECRETS
from simulation.engine.clock import DAY, SECOND, from_iso, to_iso
from simulation.engine.faults import (
    CRASHES,
    CrashedError,
    FaultKind,
    NoAnswerError,
    UnavailableError,
)
from simulation.engine.process import Outcome
from simulation.engine.scheduler import Scheduler
from simulation.items import delivery_of, is_watched, number_of, redrives_of, text_of
from simulation.journal import Begun, Journal, Sent, Settling, Written
from simulation.lines import standing_still
from simulation.scenario import host_of
from simulation.services.ingest_queue import IngestQueue
from simulation.services.lambda_service import Function, Invocation, LambdaService
from simulation.services.queue_service import QueueService
from simulation.services.registry_items import endpoint_items
from simulation.services.step_functions import StepFunctions
from simulation.services.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulation.deployment import Deployment
    from simulation.engine.chance import Chance
    from simulation.engine.process import Call, Process, Respond
    from simulation.engine.scheduler import Plan
    from simulation.scenario import Answer, Scenario, Submission, Subscribing
    from simulation.workflow.definition import Definition

# The maximum number of times that the watchdog runs for one stuck line. This many runs take longer
# than any outage lasts, so a line that is still stuck after them will never be released.
_MOST_VISITS = 40
_STALLS = (FaultKind.STALL_BEFORE, FaultKind.STALL_AFTER)
_READ = (FaultKind.REFUSED, FaultKind.LOST, *_STALLS)
_WRITE = (FaultKind.REFUSED, FaultKind.LOST, FaultKind.LATE, FaultKind.TWICE, *_STALLS)
_KINDS: Mapping[str, tuple[FaultKind, ...]] = {
    "dynamodb.get_item": _READ,
    "dynamodb.batch_get_item": _READ,
    "dynamodb.query": _READ,
    "dynamodb.update_item": _WRITE,
    "dynamodb.put_item": _WRITE,
    "dynamodb.delete_item": _WRITE,
    "dynamodb.scan": _READ,
    "sqs.send_message": _WRITE,
    "sqs.send_message_batch": _WRITE,
    "sqs.change_message_visibility": _WRITE,
    "sqs.receive": (FaultKind.LOST, FaultKind.STALL_AFTER),
    "sqs.delete": _READ,
    "sqs.ingest_receive": (FaultKind.LOST, FaultKind.STALL_AFTER),
    "sqs.ingest_delete": _READ,
    "sqs.receive_message": _READ,
    "sqs.delete_message": _READ,
    "lambda.invoke": (FaultKind.BROKEN, *_WRITE),
    "states.start_execution": _WRITE,
    "states.describe_execution": _READ,
    "states.start_sync_execution": (FaultKind.LATE, *_READ),
    "http.post": (FaultKind.LATE, *_READ),
    "function.sleep": (),
}
_WITH_CRASHES = {operation: (*kinds, *CRASHES) for operation, kinds in _KINDS.items()}


class Cloud:
    """The AWS services and endpoints of one simulated history.

    Args:
        scenario: the scenario.
        plan: decides which calls have faults.
        chance: makes all random draws.
        standard: the definition of the Standard workflow.
        express: the definition of the Express workflow.
    """

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,
        chance: Chance,
        standard: Definition,
        express: Definition,
    ) -> None:
        self._scenario = scenario
        self._asked: dict[str, int] = {}
        self.journal = Journal()
        self.scheduler = Scheduler(self, plan, chance, scenario.start)
        self.ledger = Table(("pk", "sk"), self._written)
        self.lines = Table(("pk",))
        self.places = Table(("pk", "sk"))
        self._visits: dict[str, int] = {}
        self._tables = {
            LINES: self.lines,
            PLACES: self.places,
            LEDGER: self.ledger,
            "${LedgerTable}": self.ledger,
            MESSAGES: Table(("pk",)),
            SECRETS: Table(("pk",)),
            ENDPOINTS: Table(("pk", "sk")),
        }
        self.ingest_queue = IngestQueue(self.scheduler, scenario, self.journal)
        set_aside = self.ingest_queue.set_aside
        self.queues = QueueService(
            self.scheduler, scenario, chance, self.journal, self._undispatched, set_aside
        )
        self.states = StepFunctions(
            self.scheduler, standard, express, chance, self.journal, stops=scenario.stops
        )
        self._schedule = WatchdogSchedule(
            self.scheduler, scenario.start, scenario.deployment.watchdog_every, self._has_work
        )
        self._stream = StreamMapping(self.scheduler)
        functions = _functions(scenario.deployment, self._accept, self._accept_batch)
        self.functions = LambdaService(self.scheduler, functions, scenario.skews)
        self._operations: Mapping[str, Callable[[Process, Call, str, Respond], None]] = {
            "dynamodb.get_item": partial(self._table, "get_item"),
            "dynamodb.batch_get_item": partial(self._table, "batch_get_item"),
            "dynamodb.query": partial(self._table, "query"),
            "dynamodb.update_item": partial(self._table, "update_item"),
            "dynamodb.put_item": partial(self._table, "put_item"),
            "dynamodb.delete_item": partial(self._table, "delete_item"),
            "dynamodb.scan": partial(self._table, "scan"),
            "sqs.send_message": self.queues.send_message,
            "sqs.send_message_batch": self.queues.send_message_batch,
            "sqs.change_message_visibility": self.queues.change_message_visibility,
            "sqs.receive": self.queues.receive,
            "sqs.receive_message": self.queues.receive_message,
            "sqs.delete_message": self.queues.delete_message,
            "sqs.delete": self.queues.delete,
            "sqs.ingest_receive": self.ingest_queue.receive,
            "sqs.ingest_delete": self.ingest_queue.delete,
            "lambda.invoke": self.functions.invoke,
            "states.start_execution": self.states.start_execution,
            "states.describe_execution": self.states.describe_execution,
            "states.start_sync_execution": self.states.start_sync_execution,
            "http.post": self._post,
            "function.sleep": self._sleep,
        }
        self._set_rates()

    def kinds(self, operation: str, *, can_crash: bool) -> tuple[FaultKind, ...]:
        """Return the kinds of faults that a call of this operation can have."""
        return (_WITH_CRASHES if can_crash else _KINDS)[operation]

    def subscribe(self, change: Subscribing) -> None:
        """Write an endpoint to the tables, with the subscriptions that it has after the change."""
        endpoint, secrets = endpoint_items(change, self._scenario.start)
        self._tables[ENDPOINTS].put_item({"TableName": ENDPOINTS, "Item": endpoint})
        self._tables[SECRETS].put_item({"TableName": SECRETS, "Item": secrets})

    def ingest(self, submission: Submission) -> None:
        """Put a message of the scenario on the ingest queue."""
        self.ingest_queue.put(json.dumps(body_of(submission, self._scenario.start)))

    def is_down(self, operation: str, now: int) -> bool:
        """Return whether an outage refuses this operation now."""
        since = now - self._scenario.start
        return any(
            outage.begins <= since < outage.begins + outage.lasts
            and (operation == outage.service or operation.startswith(f"{outage.service}."))
            for outage in self._scenario.outages
        )

    def perform(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Perform a call. The scheduler calls this method at the time the call takes effect."""
        self._operations[call.operation](process, call, label, respond)

    def _table(
        self, operation: str, process: Process, call: Call, label: str, respond: Respond
    ) -> None:
        table = self._tables.get(call.arguments["TableName"])
        if table is None:
            raise CrashedError("DynamoDB.ResourceNotFoundException")
        if operation == "get_item" and isinstance(process.about, Settling):
            process.about.read = self.scheduler.steps
        # If this raises, for example because an attempt claim fails, nothing below is recorded.
        answer = getattr(table, operation)(call.arguments)
        if table is self.places and operation == "put_item":
            place = Place.from_item(from_dynamodb(call.arguments["Item"]))
            self.queues.note(document_text(place.delivery.to_document()))
            self._schedule.expect(self.scheduler.now)
        if table is self.lines and ":until" in call.arguments.get("ExpressionAttributeValues", {}):
            delivery = process.about.event["reference"]["deliveryId"]
            now = self.scheduler.steps, self.scheduler.now
            self.journal.begun.append(Begun(*now, delivery, process.label))
        if operation == "update_item" and table is self.ledger and _claims(process.about):
            about = process.about  # the claim succeeded: this event decides to make the attempt
            about.caller.set_out[about.event["attemptNumber"]] = self.scheduler.steps
        respond(Outcome(answer))

    def _written(self, before: Any, after: Any) -> None:
        key = (after["pk"]["S"], after["sk"]["S"])
        if redrives_of(after) > redrives_of(before or {}):
            generations = self.journal.redrives.setdefault(delivery_of(after), [])
            generations.append(number_of(after, "generation"))
        self.journal.written.append(Written(self.scheduler.steps, key, before, after))
        self._stream.add(before, after)
        if "S" in after.get("line", {}):
            self._schedule.expect(self.scheduler.now)
        if is_watched(after):
            self._schedule.expect(from_iso(text_of(after, "attentionAt")))

    def _undispatched(self) -> None:
        self._schedule.expect(self.scheduler.now - DAY)

    def _has_work(self, now: int) -> bool:
        """Return whether the watchdog would find anything."""
        before = to_iso(now - GRACE_MS)
        overdue = (
            is_watched(item) and text_of(item, "attentionAt") < before
            for item in self.ledger.items.values()
        )
        return bool(self.queues.undispatched) or any(overdue) or self._finds_a_line(now)

    def _finds_a_line(self, now: int) -> bool:
        """Return whether a line is stuck and the watchdog may still release it.

        Each result True counts as a run of the watchdog for that line. After `_MOST_VISITS` runs
        the line is ignored, so that a line that stays stuck does not keep the simulation running.
        """
        tables = self.lines.items, self.places.items, self.ledger.items
        for line_id in standing_still(*tables, self.blocking()):
            places = [item for key, item in self.places.items.items() if key[0] == line_id]
            is_old = min(text_of(each, "putAt") for each in places) < to_iso(now - GRACE_MS)
            if is_old and self._visits.setdefault(line_id, 0) < _MOST_VISITS:
                self._visits[line_id] += 1
                return True
        return False

    def blocking(self) -> frozenset[str]:
        """Return the ids of the endpoints that block a line after a failure."""
        items = self._tables[ENDPOINTS].items.values()
        return frozenset(
            text_of(each, "sk") for each in items if text_of(each, "ordering") == "block"
        )

    def _accept(self, event: dict[str, Any]) -> Any:
        answer = run_accept(event)
        self._note_answer(json.loads(event["body"]), answer)
        return answer

    def _accept_batch(self, event: dict[str, Any]) -> Any:
        answer = run_accept_batch(event)
        for message, result in zip(
            json.loads(event["body"])["messages"], answer["results"], strict=True
        ):
            self._note_answer(message, result)
        return answer

    def _note_answer(self, message: dict[str, Any], answer: dict[str, Any]) -> None:
        if answer["status"] in {200, 202}:
            deliveries = tuple(answer["deliveries"])
            self.journal.note_accepted(message["messageId"], deliveries, self.scheduler.now)

    def _set_rates(self) -> None:
        """Set the rate of every endpoint, as a change to the endpoint through the API would."""
        deployment, since = self._scenario.deployment, to_iso(self._scenario.start)
        for host in self._scenario.endpoints if deployment.rate_per_second else ():
            endpoint = endpoint_of(f"https://{host}.example.com/hook", since, deployment)
            self._tables[ENDPOINTS].update_item(rate_change(ENDPOINTS, endpoint)["Update"])

    def _sleep(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        until = self.scheduler.now + ceil(call.arguments * SECOND)
        self.scheduler.at(until, respond, Outcome({}))

    def _post(self, process: Process, call: Call, label: str, respond: Respond) -> None:
        """Deliver a request to its endpoint, and respond with the endpoint's next response."""
        url = call.arguments["url"]
        answers = self._scenario.endpoints[host_of(url)]
        number = self._asked[url] = self._asked.get(url, 0) + 1
        answer = answers[min(number, len(answers)) - 1]
        ends_at, outcome = _response(answer, self.scheduler.now, call.timeout)
        self._note_request(process, call, answer, ends_at)
        if ends_at == self.scheduler.now:
            respond(outcome)
        else:
            self.scheduler.at(ends_at, respond, outcome)

    def _note_request(self, process: Process, call: Call, answer: Answer, ends_at: int) -> None:
        invocation = process.about
        execution = invocation.caller
        attempt = invocation.event["attemptNumber"]
        sent = Sent(
            instant=self.scheduler.now,
            delivery=execution.delivery,
            run=execution.run,
            attempt=attempt,
            hurried=execution.hurried and attempt == execution.document["attemptNumber"],
            set_out=execution.set_out[attempt],
            webhook_id=call.arguments["webhookId"],
            body=call.arguments["body"],
            status=answer.status,
            by=process.label,
            until=ends_at,
        )
        self.journal.sent.append(sent)


def _response(answer: Answer, now: int, timeout: int) -> tuple[int, Outcome]:
    """Return the time at which a request ends, and the outcome of the request.

    A refused connection ends at once, and a request without a response ends at its time-out.
    """
    if answer.takes > timeout:
        return now + timeout, Outcome(error=NoAnswerError("timed out"))
    if answer.status is None:
        return now, Outcome(error=UnavailableError("refused"))
    given = {"status": answer.status, "retryAfter": answer.retry_after}
    return now + answer.takes, Outcome(given)


def _claims(about: Any) -> bool:
    """Return whether a process is an invocation of `Deliver` that must claim its attempt."""
    return isinstance(about, Invocation) and "claim" in about.event


def _functions(
    deployment: Deployment,
    accept: Callable[[dict[str, Any]], Any],
    accept_batch: Callable[[dict[str, Any]], Any],
) -> dict[str, Function]:
    """Return the simulated Lambda functions, by the names that their callers use."""
    pure = deployment.function_timeout
    return {
        "${DeliverFunction}": Function(deployment.deliver_timeout, run_deliver),
        "${ClassifyFunction}": Function(pure, run_classify, calls=False),
        "${ComputeBackoffFunction}": Function(pure, run_compute_backoff, calls=False),
        "${RecordRetryFunction}": Function(deployment.function_timeout, run_record_retry),
        "accept": Function(deployment.accept_timeout, accept),
        "accept_batch": Function(deployment.accept_timeout, accept_batch),
        "ingest": Function(deployment.ingest_timeout, run_ingest),
        "dispatch": Function(deployment.dispatch_timeout, steps=Dispatch().steps),
        "release": Function(deployment.release_timeout, run_release),
        "watchdog": Function(deployment.watchdog_timeout, run_watchdog),
    }

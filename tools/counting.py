"""Count the AWS calls of messages of every scenario on a local cloud: `make counts`.

The real stack is deployed to the emulator. For each scenario, a message with a payload of 1 KB is
sent through the function URL, as by `homing send`, to a receiver that behaves as in the scenario.
This is done first with the express path on, then with it off. To count the calls of the other ways
to send messages, one more message is sent through the HTTP API, one through the ingest queue, and
ten in one request. The counts are the calls that the emulator served (`counted_calls`). The status
of a message is read only after its calls are counted, and is then compared with the expected one.

A function that reads a stream is counted as if it were invoked once for each change that passes its
filters. This is so on AWS, where the changes of a delivery are seconds apart.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homing_cli.client.api import ApiClient
from homing_cli.client.target import Target, local_target
from homing_cli.cost.counts import FILE, End
from homing_cli.errors import LocalCloudError
from homing_cli.local import local_cloud
from homing_cli.local.deployment import OWN_APP, App
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Calls = Counter[str]

COUNTED = "by `make counts`, from the calls that the local cloud served (tools/counting.py)"
WAIT_SCALE = 0.05
_SECONDS = 60
# The length of every target URL, so that the sizes of items differ only by scenario.
_URL_LENGTH = 64
_PAYLOAD = {"data": "x" * 1013}  # 1,024 bytes as JSON

SCENARIOS = (
    *((End.DELIVERED, attempts) for attempts in (1, 2, 3, 4)),
    (End.FAILED, 1),
    *((End.MAX_RETRIES_EXCEEDED, attempts) for attempts in (1, 2, 3, 4)),
)
VIA_CALLS = (
    *("api.requests", "url.requests", "lambda.Accept", "lambda.Ingest"),
    *("sqs.ingest.send", "sqs.ingest.receive", "sqs.ingest.delete", "sqs.deliveries.send"),
)
TOGETHER = 10  # messages in one request, as many as a batch of the delivery queue can hold
_NAMES = (
    *(f"lambda.{name}" for name in ("Accept", "Deliver", "Classify", "ComputeBackoff")),
    *("lambda.RecordRetry", "dynamodb.writeUnits", "dynamodb.readUnits"),
    *("sqs.deliveries.send", "sqs.deadLetters.send", "express.requests", "express.tasks"),
    *("standard.executions", "standard.transitions"),
    *("lambda.OperationalEvents", "events.entries"),
)
# Substrings of the names of two tables: the table of places, and the ledger, whose stream has two
# readers.
_PLACES, _LEDGER = "LedgerPlaces", "LedgerDeliveries"
_SHARED = ("lambda.Dispatch", "sqs.deliveries.receive", "sqs.deliveries.delete")
_STREAM_HANDLERS = ("lambdas.operational_events.handler", "lambdas.release.handler")
_READS = ("get_item", "query")
_QUEUE_ACTIONS = {
    "SendMessage": "send",
    "SendMessageBatch": "send",
    "ReceiveMessage": "receive",
    "DeleteMessageBatch": "delete",
}


@dataclass(frozen=True)
class CountedCloud:
    """A local cloud that records its calls.

    Args:
        cloud: the deployed Homing.
        file: the file to which the cloud writes its calls.
        receiver: the receiver of the messages.
    """

    cloud: Target
    file: Path
    receiver: Receiver

    def scenario(self, end: End, attempts: int) -> Calls:
        """Send one message that ends with `end` after this many attempts; return its calls.

        Raises:
            LocalCloudError: when the delivery has another end or another number of attempts.
        """
        limit = attempts if end is End.MAX_RETRIES_EXCEEDED else max(attempts, 3)
        calls = self.send([_script(end, attempts)], max_attempts=limit)
        message_id = self.receiver.arrivals[-1].message_id
        (delivery,) = ApiClient(self.cloud).message(message_id or "")["deliveries"]
        if (delivery["status"], delivery["attempts"]) != (end, attempts):
            raise LocalCloudError(f"expected {end} after {attempts} attempts, found {delivery}")
        return calls

    def send(
        self,
        scripts: Sequence[str],
        *,
        max_attempts: int = 3,
        via: str = "url",
        ordering_key: str | None = None,
        endpoint_id: str | None = None,
    ) -> Calls:
        """Send messages, one for each script of the receiver; return the calls of all.

        Args:
            scripts: how the receiver responds to each message, such as `503,200`.
            max_attempts: the maximum number of attempts in the policy of the messages.
            via: `url` for the function URL, `api` for the HTTP API, `ingest` for the ingest queue,
                or `batch` for one request with all messages to the function URL, as by
                `homing send --file`.
            ordering_key: the `orderingKey` of all messages; with one, each waits for the previous.
            endpoint_id: the endpoint that gets the messages, instead of the receiver's URL.
        """
        start = self.file.stat().st_size
        more = {"orderingKey": ordering_key, "endpointId": endpoint_id}
        bodies = [self._body(script, max_attempts, more) for script in scripts]
        with self._paused():
            if via == "batch":
                ApiClient(self.cloud).submit_all(bodies)
            else:
                for body in bodies:
                    self._hand_over(body, via)
        return self._calls_once_done(start)

    def _hand_over(self, body: bytes, via: str) -> None:
        if via == "ingest":
            url = self.cloud.outputs["IngestQueueUrl"]
            self.cloud.client("sqs").send_message(QueueUrl=url, MessageBody=body.decode())
        else:
            without_url = replace(self.cloud, messages_url=None)
            ApiClient(self.cloud if via == "url" else without_url).submit(body)

    def turn_express_path_off(self) -> None:
        """Turn off the express path in `dispatch`, like the setting `expressPath=false`."""
        self._set_dispatch(FIRST_ATTEMPT_ARN="")

    def wait_for_functions(self) -> None:
        """Raise the slow threshold of `dispatch`, so that no cold start detaches an attempt."""
        self._set_dispatch(SLOW_THRESHOLD_SECONDS="60", FIRST_WAIT_SECONDS="60")

    def _set_dispatch(self, **variables: str) -> None:
        functions = self.cloud.client("lambda")
        dispatch = next(
            function
            for function in functions.list_functions()["Functions"]
            if function["Handler"] == "lambdas.dispatch.handler"
        )
        functions.update_function_configuration(
            FunctionName=dispatch["FunctionName"],
            Environment={"Variables": {**dispatch["Environment"]["Variables"], **variables}},
        )

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """Pause the delivery queue, so that messages that are sent now form one batch."""
        functions = self.cloud.client("lambda")
        sources = functions.list_event_source_mappings()["EventSourceMappings"]
        ids = [one["UUID"] for one in sources if one["EventSourceArn"].endswith(".fifo")]
        for each in ids:
            functions.update_event_source_mapping(UUID=each, Enabled=False)
        try:
            yield
        finally:
            for each in ids:
                functions.update_event_source_mapping(UUID=each, Enabled=True)

    def endpoint(self, script: str, settings: Mapping[str, Any]) -> str:
        """Create an endpoint whose URL makes the receiver respond by this script; return its id."""
        endpoint_id = uuid.uuid4().hex
        body = {"url": self._url(script), **settings}
        ApiClient(self.cloud).endpoints("PUT", f"/{endpoint_id}", body)
        return endpoint_id

    def _body(self, script: str, max_attempts: int, more: Mapping[str, str | None]) -> bytes:
        message = {
            "messageId": f"msg_{uuid.uuid4().hex}",
            "targetUrl": None if more["endpointId"] else self._url(script),
            "payload": _PAYLOAD,
            "policy": {"maxAttempts": max_attempts},
            **more,
        }
        given = {name: value for name, value in message.items() if value is not None}
        return json.dumps(given).encode()

    def _url(self, script: str) -> str:
        return f"{self.receiver.url}/script/{script}/".ljust(_URL_LENGTH, "x")

    def _calls_once_done(self, start: int) -> Calls:
        """Wait until nothing is queued and no execution runs; return the calls since `start`."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            calls = [json.loads(line) for line in self._text(start).splitlines()]
            if _is_done(calls):
                return _named(calls, self._queues)
            time.sleep(0.05)
        raise LocalCloudError(f"a message has not ended within {_SECONDS} s")

    @property
    def _queues(self) -> dict[str, str]:
        """The names that counts.json uses for the queues, by queue URL."""
        outputs = self.cloud.outputs
        return {
            outputs["DeliveryQueueUrl"]: "deliveries",
            outputs["BulkQueueUrl"]: "deliveries",
            outputs["DeadLetterQueueUrl"]: "deadLetters",
            outputs["IngestQueueUrl"]: "ingest",
        }

    def _text(self, start: int) -> str:
        with self.file.open(encoding="utf-8") as lines:
            lines.seek(start)
            return lines.read().rpartition("\n")[0]


@contextmanager
def counted_cloud(folder: Path, app: App = OWN_APP) -> Iterator[CountedCloud]:
    """Run a local cloud that records its calls, in a temporary folder."""
    file = folder / "calls.jsonl"
    file.touch()
    with (
        local_cloud.throwaway(folder / ".homing", WAIT_SCALE, app, calls=file),
        Receiver() as receiver,
    ):
        target = local_target(folder / ".homing" / local_cloud.RECORD)
        counted = CountedCloud(target, file, receiver)
        counted.wait_for_functions()
        yield counted


def paths(counted: CountedCloud) -> dict[str, Any]:
    """Count the calls of all scenarios; return the value of `paths` in counts.json."""
    on = _express_path(counted)
    counted.turn_express_path_off()
    return {"on": on, "off": _express_path(counted)}


def _express_path(counted: CountedCloud) -> dict[str, Any]:
    scenarios = {scenario: counted.scenario(*scenario) for scenario in SCENARIOS}
    first = next(iter(scenarios.values()))
    via = {"url": first, **{way: counted.send(["200"], via=way) for way in ("api", "ingest")}}
    via["batch"] = _shared(counted.send(["200"] * TOGETHER, via="batch"))
    return {
        "perBatch": {name: first[name] for name in _SHARED},
        "via": {via: {name: calls[name] for name in VIA_CALLS} for via, calls in via.items()},
        "scenarios": [
            {"end": end, "attempts": attempts, "calls": {name: calls[name] for name in _NAMES}}
            for (end, attempts), calls in scenarios.items()
        ],
        "ordered": _ordered(counted, first),
        "rated": _rated(counted),
    }


def _ordered(counted: CountedCloud, once: Calls) -> dict[str, Calls]:
    """Return the calls that an `orderingKey` adds to the first message of a line, and a second."""
    alone = counted.send(["200"], ordering_key=uuid.uuid4().hex)
    two = counted.send(["200", "200"], ordering_key=uuid.uuid4().hex)
    return {"alone": _minus(alone, once), "behind": _minus(_minus(two, alone), once)}


def _rated(counted: CountedCloud) -> Calls:
    """Return the additional calls of an attempt to an endpoint with `ratePerSecond`."""
    without, rated = (
        counted.send(["200"], endpoint_id=counted.endpoint("200", settings))
        for settings in ({}, {"ratePerSecond": 500})
    )
    return _minus(rated, without)


def _minus(calls: Calls, others: Calls) -> Calls:
    names = sorted(calls.keys() | others.keys())
    return Counter({name: n for name in names if (n := calls[name] - others[name])})


def _shared(calls: Calls) -> Calls:
    """Return the calls per message, from the calls for `TOGETHER` messages."""
    return Counter({name: _whole(count / TOGETHER) for name, count in calls.items()})


def _whole(count: float) -> Any:
    return int(count) if count % 1 == 0 else count


def _script(end: End, attempts: int) -> str:
    match end:
        case End.DELIVERED:
            return ",".join(["503"] * (attempts - 1) + ["200"])
        case End.FAILED:
            return "410"
        case End.MAX_RETRIES_EXCEEDED:
            return "500"


def _is_done(calls: list[dict[str, Any]]) -> bool:
    """Return whether all messages have left the queue, and all that they caused has ended.

    Messages cause executions, and changes to tables, which functions read from streams.
    """
    actions = Counter(call["action"] for call in calls)
    ended = actions["ExecutionSucceeded"] + actions["ExecutionFailed"]
    batches = actions["ReceiveMessage"]
    is_empty = 0 < batches == actions["DeleteMessageBatch"]
    is_over = is_empty and 0 < ended == actions["start"] and _is_told(calls)
    places = Counter(call["action"] for call in calls if _PLACES in call["on"])
    return is_over and places["put_item"] == places["delete_item"]


def _is_told(calls: list[dict[str, Any]]) -> bool:
    """Return whether functions have handled every stream record that passes their filters."""
    units: Counter[tuple[str, str]] = Counter()
    for call in calls:
        units[call["action"], call["on"]] += call["units"]
    are_read = all(
        units["read", on] >= written * (2 if _LEDGER in on else 1)
        for (action, on), written in units.items()
        if action == "write"
    )
    passed = sum(count for (action, _), count in units.items() if action == "pass")
    return are_read and passed == sum(units["Invoke", on] for on in _STREAM_HANDLERS)


def _named(calls: list[dict[str, Any]], queues: Mapping[str, str]) -> Calls:
    """Return the number of calls of each kind, by the names of the kinds in counts.json."""
    total: Calls = Counter()
    for call in calls:
        for name in _names(call, queues):
            total[name] += call["units"]
    return Counter({name: _whole(count) for name, count in total.items()})


def _names(call: dict[str, Any], queues: Mapping[str, str]) -> Iterator[str]:
    action, on = call["action"], call["on"]
    match call["service"]:
        case "api" | "url" as via:
            yield f"{via}.requests"
        case "lambda":
            yield f"lambda.{_construct_id(on)}"
        case "events":
            yield "events.entries"
        case "dynamodb" if action not in _READS:
            yield "dynamodb.writeUnits"
        case "dynamodb" if "Registry" not in on:
            # Reads of endpoints do not count: `deliver` reads each once a minute, for any number of
            # messages.
            yield "dynamodb.readUnits"
        case "sqs" if action in _QUEUE_ACTIONS:
            yield f"sqs.{queues[on]}.{_QUEUE_ACTIONS[action]}"
        case "states" if on == "EXPRESS":
            yield from _express(action)
        case "states":
            yield from _standard(action)


def _express(action: str) -> Iterator[str]:
    if action == "start":
        yield "express.requests"
    if action == "TaskStateEntered":
        yield "express.tasks"


def _standard(action: str) -> Iterator[str]:
    if action == "start":
        yield "standard.executions"
    if action == "start" or action.endswith("StateEntered"):
        yield "standard.transitions"


def _construct_id(handler: str) -> str:
    """Return the construct id of a function: `RecordRetry` for `lambdas.record_retry.handler`."""
    return handler.split(".")[1].title().replace("_", "")


def to_text(document: dict[str, Any]) -> str:
    """Return the text of counts.json, with one scenario on each line."""
    text = json.dumps(document, indent=1)
    return re.sub(r"\{[^{}]*\}", lambda found: re.sub(r"\s+", " ", found[0]), text) + "\n"


def main() -> None:
    """Count all calls again and write counts.json."""
    with tempfile.TemporaryDirectory() as folder, counted_cloud(Path(folder)) as counted:
        document = {"counted": COUNTED, "paths": paths(counted)}
    FILE.write_text(to_text(document))


if __name__ == "__main__":
    main()

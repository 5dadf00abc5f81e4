"""What end-to-end tests share: the command, the cloud that it uses, and a receiver."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from homing.delivery import Delivery, Reference, Request
from homing.retry.policy import Policy
from homing.timestamps import to_due_text, to_text
from homing_cli.app import app
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typer.testing import Result

    from homing_cli.client.target import Target

    Homing = Callable[..., Result]
    Settle = Callable[["KeyApi", str], dict[str, Any]]
    Traces = Callable[[], dict[str, int]]
    BusEvents = Callable[[set[tuple[str, str]]], dict[tuple[str, str], Any]]


@pytest.fixture
def homing(cloud: Target, cloud_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Homing:
    """Run `homing` with these arguments, against the cloud."""
    monkeypatch.chdir(cloud_folder)
    monkeypatch.delenv("HOMING_STACK", raising=False)

    def run(*arguments: str, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=stdin)

    return run


@pytest.fixture
def read(homing: Homing) -> Callable[..., Any]:
    """Run a reading command with `--json` and return its document; it must succeed."""

    def run(*arguments: str) -> Any:
        done = homing(*arguments, "--json")
        assert (done.exit_code, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return run


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def run_id() -> str:
    """An id that distinguishes the messages of one test from those of others on the same cloud."""
    return secrets.token_hex(4)


@pytest.fixture
def delivery_to() -> Callable[[str, str], Delivery]:
    """Return a delivery of a message to a URL, as `accept` would put it on the queue."""

    def make(message_id: str, url: str) -> Delivery:
        now = datetime.now(UTC)
        reference = Reference(message_id, "default", to_text(now), url, message_id, to_text(now))
        return Delivery(
            reference=reference,
            request=Request("{}", "application/json", {}),
            policy=Policy(),
            attempt_number=0,
            due_at=to_due_text(now - timedelta(seconds=1)),
            expires_at=4_102_444_800,
        )

    return make


@dataclass(frozen=True)
class KeyApi:
    """A client of the key API, with a key."""

    url: str
    key: str | None

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Make a request; return the status and the document of the response."""
        parts = urlsplit(self.url)
        connection = HTTPConnection(parts.netloc, timeout=30)
        headers = {"Content-Type": "application/json"}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        text = None if body is None else json.dumps(body)
        try:
            connection.request(method, parts.path + path, text, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")
        finally:
            connection.close()

    def with_key(self, key: str | None) -> KeyApi:
        return replace(self, key=key)


@pytest.fixture
def key_api(cloud: Target) -> KeyApi:
    return KeyApi(cloud.sender_api_url, None)


@pytest.fixture
def enter(homing: Homing, key_api: KeyApi, run_id: str) -> Callable[[str], KeyApi]:
    """Create a sender for this test only, with a key."""

    def make(name: str) -> KeyApi:
        done = homing("senders", "add", f"{name}-{run_id}", "--json")
        return key_api.with_key(json.loads(done.stdout)["key"])

    return make


@pytest.fixture
def traces(cloud: Target, run_id: str) -> Traces:
    """Count the items that a test's messages have left in the tables."""
    dynamodb = cloud.client("dynamodb")

    def count() -> dict[str, int]:
        found = {}
        for output in ("LedgerTable", "MessagesTable"):
            pages = dynamodb.get_paginator("scan").paginate(TableName=cloud.outputs[output])
            items = [item for page in pages for item in page["Items"]]
            found[output] = sum(run_id in json.dumps(item) for item in items)
        return found

    return count


@pytest.fixture
def settle() -> Settle:
    """Wait until the only delivery of a message has ended, and return it."""

    def wait(key_api: KeyApi, message_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            _, found = key_api("GET", f"/v1/messages/{message_id}")
            (delivery,) = found["deliveries"]
            if delivery["status"] not in {"QUEUED", "RETRY_SCHEDULED"}:
                ended: dict[str, Any] = delivery
                return ended
            time.sleep(0.2)
        raise AssertionError(f"{message_id} has not ended within a minute")

    return wait


@pytest.fixture
def forget(cloud: Target) -> Callable[[], None]:
    """Restart all containers, so that none remembers an endpoint, as it would for a minute."""
    functions = cloud.client("lambda")
    (deliver,) = [
        {name: found[name] for name in ("FunctionName", "Timeout")}
        for page in functions.get_paginator("list_functions").paginate()
        for found in page["Functions"]
        if found["Handler"] == "lambdas.deliver.handler"
    ]
    return lambda: functions.update_function_configuration(**deliver)


@pytest.fixture
def bus_events(cloud: Target, run_id: str) -> Iterator[BusEvents]:
    """Subscribe to this test's operational events, as an operator would: by a rule and a queue.

    The function that is yielded waits for the expected events, given as (`detail-type`, id of the
    delivery or endpoint), and returns the details of all that have arrived. Each may arrive more
    than once.
    """
    sqs, events = cloud.client("sqs"), cloud.client("events")
    url = sqs.create_queue(QueueName=f"events-{run_id}")["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    rule = f"events-{run_id}"
    ours = {"senderId": [{"suffix": run_id}]}
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": ["homing"], "detail": ours}))
    arn = asked["Attributes"]["QueueArn"]
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])

    def received(expected: set[tuple[str, str]]) -> dict[tuple[str, str], Any]:
        found: dict[tuple[str, str], Any] = {}
        deadline = time.monotonic() + 30
        while not expected <= found.keys() and time.monotonic() < deadline:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2)
            for message in answer.get("Messages", []):
                event = json.loads(message["Body"])
                detail = event["detail"]
                about = detail.get("messageId") or detail["endpointId"]
                found[event["detail-type"], about] = detail
        return found

    yield received
    events.remove_targets(Rule=rule, Ids=["queue"])
    events.delete_rule(Name=rule)
    sqs.delete_queue(QueueUrl=url)

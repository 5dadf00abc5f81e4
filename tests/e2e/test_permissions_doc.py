"""docs/cli.md names the AWS actions that the commands need, as seen on the local cloud."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from homing_cli.client.api import ApiClient
from homing_cli.client.deliveries import views
from homing_cli.client.queues.held_dead_letters import Filter, hold
from homing_cli.client.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Homing, KeyApi, Settle

    from homing.delivery import Delivery
    from homing_cli.receiver.server import Receiver

    Until = Callable[..., None]

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
# Operations that need other actions than the one with their name.
ASKS = {
    "s3:CopyObject": {"s3:GetObject", "s3:PutObject"},
    "sqs:ChangeMessageVisibilityBatch": {"sqs:ChangeMessageVisibility"},
    "sqs:SendMessageBatch": {"sqs:SendMessage"},
}
# Actions that no client of ours calls: the API is called by HTTP, keys are created through
# DynamoDB, and ListBucket only makes S3 distinguish a missing object from a forbidden one.
UNSEEN = re.compile(r"kms:|execute-api:|s3:ListBucket$")
LARGE = "x" * 220 * 1024


def documented(*labels: str) -> set[str]:
    """Return the actions in rows with any of these names; unnamed rows belong to the last."""
    table = PAGE.split("### What the caller must be allowed to")[1].split("###")[0]
    found, name = set[str](), ""
    for row in re.findall(r"^\| (.*) \|$", table, re.MULTILINE):
        first, actions, _ = (cell.strip() for cell in f" {row} ".split("|"))
        name = first or name
        if any(label in name for label in labels):
            found |= set(re.findall(r"`([\w-]+:\w+)\*?`", actions))
    return {action for action in found if not UNSEEN.match(action)}


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The actions that clients of the local cloud call from now on."""
    seen: set[str] = set()
    make = Target.client

    def note(model: Any, **_: Any) -> None:
        name = f"{model.service_model.endpoint_prefix}:{model.name}"
        seen.update(ASKS.get(name, {name}))

    def watched(target: Target, service: str) -> Any:
        client = make(target, service)
        client.meta.events.register("before-call", note)
        return client

    monkeypatch.setattr(Target, "client", watched)
    return seen


@pytest.fixture
def until(cloud: Target, receiver: Receiver, run_id: str) -> Until:
    """Send a message and wait until its delivery has this status."""

    def wait(status: str, script: str, **more: Any) -> None:
        body = {"messageId": run_id, "targetUrl": f"{receiver.url}/script/{script}", "payload": 1}
        api = ApiClient(cloud)
        api.submit(json.dumps(body | more).encode())
        deadline = time.monotonic() + 60
        while views(api.message(run_id))[0].status != status:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    return wait


def until_dead_lettered(homing: Homing, message_id: str) -> None:
    """The ledger record is written a moment before the dead letter."""
    deadline = time.monotonic() + 60
    while homing("dead-letters", "show", message_id).exit_code:
        assert time.monotonic() < deadline


def test_dead_letters_are_listed_and_one_with_a_large_payload_is_redriven(
    homing: Homing, until: Until, called: set[str], run_id: str
) -> None:
    until("FAILED", "410,200", payload=LARGE)
    until_dead_lettered(homing, run_id)
    called.clear()
    assert run_id in homing("dead-letters", "list", "--limit", "1000").stdout
    assert called == documented("`dead-letters`, `list`")
    called.clear()
    assert homing("dead-letters", "redrive", run_id).exit_code == 0
    asked = documented("`dead-letters redrive ID`") - {"states:DescribeExecution"}
    # Only dead letters of other messages are put back, and the queue may contain none.
    assert asked - {"sqs:ChangeMessageVisibility"} <= called <= asked


def test_redriving_what_only_its_execution_has_kept(
    cloud: Target, homing: Homing, until: Until, called: set[str], run_id: str
) -> None:
    policy = {"baseDelaySeconds": 0, "jitter": "none"}
    until("MAX_RETRIES_EXCEEDED", "503,503,503,200", policy=policy)
    until_dead_lettered(homing, run_id)
    with hold(cloud, Filter(message_id=run_id)) as dead_letters:
        for held in dead_letters:
            held.delete()
    called.clear()
    assert homing("dead-letters", "redrive", run_id).exit_code == 0
    assert "states:DescribeExecution" in called
    assert called <= documented("`dead-letters redrive ID`") | {"execute-api:Invoke"}


def test_cutting_a_wait_short(homing: Homing, until: Until, called: set[str], run_id: str) -> None:
    until("RETRY_SCHEDULED", "503,200", policy={"baseDelaySeconds": 100})
    deadline = time.monotonic() + 60  # the record is written a moment before the execution starts
    while homing("retry-now", run_id).exit_code:
        assert time.monotonic() < deadline
    assert called == documented("`retry-now`")


def test_ending_a_delivery(homing: Homing, until: Until, called: set[str], run_id: str) -> None:
    until("RETRY_SCHEDULED", "503,200", policy={"baseDelaySeconds": 100})
    for _ in range(2):  # the second time, the command reads why the cancellation is refused
        assert homing("cancel", run_id).exit_code == 0
    assert called == documented("`dead-letters redrive ID`, `cancel`")


def test_passing_over_a_failure_that_blocks_its_line(
    homing: Homing,
    enter: Callable[[str], KeyApi],
    receiver: Receiver,
    settle: Settle,
    called: set[str],
    run_id: str,
) -> None:
    shop = enter("passing")
    shop("PUT", "/v1/endpoints/gone", {"url": f"{receiver.url}/script/410", "ordering": "block"})
    for number in range(2):
        message = {"messageId": f"{run_id}-{number}", "orderingKey": run_id, "payload": 1}
        assert shop("POST", "/v1/messages", message | {"endpointId": "gone"})[0] == 202
    assert settle(shop, f"{run_id}-0")["status"] == "FAILED"
    called.clear()
    assert homing("cancel", f"{run_id}-0", "--sender", f"passing-{run_id}").exit_code == 0
    assert called == documented("`cancel`")


def test_following_a_trace(homing: Homing, until: Until, called: set[str], run_id: str) -> None:
    until("DELIVERED", "503,200", policy={"baseDelaySeconds": 0})
    assert homing("trace", run_id).exit_code == 0
    assert called == documented("`trace`")


def test_sending_again_what_never_started(
    cloud: Target, homing: Homing, receiver: Receiver, called: set[str], delivery_to: Any
) -> None:
    delivery: Delivery = delivery_to("m-1", f"{receiver.url}/script/200")
    cloud.client("sqs").send_message(
        QueueUrl=cloud.outputs["UndispatchedQueueUrl"],
        MessageBody=json.dumps(delivery.to_document()),
        MessageGroupId=delivery.reference.delivery_id,
        MessageDeduplicationId=delivery.reference.delivery_id,
    )
    called.clear()
    assert homing("undispatched", "list").exit_code == 0
    looking = documented("`undispatched list`")
    assert called == looking
    assert homing("undispatched", "redrive", "m-1").exit_code == 0
    assert called == looking | documented("`undispatched redrive`")


def test_the_actions_on_unaccepted_messages(
    homing: Homing, cloud: Target, called: set[str], run_id: str
) -> None:
    sqs, ingest = cloud.client("sqs"), cloud.outputs["IngestQueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=ingest, AttributeNames=["QueueArn"])
    for name in ("put-back", "gone"):
        given = {"messageId": f"{name}-{run_id}", "queueArn": asked["Attributes"]["QueueArn"]}
        sqs.send_message(
            QueueUrl=cloud.outputs["UnacceptedQueueUrl"],
            MessageBody='{"payload": 1}',
            MessageAttributes={
                k: {"DataType": "String", "StringValue": v} for k, v in given.items()
            },
        )
    called.clear()
    assert homing("undispatched", "discard", f"gone-{run_id}").exit_code == 0
    assert called == documented("`undispatched discard`")
    assert homing("undispatched", "redrive", f"put-back-{run_id}").exit_code == 0
    assert called <= documented("`undispatched discard`", "the redrive of unaccepted messages")
    assert documented("the redrive of unaccepted messages") <= called


@pytest.mark.parametrize(
    "command",
    [
        ("senders", "list"),
        ("senders", "add", "shop"),
        ("senders", "rotate-secret", "shop"),
        ("watch", "--seconds", "0"),
        ("what-if",),
        ("what-if", "--histories", "0"),
        ("cost",),
    ],
)
def test_commands_that_call_one_service(
    homing: Homing, called: set[str], command: tuple[str, ...]
) -> None:
    homing("senders", "add", "shop")
    called.clear()
    assert homing(*command).exit_code == 0
    named = " ".join(command[:2]) if command[0] == "senders" else command[0]
    asks_nobody = command == ("cost",) or "--histories" in command
    assert called == (set() if asks_nobody else documented(f"`{named}`"))


def test_revoking_a_key(homing: Homing, called: set[str]) -> None:
    added = homing("senders", "add", "shop", "--json")
    called.clear()
    assert homing("senders", "revoke", json.loads(added.stdout)["keyId"]).exit_code == 0
    assert called == documented("`senders revoke`")

"""Redriving, retrying and cancelling deliveries, by command and by the API."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from homing.client import Homing, NotFoundError
from homing.timestamps import to_text
from homing_cli.client.api import ApiClient
from homing_cli.client.deliveries import follow, views
from homing_cli.client.messages import MessageRef
from homing_cli.client.recovery import Actions
from homing_cli.traces.trace import trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.delivery import Delivery, Reference
    from homing_cli.client.deliveries import DeliveryView
    from homing_cli.client.target import Target
    from homing_cli.receiver.server import Receiver


class Sender:
    """Sends messages and reads their status."""

    def __init__(self, cloud: Target, receiver: Receiver, run_id: str) -> None:
        self.cloud = cloud
        self.api = ApiClient(cloud)
        self.homing = Homing(cloud.api_url, session=cloud.session, region=cloud.session.region_name)
        self.receiver = receiver
        self.message_id = f"m-{run_id}"

    def send(self, script: str, **more: Any) -> None:
        body = {
            "messageId": self.message_id,
            "targetUrl": f"{self.receiver.url}/script/{script}",
            "payload": {"total": 1},
            **more,
        }
        assert not self.api.submit(json.dumps(body).encode()).duplicate

    def redrive(self) -> str:
        (delivery,) = self.homing.redrive(self.message_id).deliveries
        return delivery.result

    def view(self) -> DeliveryView:
        (view,) = views(self.api.message(self.message_id))
        return view

    def until_it_ends(self) -> DeliveryView:
        for known in follow(self.api, [MessageRef(self.message_id, "default")], timeout=60):
            (view,) = known[MessageRef(self.message_id, "default")]
            if view.ended:
                return view
        raise AssertionError(f"{view.status} after a minute")

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, self.view().document
            time.sleep(0.2)

    def execution(self, name: str) -> str:
        """Return the status of an execution; empty if there is none."""
        client = self.cloud.client("stepfunctions")
        arn = self.cloud.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:")
        try:
            status: str = client.describe_execution(executionArn=f"{arn}:{name}")["status"]
        except client.exceptions.ExecutionDoesNotExist:
            return ""
        return status

    def requests(self) -> int:
        return sum(one.message_id == self.message_id for one in self.receiver.arrivals)


@pytest.fixture
def sender(cloud: Target, receiver: Receiver, run_id: str) -> Sender:
    return Sender(cloud, receiver, run_id)


@pytest.mark.parametrize("script", ["410,200", "503,503,503,200"])
def test_a_dead_lettered_delivery_is_redriven_by_command_and_arrives(
    sender: Sender, homing: Callable[..., Any], script: str
) -> None:
    """It failed in the express path or in the Standard workflow. Its history is kept."""
    sender.send(script, policy={"baseDelaySeconds": 0, "jitter": "none"})
    before = sender.until_it_ends()
    sender.until(lambda: dead_letters(homing, sender.message_id) == 1)
    done = homing("dead-letters", "redrive", sender.message_id)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "1 redriven" in done.stdout
    after = sender.until_it_ends()
    assert (after.status, after.attempts) == ("DELIVERED", 1)
    assert len(after.document["retryHistory"]) == before.attempts + 1
    assert after.document["redriveHistory"][0]["attemptsOnRecord"] == before.attempts
    assert sender.requests() == before.attempts + 1
    assert dead_letters(homing, sender.message_id) == 0
    (traced,) = trace(sender.cloud, sender.api, sender.message_id)
    assert len(traced.attempts) == before.attempts + 1


def dead_letters(homing: Callable[..., Any], message_id: str) -> int:
    """Return how many dead letters of a message are in the queue."""
    lines = homing("dead-letters", "list", "--whole").stdout.splitlines()
    return sum(f'"messageId": "{message_id}"' in line for line in lines)


@pytest.mark.slow
def test_all_that_match_a_filter_are_redriven_and_followed_until_they_have_arrived(
    sender: Sender, homing: Callable[..., Any], read: Callable[..., Any]
) -> None:
    sender.send("410,200")
    sender.until_it_ends()
    sender.until(lambda: dead_letters(homing, sender.message_id) == 1)
    target = f"{sender.receiver.url}/script/410"
    done = homing("dead-letters", "redrive", "--target", target, "--rate", "50")
    assert done.exit_code == 0, done.stderr
    assert "1 of 1 redriven, 1 delivered, 0 failed again, 0 waiting" in done.stdout
    assert sender.view().status == "DELIVERED"
    assert dead_letters(homing, sender.message_id) == 0
    newest, *_ = read("dead-letters", "redrives")
    assert (newest["status"], newest["delivered"]) == ("ENDED", 1)


def test_a_dry_run_and_a_filter_without_a_match_keep_the_dead_letter(
    sender: Sender, homing: Callable[..., Any]
) -> None:
    sender.send("410,200")
    sender.until_it_ends()
    sender.until(lambda: dead_letters(homing, sender.message_id) == 1)
    target = f"{sender.receiver.url}/script/410"
    done = homing("dead-letters", "redrive", "--target", target, "--dry-run")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "1 dead letters match")
    for option, value in [
        ("--category", "TLS_ERROR"),
        ("--before", "2020-01-01T00:00:00Z"),
        ("--since", "2999-01-01T00:00:00Z"),
        ("--sender", "somebody-else"),
        ("--endpoint", "orders"),
    ]:
        done = homing("dead-letters", "redrive", "--target", target, option, value)
        assert (done.exit_code, done.stdout) == (1, "0 dead letters match\n")
    assert dead_letters(homing, sender.message_id) == 1
    assert sender.view().status == "FAILED"


@pytest.mark.parametrize("script", ["410,200", "503,503,503,200"])
def test_the_api_redrives_once_however_often_it_is_asked_and_the_dead_letter_starts_nothing_more(
    sender: Sender, homing: Callable[..., Any], read: Callable[..., Any], script: str
) -> None:
    sender.send(script, policy={"baseDelaySeconds": 0, "jitter": "none"})
    before = sender.until_it_ends()
    sender.until(lambda: dead_letters(homing, sender.message_id) == 1)
    sender.until(lambda: sender.redrive() == "REDRIVEN")
    assert sender.redrive() != "REDRIVEN"
    sender.until(lambda: sender.view().status == "DELIVERED")
    assert sender.redrive() == "ENDED"
    assert homing("dead-letters", "redrive", sender.message_id).exit_code == 0
    assert dead_letters(homing, sender.message_id) == 0
    assert sender.requests() == before.attempts + 1


@pytest.mark.parametrize("by_command", [True, False])
def test_a_large_message_is_redriven_with_its_payload_and_its_id(
    sender: Sender, homing: Callable[..., Any], by_command: bool
) -> None:
    """The payload is in a bucket, and the redrive renews it there."""
    payload = {"text": "é" * 150_000}
    sender.send("404,200", payload=payload)
    sender.until_it_ends()
    if by_command:
        redrive = ("dead-letters", "redrive", sender.message_id)
        sender.until(lambda: homing(*redrive).exit_code == 0)
    else:
        sender.until(lambda: sender.redrive() == "REDRIVEN")
    sender.until(lambda: sender.view().status == "DELIVERED")
    first, second = sender.receiver.arrivals
    assert first.message_id == second.message_id == sender.message_id
    assert first.body == second.body
    assert json.loads(second.body) == payload


def test_the_api_knows_no_such_message(sender: Sender) -> None:
    with pytest.raises(NotFoundError):
        sender.redrive()


def test_a_wait_is_cut_short_and_the_sleeper_finds_itself_superseded(
    sender: Sender, homing: Callable[..., Any]
) -> None:
    sender.send("503,200", policy={"baseDelaySeconds": 100, "jitter": "none"})
    sender.until(lambda: sender.view().status == "RETRY_SCHEDULED")
    name = sender.view().reference.delivery_id
    sender.until(lambda: sender.execution(name) == "RUNNING")
    assert homing("retry-now", sender.message_id).exit_code == 0
    sender.until(lambda: sender.view().status == "DELIVERED")
    assert homing("retry-now", sender.message_id).exit_code == 1
    assert sender.execution(name) == "RUNNING"
    sender.until(lambda: sender.execution(name) == "SUCCEEDED")
    assert sender.requests() == 2
    assert sender.view().attempts == 2


def test_a_wait_can_be_cut_short_any_number_of_times(
    sender: Sender, homing: Callable[..., Any]
) -> None:
    policy = {"baseDelaySeconds": 3000, "jitter": "none", "maxAttempts": 4}
    sender.send("503,503,503,200", policy=policy)
    for attempt in (1, 2, 3):
        sender.until(lambda attempt=attempt: sender.view().attempts == attempt)
        sender.until(lambda: homing("retry-now", sender.message_id).exit_code == 0)
    sender.until(lambda: sender.view().status == "DELIVERED")
    assert sender.requests() == 4
    numbers = [entry["attemptNumber"] for entry in sender.view().document["retryHistory"]]
    assert numbers == [0, 1, 2, 3]


def test_a_delivery_that_waits_is_cancelled_for_good(
    sender: Sender, homing: Callable[..., Any]
) -> None:
    sender.send("503,200", policy={"baseDelaySeconds": 30, "jitter": "none"})
    sender.until(lambda: sender.view().status == "RETRY_SCHEDULED")
    name = sender.view().reference.delivery_id
    sender.until(lambda: sender.execution(name) == "RUNNING")
    assert homing("cancel", sender.message_id).exit_code == 0
    assert homing("cancel", sender.message_id).exit_code == 0
    assert sender.view().status == "CANCELLED"
    sender.until(lambda: sender.execution(name) == "SUCCEEDED")
    assert homing("retry-now", sender.message_id).exit_code == 1
    assert sender.redrive() == "ENDED"
    assert (sender.requests(), sender.view().status) == (1, "CANCELLED")


@pytest.mark.parametrize(
    ("command", "status", "requests"), [("retry-now", "DELIVERED", 1), ("cancel", "CANCELLED", 0)]
)
def test_a_scheduled_message_is_hastened_or_cancelled_before_its_first_attempt(
    sender: Sender, homing: Callable[..., Any], command: str, status: str, requests: int
) -> None:
    later = to_text(datetime.now(UTC) + timedelta(seconds=100))
    sender.send("200", deliverAt=later)
    name = sender.view().reference.delivery_id
    sender.until(lambda: sender.execution(name) == "RUNNING")
    assert homing(command, sender.message_id).exit_code == 0
    sender.until(lambda: sender.view().status == status)
    sender.until(lambda: sender.execution(name) == "SUCCEEDED")
    assert (sender.requests(), sender.view().status) == (requests, status)


def test_what_could_not_be_settled_is_listed_shown_and_sent_again(
    sender: Sender, homing: Callable[..., Any], read: Callable[..., Any], delivery_to: Any
) -> None:
    delivery: Delivery = delivery_to(sender.message_id, f"{sender.receiver.url}/script/200")
    sender.cloud.client("sqs").send_message(
        QueueUrl=sender.cloud.outputs["UndispatchedQueueUrl"],
        MessageBody=json.dumps(delivery.to_document()),
        MessageGroupId=delivery.reference.delivery_id,
        MessageDeduplicationId=delivery.reference.delivery_id,
    )
    assert sender.message_id in [one["messageId"] for one in read("undispatched", "list")]
    assert sender.message_id in homing("undispatched", "show", sender.message_id).stdout
    done = homing("undispatched", "redrive", sender.message_id)
    assert done.stdout == "1 sent to the delivery queue again\n"
    sender.until(lambda: sender.requests() == 1)
    assert homing("undispatched", "redrive", sender.message_id).exit_code == 1


def test_actions_tell_the_console_what_came_of_each(sender: Sender) -> None:
    sender.send("410,200")
    reference: Reference = sender.until_it_ends().reference
    actions = Actions(sender.cloud)
    assert actions.retry_now(reference).result == "ENDED"
    assert actions.cancel(reference).result == "ENDED"
    sender.until(lambda: actions.redrive(reference).result == "REDRIVEN")
    sender.until(lambda: sender.view().status == "DELIVERED")

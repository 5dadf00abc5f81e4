"""A cold `accept` or `ingest` wakes the functions of the workflow, which then do nothing."""

from __future__ import annotations

import gc
import json
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from homing.retry.policy import Policy
from homing.settings import IngestSettings
from homing.targets.address_guard import AddressGuard
from lambdas import classify, deliver
from lambdas.initialization import VARIABLE
from lambdas.warm_up import is_warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LAMBDAS = Path(__file__).resolve().parents[3] / "lambdas"
REGION, ACCOUNT = "us-east-1", "123456789012"  # those of moto
# As SNS invokes a function ("Invoking Lambda functions with Amazon SNS notifications", Lambda
# developer guide).
NOTIFICATION: dict[str, Any] = {
    "Records": [
        {
            "EventVersion": "1.0",
            "EventSubscriptionArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:warm-up:21be56ed",
            "EventSource": "aws:sns",
            "Sns": {
                "Type": "Notification",
                "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
                "TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:warm-up",
                "Subject": None,
                "Message": "warm-up",
                "Timestamp": "2026-01-02T12:45:07.000Z",
                "MessageAttributes": {},
            },
        }
    ]
}


@pytest.fixture
def received(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Set the environment of the functions; return how many notifications the topic has sent."""
    sns, sqs = boto3.client("sns", region_name=REGION), boto3.client("sqs", region_name=REGION)
    topic = sns.create_topic(Name="warm-up")["TopicArn"]
    url = sqs.create_queue(QueueName="received")["QueueUrl"]
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:received"
    )
    environment = dict.fromkeys(IngestSettings.variables(), "1") | {
        "WARM_UP_TOPIC_ARN": topic,
        "DEFAULT_POLICY": json.dumps(Policy().to_document()),
        "ADDRESS_GUARD": json.dumps(AddressGuard().to_document()),
        "SENDERS": "{}",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def count() -> int:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])

    yield count
    gc.unfreeze()


@pytest.mark.parametrize("module", ["accept", "ingest"])
@pytest.mark.parametrize(
    ("started", "notifications"),
    [("on-demand", 1), ("provisioned-concurrency", 0), ("snap-start", 0), (None, 0)],
)
def test_it_wakes_them_once_when_it_starts_for_a_message(
    module: str,
    started: str | None,
    notifications: int,
    received: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if started:
        monkeypatch.setenv(VARIABLE, started)
    runpy.run_path(str(LAMBDAS / f"{module}.py"))
    assert received() == notifications


def test_it_starts_without_a_topic_that_answers(
    received: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "on-demand")
    monkeypatch.setenv("WARM_UP_TOPIC_ARN", f"arn:aws:sns:{REGION}:{ACCOUNT}:gone")
    assert callable(runpy.run_path(str(LAMBDAS / "accept.py"))["handler"])
    assert received() == 0


@pytest.mark.parametrize("function", [deliver, classify], ids=["deliver", "classify"])
def test_a_function_that_is_woken_makes_no_attempt_and_reads_no_setting(
    function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEDGER_TABLE", raising=False)
    assert function.handler(NOTIFICATION, None) == {}


@pytest.mark.parametrize("document", [{}, {"reference": {}, "request": {}, "outcome": {}}])
def test_an_event_of_the_workflow_is_no_warm_up(document: dict[str, Any]) -> None:
    assert not is_warm_up(document)

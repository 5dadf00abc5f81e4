"""What unit tests share: a delivery, and the tables of the stack in moto."""

from __future__ import annotations

import functools
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

# The stack sets this for every function. Powertools reads it when it is imported.
os.environ.update(POWERTOOLS_SERVICE_NAME="homing", POWERTOOLS_METRICS_NAMESPACE="Homing")

import boto3
import pytest
from moto import mock_aws
from moto.core import serialize

from homing.delivery import Delivery, Reference, Request
from homing.ledger.delivery_index import INDEXES, PROJECTED
from homing.retry.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = "2025-12-28T12:00:00.000Z"

_pick = serialize.AttributePicker.__call__


def _pick_value(picker: Any, context: Any) -> Any:
    """Look up a member of a response; the value of an attribute only by the name of its type.

    moto tries several spellings of each of the ten types for every value, which takes most of a
    read's time.
    """
    if type(context.obj) is dict and context.shape.name.endswith("AttributeValue"):
        return context.obj.get(context.key)
    return _pick(picker, context)


serialize.AttributePicker.__call__ = _pick_value  # type: ignore[method-assign]


@pytest.fixture
def reference() -> Reference:
    return Reference(
        message_id="order-1841",
        sender_id="default",
        timestamp=NOON,
        target_url="https://example.com/hooks",
        correlation_id="trace-7",
        created_at=NOON,
    )


@pytest.fixture
def delivery(reference: Reference) -> Delivery:
    return Delivery(
        reference=reference,
        request=Request('{"total": 1.10}', "application/json", {"x-tenant": "acme"}),
        policy=Policy(),
        attempt_number=0,
        due_at="2025-12-28T12:00:00Z",
        expires_at=1_769_515_200,
    )


@dataclass(frozen=True)
class LedgerTable:
    """A ledger table in moto, and functions that read it."""

    name: str
    client: Any

    def items(self) -> list[dict[str, Any]]:
        return self.client.scan(TableName=self.name)["Items"]


@functools.cache
def shared_client(service: str) -> Any:
    """Return the client that all fixtures share; making one takes longer than most tests."""
    return boto3.client(service)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS account in moto, with credentials that are valid nowhere else."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield


@pytest.fixture
def ledger_table(aws: None) -> LedgerTable:
    client = shared_client("dynamodb")
    client.create_table(
        TableName="ledger",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            *({"AttributeName": index, "AttributeType": "S"} for index in INDEXES),
            {"AttributeName": "attentionAt", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": index, "KeyType": "HASH"},
                    {"AttributeName": "attentionAt", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": [*PROJECTED]},
            }
            for index in INDEXES
        ],
    )
    return LedgerTable("ledger", client)


@dataclass(frozen=True)
class MessagesTable:
    """A messages table in moto, and functions that read it."""

    name: str
    client: Any

    def items(self) -> list[dict[str, Any]]:
        return self.client.scan(TableName=self.name)["Items"]


@pytest.fixture
def messages_table(aws: None) -> MessagesTable:
    client = shared_client("dynamodb")
    client.create_table(
        TableName="messages",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    return MessagesTable("messages", client)


@pytest.fixture
def registry(aws: None) -> Any:
    """A DynamoDB client, with the three tables of the registry as in the stack."""
    client = shared_client("dynamodb")
    for name, keys in {"keys": ["pk"], "secrets": ["pk"], "endpoints": ["pk", "sk"]}.items():
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(keys, ["HASH", "RANGE"], strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        )
    return client


@pytest.fixture
def ordering_tables(aws: None) -> Any:
    """A DynamoDB client, with the two tables of lines as in the stack."""
    client = shared_client("dynamodb")
    for name, keys in {"lines": ["pk"], "places": ["pk", "sk"]}.items():
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(keys, ["HASH", "RANGE"], strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        )
    return client


@dataclass(frozen=True)
class DeliveryQueue:
    """A delivery queue in moto."""

    url: str
    client: Any

    def take(self) -> list[dict[str, Any]]:
        """Receive and delete all messages on the queue."""
        documents = []
        while True:
            answer = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
            messages = answer.get("Messages", [])
            if not messages:
                return documents
            for message in messages:
                self.client.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
                documents.append(json.loads(message["Body"]))


@pytest.fixture
def delivery_queue(aws: None) -> DeliveryQueue:
    client = shared_client("sqs")
    return DeliveryQueue(client.create_queue(QueueName="deliveries")["QueueUrl"], client)

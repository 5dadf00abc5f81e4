"""What a function that accepts messages needs: its environment and permissions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..storage.table import grant

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs

    from ..functions.function import PythonFunction
    from ..settings import NamedSettings
    from ..storage.ledger import Ledger
    from ..storage.registry import Registry
    from ..workflow.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Accepting:
    """What `accept` and `ingest` have in common.

    Args:
        settings: default policy, retention, which targets may be reached.
        ledger: the tables in which messages are recorded.
        registry: the endpoints that messages may name.
        workflow: contains the bucket of large payloads.
        queue: the delivery queue.
        bulk: the bulk queue.
        warm_up: the topic that wakes the functions of the workflow.
    """

    settings: NamedSettings
    ledger: Ledger
    registry: Registry
    workflow: Workflow
    queue: sqs.Queue
    bulk: sqs.Queue
    warm_up: sns.Topic

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of `AcceptSettings`, without the stack's own hosts."""
        return {
            "MESSAGES_TABLE": self.ledger.messages.table_name,
            "LEDGER_TABLE": self.ledger.table.table_name,
            "DELIVERY_QUEUE_URL": self.queue.queue_url,
            "BULK_QUEUE_URL": self.bulk.queue_url,
            "DEFAULT_POLICY": json.dumps(self.settings.policy.to_document()),
            "RETENTION_DAYS": str(self.settings.retention_days),
            "ENDPOINTS_TABLE": self.registry.endpoints.table_name,
            "PAYLOAD_BUCKET": self.workflow.payloads.bucket.bucket_name,
            **self.ledger.ordering_environment,
            "ADDRESS_GUARD": json.dumps(self.settings.address_guard.to_document()),
            "SENDER_RATE_PER_SECOND": f"{self.settings.sender_rate_per_second:g}",
            "SENDER_BACKLOG": str(self.settings.sender_backlog),
            "WARM_UP_TOPIC_ARN": self.warm_up.topic_arn,
        }

    def allow(self, function: PythonFunction) -> None:
        """Allow a function to accept messages."""
        grant(self.ledger.messages, function, "dynamodb:PutItem", "dynamodb:GetItem")
        grant(self.ledger.table, function, "dynamodb:Query")
        self.ledger.allow_advance(function)
        grant(self.ledger.places, function, "dynamodb:PutItem")
        of_endpoints = ("BatchGetItem", "Query", "GetItem")
        grant(self.registry.endpoints, function, *(f"dynamodb:{do}" for do in of_endpoints))
        for queue in (self.queue, self.bulk):
            queue.grant(function, "sqs:SendMessage")
        self.queue.grant(function, "sqs:GetQueueAttributes")  # called to open a connection early
        self.workflow.payloads.allow(function, "s3:PutObject")
        self.warm_up.grant_publish(function)

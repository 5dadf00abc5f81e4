"""The ingest queues, to which AWS services and programs write messages, and the function `ingest`.

A queue determines the sender of its messages (`homing.reception.ingested`). So each sender has its
own queue, and the permission to write to it is a permission to send for that sender only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from aws_cdk.aws_events_targets import SqsQueue
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from constructs import Construct

from homing.timeouts import INGEST_SECONDS, INGEST_VISIBILITY_SECONDS

from ..exceptions import except_from
from ..functions.function import PythonFunction
from ..workflow.workflow import dead_lettering_queue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..settings import NamedSettings
    from .accepting import Accepting

# With this many receives, messages outlast an outage of two hours. After the last receive, SQS
# moves a message to the queue of unaccepted messages, even if the message crashes the function.
_MAX_RECEIVE_COUNT = 50
_BATCH_SIZE = 10


class Ingest(Construct):
    """The function `ingest`, its queues, and the queue of unaccepted messages.

    Args:
        settings: how many batches are accepted concurrently.
        accepting: what the function needs to accept messages.
        own_hosts: the hosts that are refused as targets, as `OWN_HOSTS`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: NamedSettings,
        accepting: Accepting,
        own_hosts: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._senders: dict[str, str] = {}  # by the ARN of the queue
        self._queues: dict[str, sqs.Queue] = {}
        self._rules = 0
        self.unaccepted = dead_lettering_queue(self, "Unaccepted", settings=settings)
        except_from(
            self.unaccepted,
            "SQS3",
            "This queue is itself a dead-letter queue: `ingest` also sends to it.",
        )
        self.function = PythonFunction(
            self,
            "Ingest",
            settings=settings,
            timeout=Duration.seconds(INGEST_SECONDS),
            memory_size=512,
            environment={
                **accepting.environment,
                "OWN_HOSTS": own_hosts,
                "UNACCEPTED_QUEUE_URL": self.unaccepted.queue_url,
            },
        )
        accepting.allow(self.function)
        self.unaccepted.grant(self.function, "sqs:SendMessage")

    @property
    def queues(self) -> Mapping[str, sqs.Queue]:
        """The queues created here, by construct id."""
        return self._queues

    def add_queue(self, construct_id: str, sender: str) -> sqs.Queue:
        """Create a queue whose messages are accepted on behalf of this sender."""
        queue = self._queues[construct_id] = self._queue(construct_id)
        self.consume(queue, sender)
        return queue

    def consume(self, queue: sqs.IQueue, sender: str) -> None:
        """Accept the messages of a queue on behalf of this sender."""
        self._senders[queue.queue_arn] = sender
        self.function.add_environment("SENDERS", json.dumps(self._senders))
        self.function.add_event_source(
            SqsEventSource(
                queue,
                batch_size=_BATCH_SIZE,
                report_batch_item_failures=True,
                max_concurrency=self._settings.ingest_concurrency,
            )
        )

    def open_to_account(self, queue: sqs.Queue) -> None:
        """Allow EventBridge rules and SNS topics of this account and region to write to a queue.

        Other writers, such as a function or a schedule, need a role that allows this.
        """
        stack = Stack.of(self)
        for service, resource in (("events", "rule/*"), ("sns", "*")):
            source = f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{resource}"
            queue.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
                    actions=["sqs:SendMessage"],
                    resources=[queue.queue_arn],
                    conditions={"ArnLike": {"aws:SourceArn": source}},
                )
            )

    def subscribe_to_bus(
        self, bus: events.IEventBus, pattern: events.EventPattern, queue: sqs.Queue
    ) -> events.Rule:
        """Put the events of a bus that match a pattern on a queue."""
        self._rules += 1
        return events.Rule(
            self,
            f"{bus.node.id}Rule{self._rules}",
            event_bus=bus,
            event_pattern=pattern,
            targets=[SqsQueue(queue)],
        )

    def _queue(self, construct_id: str) -> sqs.Queue:
        return sqs.Queue(
            self,
            construct_id,
            visibility_timeout=Duration.seconds(INGEST_VISIBILITY_SECONDS),
            retention_period=Duration.days(14),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.unaccepted, max_receive_count=_MAX_RECEIVE_COUNT
            ),
            removal_policy=self._settings.removal_policy,
        )

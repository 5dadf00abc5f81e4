"""The current state of the queues."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homing_cli.client.target import Target

_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True)
class Standing:
    """The current state of the queues.

    Args:
        waiting: messages on the delivery queue and the bulk queue.
        in_hand: messages of these queues that are being dispatched.
        dead_letters: messages in the dead-letter queue.
        undispatched: messages in the queue of undispatched messages.
        unaccepted: messages of ingest queues that could not be accepted.
        oldest_seconds: the age of the oldest message on the delivery queue; None if it is not
            known.
    """

    waiting: int
    in_hand: int
    dead_letters: int
    undispatched: int
    unaccepted: int
    oldest_seconds: float | None


class Now:
    """Reads the current state of the queues.

    Args:
        target: the deployed Homing.
    """

    def __init__(self, target: Target) -> None:
        self._outputs = target.outputs
        self._sqs = target.client("sqs")
        self._cloudwatch = None if target.endpoint else target.client("cloudwatch")

    def ask(self) -> Standing:
        """Return the current state of the queues."""
        queues = [self._counts(each) for each in ("DeliveryQueueUrl", "BulkQueueUrl")]
        waiting, in_hand = (sum(counts) for counts in zip(*queues, strict=True))
        # A stack without ingest queues has no queue of unaccepted messages.
        has_ingest = "UnacceptedQueueUrl" in self._outputs
        return Standing(
            waiting=waiting,
            in_hand=in_hand,
            dead_letters=sum(self._counts("DeadLetterQueueUrl")),
            undispatched=sum(self._counts("UndispatchedQueueUrl")),
            unaccepted=sum(self._counts("UnacceptedQueueUrl")) if has_ingest else 0,
            oldest_seconds=self._age(waiting),
        )

    def _counts(self, output: str) -> tuple[int, int]:
        found = self._sqs.get_queue_attributes(
            QueueUrl=self._outputs[output], AttributeNames=list(_COUNTS)
        )["Attributes"]
        visible, hidden = (int(found[name]) for name in _COUNTS)
        return visible, hidden

    def _age(self, waiting: int) -> float | None:
        """Return the oldest message's age in seconds, from CloudWatch: SQS does not return it."""
        if not waiting:
            return 0.0
        if self._cloudwatch is None:
            return None
        now = datetime.now(UTC)
        found: list[dict[str, Any]] = self._cloudwatch.get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[
                {"Name": "QueueName", "Value": self._outputs["DeliveryQueueUrl"].rsplit("/", 1)[1]}
            ],
            StartTime=now - timedelta(minutes=10),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        latest = max(found, key=lambda point: point["Timestamp"], default=None)
        return None if latest is None else float(latest["Maximum"])

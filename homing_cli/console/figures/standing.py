"""The current state: queues, deliveries that wait for a retry, and recent failures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from homing.retry.classification import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing_cli.client.target import Target
    from homing_cli.console.reading.attention import Attention

# The most index entries that are counted; beyond it, the page says "or more".
COUNTED = 500
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True)
class Standing:
    """The current state.

    Args:
        waiting: messages on the delivery queue.
        in_hand: messages that are being dispatched.
        dead_letters: messages in the dead-letter queue.
        never_started: messages in the queue of undispatched messages.
        oldest_seconds: the age of the oldest on the delivery queue; None if it is not known.
        depth: the deliveries that wait for a retry, by the number of attempts so far.
        scheduled: the number that wait for a retry, as far as counted.
        failed: the number that have failed, as far as counted.
    """

    waiting: int
    in_hand: int
    dead_letters: int
    never_started: int
    oldest_seconds: float | None
    depth: Mapping[int, int]
    scheduled: int
    failed: int

    @property
    def is_capped(self) -> bool:
        """Whether there may be more retries than were counted."""
        return self.scheduled >= COUNTED


class Now:
    """Reads the current state.

    Args:
        target: the deployed Homing.
        attention: its attention index.
    """

    def __init__(self, target: Target, attention: Attention) -> None:
        self._outputs = target.outputs
        self._sqs = target.client("sqs")
        self._cloudwatch = None if target.endpoint else target.client("cloudwatch")
        self._attention = attention

    def ask(self) -> Standing:
        """Return the current state of the queues and the index."""
        queues = [self._counts(each) for each in ("DeliveryQueueUrl", "BulkQueueUrl")]
        waiting, in_hand = (sum(counts) for counts in zip(*queues, strict=True))
        retries = self._attention.newest(Status.RETRY_SCHEDULED, COUNTED)
        failures = [
            len(self._attention.newest(status, COUNTED))
            for status in (Status.FAILED, Status.MAX_RETRIES_EXCEEDED)
        ]
        return Standing(
            waiting=waiting,
            in_hand=in_hand,
            dead_letters=sum(self._counts("DeadLetterQueueUrl")),
            never_started=sum(self._counts("UndispatchedQueueUrl")),
            oldest_seconds=self._age(waiting),
            depth=Counter(int(item.get("attempts", 0)) for item in retries),
            scheduled=len(retries),
            failed=sum(failures),
        )

    def _counts(self, output: str) -> tuple[int, int]:
        found = self._sqs.get_queue_attributes(
            QueueUrl=self._outputs[output], AttributeNames=list(_COUNTS)
        )["Attributes"]
        visible, hidden = (int(found[name]) for name in _COUNTS)
        return visible, hidden

    def _age(self, waiting: int) -> float | None:
        """Return the age of the oldest message from CloudWatch, since SQS has no such attribute."""
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

"""How things stand right now: queues, what waits for a retry, what failed lately."""

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

# So many entries of the index are counted; beyond, the page says "or more".
COUNTED = 500
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand right now.

    Args:
        waiting: messages on the delivery queue.
        in_hand: messages that are being dispatched.
        dead_letters: messages in the dead-letter queue.
        never_started: messages in the queue of undispatched messages.
        oldest_seconds: the age of the oldest on the delivery queue; None where it is not known.
        depth: how many deliveries wait for a retry, by the attempts made so far.
        scheduled: how many wait for a retry, no more than were counted.
        failed: how many have failed, no more than were counted.
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
    """Asks how things stand.

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
        """Ask the queues and the index."""
        waiting, in_hand = self._counts("DeliveryQueueUrl")
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
        """Ask CloudWatch how old the oldest message is; SQS itself does not tell."""
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

"""The alarms: their metrics, thresholds and notifications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .metrics import at_url, emitted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_cdk import aws_cloudwatch as cloudwatch
    from aws_cdk import aws_sqs as sqs

    from ..apis.key_api import KeyApi
    from ..background.operational_events import OperationalEvents
    from ..background.release import Release
    from ..background.watchdog import Watchdog
    from ..functions.function import PythonFunction
    from ..reception.ingest import Ingest
    from ..reception.reception import Reception
    from ..settings import NamedSettings
    from ..workflow.workflow import Workflow

_DAY_SECONDS = 86_400
_EXPIRING_AFTER_DAYS = 10  # of 14: four days are left to act, even with a weekend
_QUEUE_AGE_SECONDS = 300

# How many failed tries to write to the ledger in five minutes raise an alarm. RecordDelivered and
# RecordFailure give up after 7 tries, within about a minute. Seven tries fall into at most two
# periods of five minutes, so one of these has 4 or more. Therefore the alarm misses no record that
# could not be written, while up to 3 transient faults in five minutes raise no alarm.
_LEDGER_TRIES = 4


@dataclass(frozen=True, slots=True)
class Watch:
    """One alarm.

    Args:
        name: the alarm's name.
        metric: the metric that is compared with the threshold.
        meaning: what the alarm means, a sentence for the notification.
        threshold: the lowest value that raises the alarm.
        lasting: whether the metric must reach the threshold in three of five minutes, for faults
            that may be transient. Otherwise one period of five minutes raises the alarm.
        heading: the heading in docs/operations.md of the section that says what to do; empty if the
            heading is the alarm's name.
        expected: whether the metric must reach `threshold` in each hour. If so, the alarm is raised
            when it does not, or when data is missing.
    """

    name: str
    metric: cloudwatch.Metric
    meaning: str
    threshold: float = 1
    lasting: bool = False
    heading: str = ""
    expected: bool = False


def watches(
    settings: NamedSettings,
    reception: Reception,
    senders: KeyApi,
    workflow: Workflow,
    watchdog: Watchdog,
    *others: OperationalEvents | Release,
) -> Iterator[Watch]:
    """Yield all alarms."""
    yield from _dead_lettered(
        "DeadLetters", workflow.dead_letter_queue, "deliveries that have failed for good"
    )
    yield from _dead_lettered(
        "UndispatchedMessages",
        reception.dead_letter_queue,
        "accepted deliveries that could not be dispatched",
    )
    yield from _executions(workflow)
    yield from _ledger(settings, workflow)
    yield from _reception(settings, reception)
    yield _server_errors("SenderApiErrors", senders.stage.metric_server_error())
    yield from _watchdog(settings, watchdog)
    groups = (reception, senders, workflow, watchdog, *others)
    for function in dict.fromkeys(each for group in groups for each in group.functions):
        yield from _function(function)


def _dead_lettered(name: str, queue: sqs.Queue, what: str) -> Iterator[Watch]:
    yield Watch(
        name,
        queue.metric_approximate_number_of_messages_visible(),
        f"There are {what}.",
    )
    yield Watch(
        f"{name}Expiring",
        queue.metric_approximate_age_of_oldest_message(),
        f"SQS will soon delete {what}: the oldest has waited {_EXPIRING_AFTER_DAYS} of 14 days.",
        threshold=_EXPIRING_AFTER_DAYS * _DAY_SECONDS,
    )


def _executions(workflow: Workflow) -> Iterator[Watch]:
    yield Watch(
        "ExecutionsFailed",
        workflow.state_machine.metric_failed(),
        "A delivery has failed: all its attempts are used up, or a retry would be pointless.",
    )
    if workflow.first_attempts:
        yield Watch(
            "FirstAttemptsFailed",
            workflow.first_attempts.metric_failed(),
            "A delivery has failed at its first attempt: a retry would be pointless.",
            heading="ExecutionsFailed",
        )
    yield Watch(
        "ExecutionsBroken",
        workflow.execution_broken,
        "An execution ended without delivering or dead-lettering its message. "
        "The watchdog resumes the delivery.",
    )
    # ExecutionsBroken counts lines of a log, which CloudWatch delivers at best effort. These
    # two metrics come from Step Functions itself (docs/decisions/0011).
    for name, metric in (
        ("ExecutionsAborted", workflow.state_machine.metric_aborted()),
        ("ExecutionsTimedOut", workflow.state_machine.metric_timed_out()),
    ):
        yield Watch(
            name,
            metric,
            "An execution was stopped before it delivered or dead-lettered its message. "
            "The watchdog resumes the delivery.",
            heading="ExecutionsBroken",
        )


def _watchdog(settings: NamedSettings, watchdog: Watchdog) -> Iterator[Watch]:
    yield Watch(
        "WatchdogSilent",
        watchdog.function.metric_invocations(statistic="Sum"),
        "The watchdog has not run for an hour. Deliveries without an execution wait until it does.",
        expected=True,
    )
    yield Watch(
        "DeliveriesTakenUp",
        emitted(settings, "DeliveryTakenUp"),
        "The watchdog resumed deliveries that had no execution. They are late, not lost.",
    )
    yield Watch(
        "DeliveriesLost",
        emitted(settings, "DeliveryLost"),
        "A delivery has not ended, but neither an execution nor a queue has its message any more.",
    )
    yield Watch(
        "WatchdogFailed",
        emitted(settings, "WatchdogFailed"),
        "The watchdog could not examine overdue deliveries. It tries again.",
    )
    yield Watch(
        "LinesBlocked",
        emitted(settings, "LineBlocked"),
        "Messages wait behind a delivery with an orderingKey that has failed for good.",
    )


def _ledger(settings: NamedSettings, workflow: Workflow) -> Iterator[Watch]:
    yield Watch(
        "LedgerWriteFailed",
        emitted(settings, "LedgerWriteFailed"),
        "A retry could not be recorded. The delivery continues; its history has a gap.",
    )
    yield Watch(
        "LedgerTriesFailed",
        workflow.ledger_try_failed,
        "The final records of deliveries cannot be written to the ledger.",
        threshold=_LEDGER_TRIES,
    )


def _reception(settings: NamedSettings, reception: Reception) -> Iterator[Watch]:
    yield Watch(
        "DispatchFailed",
        emitted(settings, "DispatchFailed"),
        "Accepted deliveries cannot be dispatched. Each is tried at most five times.",
        lasting=True,
    )
    yield Watch(
        "QueueAge",
        reception.queue.metric_approximate_age_of_oldest_message(),
        "An accepted delivery has waited five minutes to be dispatched.",
        threshold=_QUEUE_AGE_SECONDS,
        lasting=True,
    )
    yield Watch(
        "BulkQueueAge",
        reception.bulk_queue.metric_approximate_age_of_oldest_message(),
        "A delivery beyond its sender's burst has waited five minutes to be dispatched.",
        threshold=_QUEUE_AGE_SECONDS,
        lasting=True,
        heading="QueueAge",
    )
    yield _server_errors("ApiErrors", reception.stage.metric_server_error())
    if reception.messages_url:
        yield _server_errors("MessagesUrlErrors", at_url(reception.accept, "Url5xxCount"))


def _server_errors(name: str, metric: cloudwatch.Metric) -> Watch:
    return Watch(
        name,
        metric,
        "The API returns 5xx: messages may not be accepted, and senders must send them again.",
        lasting=True,
        heading="ApiErrors",
    )


def ingest_watches(ingest: Ingest) -> Iterator[Watch]:
    """Yield the alarms of the function `ingest`."""
    yield from _dead_lettered(
        "UnacceptedMessages",
        ingest.unaccepted,
        "messages of an ingest queue that are invalid, or could not be accepted in any try",
    )
    yield from _function(ingest.function)


def ingest_queue_watch(queue: sqs.Queue) -> Watch:
    """Return the alarm of an ingest queue."""
    return Watch(
        f"Ingest{queue.node.id}Age",
        queue.metric_approximate_age_of_oldest_message(),
        "A message of an ingest queue has waited five minutes to be accepted.",
        threshold=_QUEUE_AGE_SECONDS,
        lasting=True,
        heading="IngestQueueAge",
    )


def _function(function: PythonFunction) -> Iterator[Watch]:
    name = function.node.id
    yield Watch(
        f"{name}Errors",
        function.metric_errors(),
        f"{name} raised an exception, or ran out of time or memory.",
        heading="Errors",
    )
    yield Watch(
        f"{name}Throttles",
        function.metric_throttles(),
        f"{name} is throttled: the account's concurrency is used up.",
        lasting=True,
        heading="Throttles",
    )

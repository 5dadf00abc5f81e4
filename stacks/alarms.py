"""What a person must be told of. docs/operations.md says for each alarm what to do.

No alarm uses metric math: the local cloud refuses it, and one number is easier to reason about.
Missing data never breaches: the metrics read here are counts of faults, which are not written
while there are none, and figures of queues, which SQS stops writing for a queue that has been
empty and unused for six hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk.aws_cloudwatch_actions import SnsAction
from constructs import Construct

from stacks.metrics import at_url, emitted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_cdk import aws_sqs as sqs

    from stacks.apis import KeyApi
    from stacks.function import PythonFunction
    from stacks.reception import Reception
    from stacks.settings import StackSettings
    from stacks.workflow import Workflow

_DAY_SECONDS = 86_400
_EXPIRING_AFTER_DAYS = 10  # of 14: four days, a weekend among them, to act
_QUEUE_AGE_SECONDS = 300

# RecordDelivered and RecordFailure give up after 7 tries, within about a minute. Seven tries fall
# into at most two periods of five minutes, so one of them holds 4 or more: no record given up
# escapes, and up to 3 passing faults in five minutes, which the next try mends, alarm nobody.
_LEDGER_TRIES = 4


@dataclass(frozen=True, slots=True)
class Watch:
    """One alarm.

    Args:
        name: of the alarm.
        metric: the figure that is watched.
        meaning: what it means, a sentence for the notification.
        threshold: the alarm is raised from here on.
        lasting: three of five minutes must be bad, for what may pass by itself; else one period of
            five minutes is enough.
        heading: where docs/operations.md says what to do, if not under the name.
    """

    name: str
    metric: cloudwatch.Metric
    meaning: str
    threshold: float = 1
    lasting: bool = False
    heading: str = ""


class Alarms(Construct):
    """The alarms (`all`), and the topic that they notify (`topic`).

    Args:
        settings: who is told by e-mail, and the metrics namespace.
        reception: the API, the queue and their functions.
        senders: the other API, and what is behind it.
        workflow: the state machine, its functions and the dead-letter queue.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StackSettings,
        reception: Reception,
        senders: KeyApi,
        workflow: Workflow,
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = self._topic(settings)
        functions = (*reception.functions, *senders.functions, *workflow.functions)
        self.all = [
            self._alarm(watch)
            for watch in (
                *_watches(settings, reception, workflow),
                _server_errors("SenderApiErrors", senders.stage.metric_server_error()),
                *(watch for function in dict.fromkeys(functions) for watch in _function(function)),
            )
        ]

    def _topic(self, settings: StackSettings) -> sns.Topic:
        topic = sns.Topic(self, "Topic", enforce_ssl=True)
        # Enforcing TLS gives the topic a policy of its own, which replaces the default one that
        # would let CloudWatch publish.
        account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        topic.grant_publish(iam.ServicePrincipal("cloudwatch.amazonaws.com", conditions=account))
        if settings.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
        return topic

    def _alarm(self, watch: Watch) -> cloudwatch.Alarm:
        metric = watch.metric.with_(period=Duration.minutes(1 if watch.lasting else 5))
        alarm = metric.create_alarm(
            self,
            watch.name,
            alarm_description=(
                f"{watch.meaning} What to do: docs/operations.md, {watch.heading or watch.name}."
            ),
            threshold=watch.threshold,
            evaluation_periods=5 if watch.lasting else 1,
            datapoints_to_alarm=3 if watch.lasting else 1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(SnsAction(self.topic))
        return alarm


def _watches(settings: StackSettings, reception: Reception, workflow: Workflow) -> Iterator[Watch]:
    yield from _dead_lettered("DeadLetters", workflow.dead_letter_queue, "deliveries that failed")
    yield from _dead_lettered(
        "UndispatchedMessages",
        reception.dead_letter_queue,
        "accepted deliveries that never started",
    )
    yield from _executions(workflow)
    yield from _ledger(settings, workflow)
    yield from _reception(settings, reception)


def _dead_lettered(name: str, queue: sqs.Queue, what: str) -> Iterator[Watch]:
    yield Watch(
        name,
        queue.metric_approximate_number_of_messages_visible(),
        f"There are {what}: somebody must look at them.",
    )
    yield Watch(
        f"{name}Expiring",
        queue.metric_approximate_age_of_oldest_message(),
        f"SQS soon deletes {what}: the oldest has waited {_EXPIRING_AFTER_DAYS} of 14 days.",
        threshold=_EXPIRING_AFTER_DAYS * _DAY_SECONDS,
    )


def _executions(workflow: Workflow) -> Iterator[Watch]:
    yield Watch(
        "ExecutionsFailed",
        workflow.state_machine.metric_failed(),
        "A delivery has failed just now: tried as often as allowed, or not worth another try.",
    )
    if workflow.first_attempts:
        yield Watch(
            "FirstAttemptsFailed",
            workflow.first_attempts.metric_failed(),
            "A delivery has failed just now, at its first attempt: not worth another one.",
            heading="ExecutionsFailed",
        )
    yield Watch(
        "ExecutionsBroken",
        workflow.execution_broken,
        "A workflow ended without delivering or dead-lettering: redrive it within 14 days.",
    )
    # The metric of broken ones is taken from a log, which is delivered as well as may be; these
    # two are Step Functions' own (docs/decisions/0012).
    for name, metric in (
        ("ExecutionsAborted", workflow.state_machine.metric_aborted()),
        ("ExecutionsTimedOut", workflow.state_machine.metric_timed_out()),
    ):
        yield Watch(
            name,
            metric,
            "A workflow was stopped before it had delivered or dead-lettered its message.",
            heading="ExecutionsBroken",
        )


def _ledger(settings: StackSettings, workflow: Workflow) -> Iterator[Watch]:
    yield Watch(
        "LedgerWriteFailed",
        emitted(settings, "LedgerWriteFailed"),
        "A retry could not be recorded: the delivery goes on, its history has a gap.",
    )
    yield Watch(
        "LedgerTriesFailed",
        workflow.ledger_try_failed,
        "Records of delivered or failed messages cannot be written.",
        threshold=_LEDGER_TRIES,
    )


def _reception(settings: StackSettings, reception: Reception) -> Iterator[Watch]:
    yield Watch(
        "DispatchFailed",
        emitted(settings, "DispatchFailed"),
        "Accepted deliveries cannot be settled and go back to the queue, five times at most.",
        lasting=True,
    )
    yield Watch(
        "QueueAge",
        reception.queue.metric_approximate_age_of_oldest_message(),
        "An accepted delivery has waited five minutes for its workflow to start.",
        threshold=_QUEUE_AGE_SECONDS,
        lasting=True,
    )
    yield _server_errors("ApiErrors", reception.stage.metric_server_error())
    if reception.messages_url:
        yield _server_errors("MessagesUrlErrors", at_url(reception.accept, "Url5xxCount"))


def _server_errors(name: str, metric: cloudwatch.Metric) -> Watch:
    return Watch(
        name,
        metric,
        "Senders are answered 5xx: nothing is promised to them, they must send again.",
        lasting=True,
        heading="ApiErrors",
    )


def _function(function: PythonFunction) -> Iterator[Watch]:
    name = function.node.id
    yield Watch(
        f"{name}Errors",
        function.metric_errors(),
        f"{name} raised an exception, ran out of time or of memory; it should never.",
        heading="Errors",
    )
    yield Watch(
        f"{name}Throttles",
        function.metric_throttles(),
        f"{name} is being throttled: the account's concurrency is used up.",
        lasting=True,
        heading="Throttles",
    )

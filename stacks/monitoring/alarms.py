"""The alarms, and the topic that they notify. docs/operations.md says what to do about each.

No alarm uses metric math: the local cloud does not support it, and one number is easier to reason
about.

Missing data does not raise an alarm. Most metrics are counts of faults, which are not written while
there are no faults, or metrics of queues, which SQS stops writing once a queue has been empty and
unused for six hours. The exception is the metric of the watchdog: it runs every 15 minutes, so its
data must never be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk.aws_cloudwatch_actions import SnsAction
from constructs import Construct

from .watches import watches

if TYPE_CHECKING:
    from ..apis.key_api import KeyApi
    from ..background.operational_events import OperationalEvents
    from ..background.release import Release
    from ..background.watchdog import Watchdog
    from ..reception.reception import Reception
    from ..settings import NamedSettings
    from ..workflow.workflow import Workflow
    from .watches import Watch

_TOO_MANY = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_TOO_FEW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_BREACHING = cloudwatch.TreatMissingData.BREACHING
_NOT_BREACHING = cloudwatch.TreatMissingData.NOT_BREACHING


def console_command(within: Construct) -> str:
    """Return the command that opens the console for the stack of a construct."""
    return f"homing console --stack {Stack.of(within).stack_name}"


class Alarms(Construct):
    """The alarms, in the attribute `all`, and the topic that they notify, `topic`.

    Args:
        settings: who is notified by e-mail, and the metrics namespace.
        reception: the IAM API, the queue and their functions.
        senders: the key API and its functions.
        workflow: the state machine, its functions and the dead-letter queue.
        watchdog: resumes deliveries that have no execution.
        operational_events: puts events on the bus.
        release: queues the next deliveries of lines.
    """

    def __init__(  # noqa: PLR0913 -- keyword arguments only
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: NamedSettings,
        reception: Reception,
        senders: KeyApi,
        workflow: Workflow,
        watchdog: Watchdog,
        operational_events: OperationalEvents,
        release: Release,
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = self._topic(settings)
        everything = watches(
            settings, reception, senders, workflow, watchdog, operational_events, release
        )
        self.all = [self._alarm(watch) for watch in everything]

    def add(self, watch: Watch) -> cloudwatch.Alarm:
        """Add an alarm for a resource that was added to Homing after this construct."""
        alarm = self._alarm(watch)
        self.all.append(alarm)
        return alarm

    def _topic(self, settings: NamedSettings) -> sns.Topic:
        topic = sns.Topic(self, "Topic", enforce_ssl=True)
        # Since TLS is enforced, the topic has its own policy. It replaces the default policy, which
        # would allow CloudWatch to publish.
        account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        topic.grant_publish(iam.ServicePrincipal("cloudwatch.amazonaws.com", conditions=account))
        if settings.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
        return topic

    def _alarm(self, watch: Watch) -> cloudwatch.Alarm:
        minutes = 60 if watch.expected else 1 if watch.lasting else 5
        alarm = watch.metric.with_(period=Duration.minutes(minutes)).create_alarm(
            self,
            watch.name,
            alarm_description=(
                f"{watch.meaning} What is wrong now: {console_command(self)}. "
                f"What to do: docs/operations.md, {watch.heading or watch.name}."
            ),
            threshold=watch.threshold,
            evaluation_periods=5 if watch.lasting else 1,
            datapoints_to_alarm=3 if watch.lasting else 1,
            comparison_operator=_TOO_FEW if watch.expected else _TOO_MANY,
            treat_missing_data=_BREACHING if watch.expected else _NOT_BREACHING,
        )
        alarm.add_alarm_action(SnsAction(self.topic))
        return alarm

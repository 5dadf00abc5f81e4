"""The sources of messages other than the APIs: buses, topics and queues.

The function `ingest`, the ingest queues and their alarms are created only when needed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aws_cdk.aws_sns_subscriptions import SqsSubscription

from .kept import mark_what_is_kept
from .monitoring.watches import ingest_queue_watch, ingest_watches
from .outputs import add_outputs
from .reception.ingest import Ingest
from .settings import InvalidSettingsError

if TYPE_CHECKING:
    from aws_cdk import aws_events as events
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs
    from constructs import Construct

    from .monitoring.alarms import Alarms
    from .monitoring.dashboard import Dashboard
    from .monitoring.queries import Queries
    from .reception.accepting import Accepting
    from .settings import NamedSettings

_MAIN = "Queue"


class Subscriptions:
    """The ingest queues of a Homing.

    In its methods, `sender` is the sender of a queue's messages: a `senderId`, the path to it in
    the event, or empty if each message may name its sender (`homing.reception.ingested`).

    Args:
        homing: the construct to which the queues belong.
        settings: the settings of that construct.
        accepting: what a function needs to accept messages.
        own_hosts: the hosts that are refused as targets, as `OWN_HOSTS`.
        alarms: the alarms, to which those of the queues are added.
        dashboard: the dashboard, on which the queues are shown.
        queries: the saved queries, which cover the logs of `ingest`, too; None if there are none.
    """

    def __init__(  # noqa: PLR0913 -- keyword arguments only
        self,
        homing: Construct,
        *,
        settings: NamedSettings,
        accepting: Accepting,
        own_hosts: str,
        alarms: Alarms,
        dashboard: Dashboard,
        queries: Queries | None,
    ) -> None:
        self._homing = homing
        self._settings = settings
        self._accepting = accepting
        self._own_hosts = own_hosts
        self._alarms = alarms
        self._dashboard = dashboard
        self._queries = queries
        self.ingest: Ingest | None = None
        if settings.ingest_queue:
            queue = self._queue(_MAIN, settings.ingest_sender or "")
            self._ingesting().open_to_account(queue)
            add_outputs(homing, {"IngestQueueUrl": queue.queue_url})

    @property
    def main_queue(self) -> sqs.Queue:
        """The queue of the setting `ingest_queue`.

        Raises:
            InvalidSettingsError: when the setting is off.
        """
        if not self._settings.ingest_queue:
            raise InvalidSettingsError(
                "there is no ingest queue: set HomingSettings(ingest_queue=True)"
            )
        return self._ingesting().queues[_MAIN]

    @property
    def unaccepted_queue(self) -> sqs.Queue:
        """The queue of messages that were not accepted."""
        return self._ingesting().unaccepted

    def add_bus(
        self, bus: events.IEventBus, pattern: events.EventPattern, sender: str
    ) -> events.Rule:
        """Accept the events of a bus that match a pattern."""
        queue = self._queue_of(sender)
        return self._ingesting().subscribe_to_bus(bus, pattern, queue)

    def add_topic(self, topic: sns.ITopic, sender: str) -> None:
        """Accept the notifications of a topic, with the envelope of SNS, which contains an id."""
        topic.add_subscription(SqsSubscription(self._queue_of(sender)))

    def add_queue(self, queue: sqs.IQueue, sender: str) -> None:
        """Accept the messages of a queue that another construct has created."""
        self._ingesting().consume(queue, sender)

    def _ingesting(self) -> Ingest:
        """Return the construct with the function `ingest`; create it on first use."""
        if self.ingest is None:
            self.ingest = Ingest(
                self._homing,
                "Ingest",
                settings=self._settings,
                accepting=self._accepting,
                own_hosts=self._own_hosts,
            )
            alarms = [self._alarms.add(each) for each in ingest_watches(self.ingest)]
            self._dashboard.show_ingest(self.ingest, alarms)
            if self._queries:
                self._queries.include(self.ingest.function.log_group)
            add_outputs(self._homing, {"UnacceptedQueueUrl": self.ingest.unaccepted.queue_url})
            mark_what_is_kept(self.ingest, self._settings)
        return self.ingest

    def _queue_of(self, sender: str) -> sqs.Queue:
        """Return the queue for a sender's subscriptions.

        Its construct id depends on the sender only. So it does not change if the app adds its
        subscriptions in another order.
        """
        digest = hashlib.sha256(sender.encode()).hexdigest()
        return self._queue(f"{_MAIN}{digest[:8]}", sender)

    def _queue(self, construct_id: str, sender: str) -> sqs.Queue:
        """Return a queue; create it, with its alarm, on first use."""
        ingest = self._ingesting()
        if construct_id not in ingest.queues:
            queue = ingest.add_queue(construct_id, sender)
            alarm = self._alarms.add(ingest_queue_watch(queue))
            self._dashboard.show_ingest_queue(queue, alarm)
            mark_what_is_kept(queue, self._settings)
        return ingest.queues[construct_id]

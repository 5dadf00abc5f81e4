"""The construct `Homing`. It consists of smaller constructs, each with one responsibility."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from homing.api.routes import POST_BATCH, POST_MESSAGE

from .apis.endpoint_api import EndpointApi
from .apis.function_url import refuse_own_hosts
from .apis.key_api import KeyApi
from .apis.routes import add_routes
from .apis.smoke_receiver import SmokeReceiver
from .background.operational_events import OperationalEvents
from .background.release import Release
from .background.watchdog import Watchdog
from .functions.client_layer import client_layer
from .kept import mark_what_is_kept
from .monitoring.alarms import Alarms
from .monitoring.dashboard import Dashboard
from .monitoring.metrics import emitted
from .monitoring.queries import Queries
from .outputs import add_outputs, path_in_stack
from .reception.reception import Reception
from .settings import HomingSettings, InvalidSettingsError
from .settings.ingest import sender_rule
from .storage.ledger import Ledger
from .storage.registry import Registry
from .subscriptions import Subscriptions
from .workflow.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import Duration
    from aws_cdk import aws_apigatewayv2 as apigwv2
    from aws_cdk import aws_dynamodb as dynamodb
    from aws_cdk import aws_events as events
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs
    from aws_cdk import aws_stepfunctions as sfn

_PREFIX = "Homing"
_OVERRIDES = "homing:settings"


class Homing(Construct):
    """One complete Homing as part of any stack; a stack may contain several.

    The command line finds it by its outputs: `homing --stack YOUR-STACK --construct Webhooks`.

    To override settings of every `Homing` in the app, give them as JSON in the context key
    `homing:settings`: `cdk deploy -c homing:settings='{"alarmEmail": "me@example.com"}'`.

    Args:
        settings: the settings; by default, each has its default value.

    Raises:
        InvalidSettingsError: when the settings in the context are not valid.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: HomingSettings | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        whole = (settings or HomingSettings()).overridden(_overrides(self))
        self._settings = whole.named(_name(self))
        self._storage()
        self._apis()
        self._monitoring()
        add_outputs(self, self._outputs())
        self._subscriptions = Subscriptions(
            self,
            settings=self._settings,
            accepting=self._reception.accepting,
            own_hosts=self._own_hosts,
            alarms=self._alarms,
            dashboard=self._dashboard,
            queries=self._queries,
        )
        mark_what_is_kept(self, self._settings)

    def _storage(self) -> None:
        self._ledger = Ledger(self, "Ledger", settings=self._settings)
        self._registry = Registry(self, "Registry", settings=self._settings)
        self._workflow = Workflow(
            self,
            "Workflow",
            settings=self._settings,
            ledger=self._ledger,
            registry=self._registry,
        )
        self._reception = Reception(
            self,
            "Reception",
            settings=self._settings,
            ledger=self._ledger,
            workflow=self._workflow,
            registry=self._registry,
        )
        self._watchdog = Watchdog(
            self,
            "Watchdog",
            settings=self._settings,
            reception=self._reception,
            workflow=self._workflow,
            registry=self._registry,
        )
        self._release = Release(
            self,
            "Ordering",
            settings=self._settings,
            reception=self._reception,
            ledger=self._ledger,
            registry=self._registry,
        )
        self._operational_events = OperationalEvents(
            self,
            "Events",
            settings=self._settings,
            ledger=self._ledger,
            registry=self._registry,
        )

    def _apis(self) -> None:
        reception = self._reception
        endpoints = EndpointApi(
            self, "Endpoints", settings=self._settings, registry=self._registry
        ).endpoints
        functions = {
            "accept": reception.accept,
            "get_message": reception.get_message,
            "redrive": reception.redrive,
            "endpoints": endpoints,
        }
        add_routes(reception.api, functions)
        self._senders = KeyApi(
            self,
            "Senders",
            settings=self._settings,
            registry=self._registry,
            functions=functions,
        )
        self._own_hosts = refuse_own_hosts(
            (reception.api, self._senders.api),
            reception.messages_url,
            accept=reception.accept,
            others=(endpoints, self._workflow.deliver),
        )

        self._smoke = (
            SmokeReceiver(self, "Smoke", settings=self._settings)
            if self._settings.smoke_endpoint
            else None
        )

    def _monitoring(self) -> None:
        self._alarms = Alarms(
            self,
            "Alarms",
            settings=self._settings,
            reception=self._reception,
            senders=self._senders,
            workflow=self._workflow,
            watchdog=self._watchdog,
            operational_events=self._operational_events,
            release=self._release,
        )
        self._queries = None
        if self._settings.saved_queries:
            self._queries = Queries(
                self,
                "Queries",
                settings=self._settings,
                reception=self._reception,
                senders=self._senders,
                workflow=self._workflow,
                watchdog=self._watchdog,
                operational_events=self._operational_events,
                release=self._release,
            )
        self._dashboard = Dashboard(
            self,
            "Dashboard",
            settings=self._settings,
            reception=self._reception,
            senders=self._senders,
            workflow=self._workflow,
            watchdog=self._watchdog,
            operational_events=self._operational_events,
            release=self._release,
            alarms=self._alarms,
        )

    def _outputs(self) -> dict[str, str]:
        outputs = {
            "ApiUrl": self.api.api_endpoint,
            "AcceptArn": self._reception.accept.function_arn,
            "SenderApiUrl": self.key_api.api_endpoint,
            "LedgerTable": self.ledger.table_name,
            "MessagesTable": self._ledger.messages.table_name,
            "KeysTable": self._registry.keys.table_name,
            "EndpointsTable": self._registry.endpoints.table_name,
            "SecretsTable": self._registry.secrets.table_name,
            "DeliveryQueueUrl": self._reception.queue.queue_url,
            "BulkQueueUrl": self._reception.bulk_queue.queue_url,
            "DeadLetterQueueUrl": self.dead_letter_queue.queue_url,
            "UndispatchedQueueUrl": self.undispatched_queue.queue_url,
            "PayloadBucket": self._workflow.payloads.bucket.bucket_name,
            "StateMachineArn": self.state_machine.state_machine_arn,
            "RedrivesTable": self._ledger.redrives.table_name,
            "LinesTable": self._ledger.lines.table_name,
            "PlacesTable": self._ledger.places.table_name,
            "WatchdogArn": self._watchdog.function.function_arn,
            "DashboardName": self._dashboard.name,
            "AlarmTopicArn": self.alarm_topic.topic_arn,
            "MetricsNamespace": self._settings.name,
            "AttemptLogGroups": ",".join(
                group.log_group_name for group in self._workflow.attempt_logs
            ),
        }
        if self._reception.messages_url:
            outputs["MessagesUrl"] = self._reception.messages_url.url
        if self._smoke:
            outputs["SmokeUrl"] = self._smoke.url
        if self._workflow.first_attempts:
            outputs["FirstAttemptArn"] = self._workflow.first_attempts.state_machine_arn
        return outputs

    def subscribe_to_bus(
        self,
        bus: events.IEventBus,
        *,
        pattern: events.EventPattern,
        sender_path: str | None = None,
        sender_id: str | None = None,
    ) -> events.Rule:
        """Send a message for each event of an EventBridge bus that matches a pattern.

        The `detail-type` is the event type and the `detail` is the payload (docs/ingest.md).

        Args:
            bus: the event bus.
            pattern: the pattern that the events must match.
            sender_path: the path to the sender in an event, such as `$.detail.tenantId`.
            sender_id: the sender of all events. If neither is given, a message may name its sender;
                one that does not is from the sender `default`.

        Raises:
            InvalidSettingsError: when both senders are given, or one is not valid.
        """
        return self._subscriptions.add_bus(bus, pattern, sender_rule(sender_path, sender_id))

    def subscribe_to_topic(
        self,
        topic: sns.ITopic,
        *,
        sender_id: str | None = None,
        sender_path: str | None = None,
    ) -> None:
        """Send a message for each notification of an SNS topic.

        `sender_id` and `sender_path` are as in `subscribe_to_bus`.

        Raises:
            InvalidSettingsError: when both senders are given, or one is not valid.
        """
        self._subscriptions.add_topic(topic, sender_rule(sender_path, sender_id))

    def subscribe_to_queue(
        self,
        queue: sqs.IQueue,
        *,
        sender_id: str | None = None,
        sender_path: str | None = None,
    ) -> None:
        """Send a webhook message for each message of an SQS queue.

        `sender_id` and `sender_path` are as in `subscribe_to_bus`. Homing consumes the queue, so it
        must have no other consumer. Its visibility timeout must be at least 30 s; 150 s is
        recommended. Invalid messages go to Homing's queue of unaccepted messages.

        Raises:
            InvalidSettingsError: when both senders are given, or one is not valid.
        """
        self._subscriptions.add_queue(queue, sender_rule(sender_path, sender_id))

    @property
    def ingest_queue(self) -> sqs.Queue:
        """The queue that AWS services and programs may write messages to.

        Raises:
            InvalidSettingsError: when the setting `ingest_queue` is off.
        """
        return self._subscriptions.main_queue

    @property
    def unaccepted_queue(self) -> sqs.Queue:
        """The queue of unaccepted messages, which come from the ingest queues."""
        return self._subscriptions.unaccepted_queue

    def grant_send(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a function or role to send messages to `messages_url`, and nothing else."""
        if url := self._reception.messages_url:
            return url.grant_invoke_url(grantee)
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["execute-api:Invoke"],
            resource_arns=[
                self.api.arn_for_execute_api(route.method, route.path)
                for route in (POST_MESSAGE, POST_BATCH)
            ],
        )

    @cached_property
    def client_layer(self) -> lambda_.LayerVersion:
        """A layer with `homing.client`, for functions that send messages; created on first use."""
        return client_layer(self, "Client")

    @property
    def messages_url(self) -> str:
        """The base URL of `POST /v1/messages` under IAM: the function URL, or else the IAM API."""
        url = self._reception.messages_url
        return url.url if url else self.api.api_endpoint

    @property
    def api(self) -> apigwv2.HttpApi:
        """The API under IAM, with every route."""
        return self._reception.api

    @property
    def key_api(self) -> apigwv2.HttpApi:
        """The API for senders with API keys, with every route."""
        return self._senders.api

    @property
    def dead_letter_queue(self) -> sqs.Queue:
        """The queue of deliveries that have failed for good."""
        return self._workflow.dead_letter_queue

    @property
    def undispatched_queue(self) -> sqs.Queue:
        """The queue of accepted deliveries that could not be dispatched."""
        return self._reception.dead_letter_queue

    @property
    def alarm_topic(self) -> sns.Topic:
        """The topic that all alarms notify."""
        return self._alarms.topic

    @property
    def state_machine(self) -> sfn.StateMachine:
        """The delivery workflow, in which deliveries wait for their retries."""
        return self._workflow.state_machine

    @property
    def ledger(self) -> dynamodb.Table:
        """The table that records every attempt."""
        return self._ledger.table

    @property
    def functions(self) -> Mapping[str, lambda_.Function]:
        """All functions, by construct id, such as `Accept` or `Deliver`."""
        every = (
            *self._reception.functions,
            *self._senders.functions,
            *self._workflow.functions,
            *self._watchdog.functions,
            *self._release.functions,
            *self._operational_events.functions,
            *((ingest.function,) if (ingest := self._subscriptions.ingest) else ()),
            *((self._smoke.function,) if self._smoke else ()),
        )
        return {function.node.id: function for function in every}

    def metric_delivered(self, *, period: Duration | None = None) -> cloudwatch.Metric:
        """Return the metric that counts successful deliveries, by default per five minutes."""
        return emitted(self._settings, "Delivered", period=period)

    def metric_dead_lettered(self, *, period: Duration | None = None) -> cloudwatch.Metric:
        """Return the metric that counts dead letters, by default per five minutes."""
        return self.dead_letter_queue.metric_number_of_messages_sent(
            statistic=cloudwatch.Stats.SUM, period=period
        )

    def metric_attempt_duration(
        self, *, statistic: str = "p50", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Return the metric of the time that attempts take, in ms.

        By default it is the median over five minutes.
        """
        return emitted(self._settings, "AttemptLatency", statistic=statistic, period=period)


def _overrides(homing: Homing) -> Mapping[str, Any]:
    """Return the settings in the context: an object from cdk.json, or JSON text from `-c`."""
    found = homing.node.try_get_context(_OVERRIDES) or {}
    try:
        overrides = json.loads(found) if isinstance(found, str) else found
    except ValueError as error:
        raise InvalidSettingsError(f"{_OVERRIDES} is not valid JSON: {error}") from error
    if not isinstance(overrides, dict):
        raise InvalidSettingsError(f"{_OVERRIDES} is not a JSON object of settings: {found!r}")
    return overrides


def _name(homing: Homing) -> str:
    """Return the name of a Homing: `Homing/<stack>/<construct>`.

    If the stack's name begins with `Homing`, as that of Homing's own stack does, the first part is
    omitted. Characters that are invalid in metrics namespaces or log group names are removed from
    construct ids.
    """
    stack_name = Stack.of(homing).stack_name
    ids = [re.sub(r"[^A-Za-z0-9_-]", "", each) for each in path_in_stack(homing)]
    prefix = () if stack_name.startswith(_PREFIX) else (_PREFIX,)
    return "/".join((*prefix, stack_name, *ids))

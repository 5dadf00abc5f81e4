"""Homing as one construct, wired from one construct per capability."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_cdk import CfnDeletionPolicy, CfnResource, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from .apis.endpoint_api import EndpointApi
from .apis.function_url import refuse_own_hosts
from .apis.key_api import KeyApi
from .apis.routes import add_routes
from .monitoring.alarms import Alarms
from .monitoring.dashboard import Dashboard
from .monitoring.metrics import emitted
from .monitoring.queries import Queries
from .outputs import add_outputs, path_in_stack
from .reception import Reception
from .settings import HomingSettings
from .storage.ledger import Ledger
from .storage.registry import Registry
from .workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import Duration
    from aws_cdk import aws_apigatewayv2 as apigwv2
    from aws_cdk import aws_dynamodb as dynamodb
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs
    from aws_cdk import aws_stepfunctions as sfn

_PREFIX = "Homing"


class Homing(Construct):
    """Everything that delivers webhooks, as part of any stack; a stack may have several.

    Its outputs lead the command line to it: `homing --stack THEIRS --construct Webhooks`.

    Args:
        settings: what differs from the defaults.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: HomingSettings | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = (settings or HomingSettings()).named(_name(self))
        self._storage()
        self._apis()
        self._monitoring()
        add_outputs(self, self._outputs())
        if self._settings.deletion_protection:
            _mark_what_is_kept(self)

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
        refuse_own_hosts(
            (reception.api, self._senders.api),
            reception.messages_url,
            accept=reception.accept,
            others=(endpoints, self._workflow.deliver),
        )

    def _monitoring(self) -> None:
        self._alarms = Alarms(
            self,
            "Alarms",
            settings=self._settings,
            reception=self._reception,
            senders=self._senders,
            workflow=self._workflow,
        )
        if self._settings.saved_queries:
            Queries(
                self,
                "Queries",
                settings=self._settings,
                reception=self._reception,
                senders=self._senders,
                workflow=self._workflow,
            )
        self._dashboard = Dashboard(
            self,
            "Dashboard",
            settings=self._settings,
            reception=self._reception,
            senders=self._senders,
            workflow=self._workflow,
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
            "DeadLetterQueueUrl": self.dead_letter_queue.queue_url,
            "UndispatchedQueueUrl": self.undispatched_queue.queue_url,
            "PayloadBucket": self._workflow.payloads.bucket.bucket_name,
            "StateMachineArn": self.state_machine.state_machine_arn,
            "DashboardName": self._dashboard.name,
            "AlarmTopicArn": self.alarm_topic.topic_arn,
            "MetricsNamespace": self._settings.name,
            "AttemptLogGroups": ",".join(
                group.log_group_name for group in self._workflow.attempt_logs
            ),
        }
        if self._reception.messages_url:
            outputs["MessagesUrl"] = self._reception.messages_url.url
        if self._workflow.first_attempts:
            outputs["FirstAttemptArn"] = self._workflow.first_attempts.state_machine_arn
        return outputs

    def grant_send(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a function or role to send messages to `messages_url`, and nothing else."""
        if url := self._reception.messages_url:
            return url.grant_invoke_url(grantee)
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["execute-api:Invoke"],
            resource_arns=[self.api.arn_for_execute_api("POST", "/v1/messages")],
        )

    @property
    def messages_url(self) -> str:
        """The base URL of `POST /v1/messages` under IAM: of the function URL, if there is one."""
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
        """All functions, by the construct ids that name their modules: `Accept`, `Deliver`."""
        every = (
            *self._reception.functions,
            *self._senders.functions,
            *self._workflow.functions,
        )
        return {function.node.id: function for function in every}

    def metric_delivered(self, *, period: Duration | None = None) -> cloudwatch.Metric:
        """Return how many deliveries have arrived; by default in five minutes."""
        return emitted(self._settings, "Delivered", period=period)

    def metric_dead_lettered(self, *, period: Duration | None = None) -> cloudwatch.Metric:
        """Return how many deliveries have become dead letters; by default in five minutes."""
        return self.dead_letter_queue.metric_number_of_messages_sent(
            statistic=cloudwatch.Stats.SUM, period=period
        )

    def metric_attempt_duration(
        self, *, statistic: str = "p50", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Return how long attempts take, in milliseconds; by default the median of five minutes."""
        return emitted(self._settings, "AttemptLatency", statistic=statistic, period=period)


def _name(homing: Homing) -> str:
    """Return `Homing/<stack>/<construct>`; just the stack where its name says that it is Homing's.

    Construct ids lose what neither a metrics namespace nor a log group may have in its name.
    """
    stack_name = Stack.of(homing).stack_name
    ids = [re.sub(r"[^A-Za-z0-9_-]", "", each) for each in path_in_stack(homing)]
    prefix = () if stack_name.startswith(_PREFIX) else (_PREFIX,)
    return "/".join((*prefix, stack_name, *ids))


def _mark_what_is_kept(homing: Homing) -> None:
    """Add metadata to every resource that is kept when the stack is deleted.

    CloudFormation takes no change of a deletion policy alone: something else of the resource must
    change with it, and metadata will do ("DeletionPolicy attribute", User Guide).
    """
    for construct in homing.node.find_all():
        if (
            isinstance(construct, CfnResource)
            and construct.cfn_options.deletion_policy is CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE
        ):
            construct.add_metadata("homing:kept", value=True)

"""Homing as one stack, wired from one construct per capability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnDeletionPolicy, CfnOutput, CfnResource, Stack

from .apis.endpoint_api import EndpointApi
from .apis.function_url import refuse_own_hosts
from .apis.key_api import KeyApi
from .apis.routes import add_routes
from .monitoring.alarms import Alarms
from .monitoring.dashboard import Dashboard
from .monitoring.queries import Queries
from .reception import Reception
from .storage.ledger import Ledger
from .storage.registry import Registry
from .workflow import Workflow

if TYPE_CHECKING:
    from constructs import Construct

    from .settings import StackSettings


class DeliveryStack(Stack):
    """Everything that Homing needs in an account and region; it can be deployed to any.

    Args:
        settings: the settings of this deployment; they also name the stack.
    """

    def __init__(self, scope: Construct, *, settings: StackSettings) -> None:
        super().__init__(
            scope,
            settings.stack_id,
            description="Homing: delivers webhooks and notifications and does not give up easily",
            termination_protection=settings.termination_protection,
        )
        # CDK makes functions depend on their roles' policies, and on the roles once more.
        self.template_options.metadata = {"cfn-lint": {"config": {"ignore_checks": ["W3005"]}}}
        ledger = Ledger(self, "Ledger", settings=settings)
        registry = Registry(self, "Registry", settings=settings)
        workflow = Workflow(self, "Workflow", settings=settings, ledger=ledger, registry=registry)
        reception = Reception(
            self,
            "Reception",
            settings=settings,
            ledger=ledger,
            workflow=workflow,
            registry=registry,
        )
        endpoints = EndpointApi(self, "Endpoints", settings=settings, registry=registry)
        functions = {
            "accept": reception.accept,
            "get_message": reception.get_message,
            "redrive": reception.redrive,
            "endpoints": endpoints.endpoints,
        }
        add_routes(reception.api, functions)
        senders = KeyApi(
            self,
            "Senders",
            settings=settings,
            registry=registry,
            functions=functions,
        )
        refuse_own_hosts(
            (reception.api, senders.api),
            reception.messages_url,
            accept=reception.accept,
            others=(endpoints.endpoints, workflow.deliver),
        )
        alarms = Alarms(
            self,
            "Alarms",
            settings=settings,
            reception=reception,
            senders=senders,
            workflow=workflow,
        )
        if settings.saved_queries:
            Queries(
                self,
                "Queries",
                settings=settings,
                reception=reception,
                senders=senders,
                workflow=workflow,
            )
        dashboard = Dashboard(
            self,
            "Dashboard",
            settings=settings,
            reception=reception,
            senders=senders,
            workflow=workflow,
            alarms=alarms,
        )
        outputs = {
            "ApiUrl": reception.api.api_endpoint,
            "AcceptArn": reception.accept.function_arn,
            "SenderApiUrl": senders.api.api_endpoint,
            "LedgerTable": ledger.table.table_name,
            "MessagesTable": ledger.messages.table_name,
            "KeysTable": registry.keys.table_name,
            "EndpointsTable": registry.endpoints.table_name,
            "SecretsTable": registry.secrets.table_name,
            "DeliveryQueueUrl": reception.queue.queue_url,
            "DeadLetterQueueUrl": workflow.dead_letter_queue.queue_url,
            "UndispatchedQueueUrl": reception.dead_letter_queue.queue_url,
            "PayloadBucket": workflow.payloads.bucket.bucket_name,
            "StateMachineArn": workflow.state_machine.state_machine_arn,
            "DashboardName": dashboard.name,
            "AlarmTopicArn": alarms.topic.topic_arn,
            "MetricsNamespace": settings.metrics_namespace,
            "AttemptLogGroups": ",".join(group.log_group_name for group in workflow.attempt_logs),
        }
        if reception.messages_url:
            outputs["MessagesUrl"] = reception.messages_url.url
        if workflow.first_attempts:
            outputs["FirstAttemptArn"] = workflow.first_attempts.state_machine_arn
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
        self._mark_what_is_kept(settings)

    def _mark_what_is_kept(self, settings: StackSettings) -> None:
        """Add metadata to every resource that is kept when the stack is deleted.

        CloudFormation takes no change of a deletion policy alone: something else of the resource
        must change with it, and metadata will do ("DeletionPolicy attribute", User Guide).
        """
        if not settings.deletion_protection:
            return
        for construct in self.node.find_all():
            if (
                isinstance(construct, CfnResource)
                and construct.cfn_options.deletion_policy
                is CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE
            ):
                construct.add_metadata("homing:kept", value=True)
